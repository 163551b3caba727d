// An emulated tenant as a process, with a coordinator and agents that migrate into it; and a look at what arrived from the side,
// through Graph itself, because what the agents believe is what is being tested.
import { hash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent, request, type Dispatcher } from 'undici';
import type { LocalProcess } from '../../scripts/local-process.ts';
import { emulatorSignIn, startEmulator, type AgentReady, type EmulatorReady } from '../../scripts/local-stack.ts'; // oxfmt-ignore
import { readIfThere } from './folders.ts';
import { Stack, type AgentPlan, type Cleanup } from './stack.ts';

/** How an agent signs in. */
export type SignIn = ReturnType<typeof emulatorSignIn>;

/** A rule of the emulator's faults, as its control address takes them. */
export interface Fault {
  name?: string;
  method?: string;
  path?: string;
  host?: string;
  nth?: number;
  every?: number;
  times?: number;
  probability?: number;
  seed?: number;
  fault: { kind: string } & Record<string, unknown>;
}

/** What the emulator counts; see its control address. */
export interface TenantStats {
  requests: number;
  classes: Record<string, number>;
  classMethods: Record<string, Record<string, number> | undefined>;
  statuses: Record<string, number>;
  bytesIn: number;
  rules: { name: string; matches: number; hits: number }[];
  graph: { openSessions: number; strayTokens: number };
}

/** An item at the destination as Graph shows it, by its path below the folder that was asked for. */
export interface Arrived {
  id: string;
  isFolder: boolean;
  size: number;
  /** quickXorHash of a file. */
  hash: string | undefined;
  /** As the service writes it, to the second. */
  modified: string;
  /** Whom the file is checked out to hides it from others. */
  isCheckedOut: boolean;
}

/** The emulator's tenant.json, as far as tests change it. */
export interface TenantFile {
  apps: {
    clientId: string;
    secrets: string[];
    expiredSecrets?: string[];
    certificates: string[];
    permissions: { application: string[]; delegated: string[] };
  }[];
  sites: {
    path: string;
    title: string;
    readOnly?: boolean;
    libraries: {
      title: string;
      urlName: string;
      readOnly?: boolean;
      requiresCheckout?: boolean;
      quotaBytes?: number;
    }[];
  }[];
}

export interface TenantOptions {
  /** Further arguments of the emulator. */
  emulatorArguments?: readonly string[];
  /** Further arguments of the coordinator. */
  coordinatorArguments?: readonly string[];
  /** Changes the tenant before anybody uses it. */
  edit?: (tenant: TenantFile) => void;
}

export interface TenantAgentPlan extends AgentPlan {
  /** @default the tenant's first application, by the emulator's own address */
  signIn?: SignIn;
  arguments?: readonly string[];
}

/** So many calls go into one request. */
const batchRequestsMax = 20;
const site = 'https://contoso.sharepoint.com/sites/migration';

export class Tenant {
  readonly folder: string;
  stack: Stack;
  readonly #options: TenantOptions;
  readonly #cleanup: Cleanup;
  #emulator: LocalProcess<EmulatorReady>;
  #dispatcher: Dispatcher | undefined;
  #token: string | undefined;
  #drives = new Map<string, string>();
  #places = 0;

  private constructor(folder: string, options: TenantOptions, cleanup: Cleanup) {
    this.folder = folder;
    this.#options = options;
    this.#cleanup = cleanup;
    this.#emulator = undefined!;
    this.stack = undefined!;
  }

  /** Starts the emulator and a coordinator, but no agent, in a folder of their own that goes with them. */
  static async start(options: TenantOptions, cleanup: Cleanup): Promise<Tenant> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-test-'));
    cleanup(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    const tenant = new Tenant(folder, options, cleanup);
    await tenant.startEmulator();
    if (options.edit !== undefined) await tenant.editTenant(options.edit);
    const { coordinatorArguments } = options;
    tenant.stack = await Stack.start(
      {
        folder: path.join(folder, 'stack'),
        ...(coordinatorArguments === undefined ? {} : { coordinatorArguments }),
      },
      cleanup,
    );
    return tenant;
  }

  get ready(): EmulatorReady {
    return this.#emulator.ready;
  }

  get emulator(): LocalProcess<EmulatorReady> {
    return this.#emulator;
  }

  /** Starts the emulator, at the address it had before if it was started before. */
  async startEmulator(): Promise<void> {
    const before = this.#emulator as LocalProcess<EmulatorReady> | undefined;
    const listen =
      before === undefined ? '127.0.0.1:0' : `127.0.0.1:${new URL(before.ready.url).port}`;
    this.#emulator = await startEmulator({
      data: path.join(this.folder, 'emulator'),
      listen,
      arguments: this.#options.emulatorArguments ?? [],
    });
    const started = this.#emulator;
    this.#cleanup(() => started.stop(5000));
    this.#dispatcher = undefined;
    this.#token = undefined;
  }

  /** Changes the tenant and starts the emulator anew, because it reads the file only then. */
  async editTenant(edit: (tenant: TenantFile) => void): Promise<void> {
    await this.#emulator.stop();
    const file = path.join(this.folder, 'emulator', 'tenant.json');
    const tenant = JSON.parse(readFileSync(file, 'utf8')) as TenantFile;
    edit(tenant);
    writeFileSync(file, JSON.stringify(tenant));
    await this.startEmulator();
  }

  /** The tenant's applications; the second one has no permissions. */
  apps(): TenantFile['apps'] {
    const file = path.join(this.folder, 'emulator', 'tenant.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as TenantFile).apps;
  }

  /** The sign-in of the tenant's first application. */
  signIn(): SignIn {
    return emulatorSignIn(this.ready, 'direct');
  }

  /** Starts an agent that can sign in; one of the same name goes on with the same data. */
  async startAgent(plan: TenantAgentPlan = {}): Promise<LocalProcess<AgentReady>> {
    const whole: TenantAgentPlan = { signIn: this.signIn(), ...plan };
    return await this.stack.startAgent(whole);
  }

  /** The address of a folder that nobody else writes to. */
  place(library = `${site}/Shared Documents`): string {
    return `${library}/place ${++this.#places}`;
  }

  /** Calls Graph, or the address that is given whole, as the tenant's first application. */
  async graph(
    method: Dispatcher.HttpMethod,
    target: string,
    body?: Uint8Array | object,
  ): Promise<{ status: number; bytes: Buffer; json: unknown }> {
    const isJson = body !== undefined && !(body instanceof Uint8Array);
    const isWhole = target.startsWith('https://');
    const response = await request(isWhole ? target : `${this.ready.graph}/v1.0${target}`, {
      dispatcher: (this.#dispatcher ??= this.#connect()),
      method,
      headers: {
        ...(isWhole ? {} : { authorization: `Bearer ${(this.#token ??= await this.token())}` }),
        ...(isJson ? { 'content-type': 'application/json' } : {}),
      },
      body: isJson ? JSON.stringify(body) : (body ?? null),
    });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const isObject = String(response.headers['content-type'] ?? '').includes('json');
    return {
      status: response.statusCode,
      bytes,
      json: isObject ? JSON.parse(bytes.toString('utf8')) : undefined,
    };
  }

  /** A token of the tenant's first application. */
  async token(): Promise<string> {
    const { authority, tenant, clientId, clientSecret } = this.ready;
    const response = await request(`${authority}/${tenant}/oauth2/v2.0/token`, {
      dispatcher: (this.#dispatcher ??= this.#connect()),
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: 'https://graph.microsoft.com/.default',
      }).toString(),
    });
    return ((await response.body.json()) as { access_token: string }).access_token;
  }

  /** Faults from now on; none ends them. */
  async faults(...rules: Fault[]): Promise<void> {
    const { status, bytes } = await this.graph('PUT', `${this.ready.control}faults`, rules);
    if (status !== 200) throw new Error(`the emulator took no faults: ${bytes.toString('utf8')}`);
  }

  /** Makes a further secret of the tenant's first application, or takes it away; tokens stay good until they end. */
  async setSecret(secret: string, isGood: boolean): Promise<void> {
    const target = `${this.ready.control}secrets`;
    const { status, bytes } = await this.graph(isGood ? 'POST' : 'DELETE', target, Buffer.from(secret)); // oxfmt-ignore
    if (status !== 200) throw new Error(`no secret: ${bytes.toString('utf8')}`);
  }

  async stats(): Promise<TenantStats> {
    return (await this.graph('GET', `${this.ready.control}stats`)).json as TenantStats;
  }

  async resetStats(): Promise<void> {
    await this.graph('DELETE', `${this.ready.control}stats`);
  }

  /** Locks or unlocks what stands at an address, as a program that has it open does. */
  async setLock(address: string, isLocked: boolean): Promise<void> {
    const itemPath = encodeURIComponent(decodeURIComponent(new URL(address).pathname));
    const target = `${this.ready.control}locks?path=${itemPath}`;
    const { status, bytes } = await this.graph(isLocked ? 'POST' : 'DELETE', target);
    if (status !== 204) throw new Error(`no lock: ${bytes.toString('utf8')}`);
  }

  /** Everything below an address, by its path below it; empty when there is nothing. */
  async tree(address: string): Promise<Map<string, Arrived>> {
    const found = new Map<string, Arrived>();
    const { drive, folder } = await this.#locate(address);
    const root = folder === '' ? '/root' : `/root:/${encodePath(folder)}:`;
    await this.#list(found, `/drives/${drive}${root}/children?$top=1000`, '', drive);
    return found;
  }

  /** What stands at an address. */
  async item(address: string): Promise<Record<string, unknown> | undefined> {
    const { drive, folder } = await this.#locate(address);
    const answer = await this.graph('GET', `/drives/${drive}/root:/${encodePath(folder)}`);
    return answer.status === 200 ? (answer.json as Record<string, unknown>) : undefined;
  }

  /** Puts a file, as somebody else who works at the destination. */
  async put(address: string, content: string | Uint8Array): Promise<void> {
    const { drive, folder } = await this.#locate(address);
    const target = `/drives/${drive}/root:/${encodePath(folder)}:/content`;
    const { status, bytes } = await this.graph('PUT', target, Buffer.from(content));
    if (status >= 300) throw new Error(`not put: ${bytes.toString('utf8')}`);
  }

  async delete(address: string): Promise<void> {
    const { drive, folder } = await this.#locate(address);
    await this.graph('DELETE', `/drives/${drive}/root:/${encodePath(folder)}`);
  }

  /** SHA-256 of the content of an item in the library of an address, as it is downloaded. */
  async contentHash(address: string, id: string): Promise<string> {
    const { drive } = await this.#locate(address);
    const { json } = await this.graph('GET', `/drives/${drive}/items/${id}?$select=id,@microsoft.graph.downloadUrl`); // oxfmt-ignore
    const url = (json as Record<string, string>)['@microsoft.graph.downloadUrl']!;
    const { status, bytes } = await this.graph('GET', url);
    if (status !== 200) throw new Error(`status ${status}: ${bytes.toString('utf8')}`);
    return hash('sha256', bytes);
  }

  /** The file on this computer in which the emulator keeps what is at a path below an address; for names that it keeps as they are. */
  localCopy(address: string, itemPath: string): string {
    const { pathname } = new URL(address);
    return path.join(this.ready.content, ...decodeURIComponent(pathname).split('/'), itemPath);
  }

  /** How many versions an item in the library of an address has. */
  async versions(address: string, id: string): Promise<number> {
    const { drive } = await this.#locate(address);
    const { json } = await this.graph('GET', `/drives/${drive}/items/${id}/versions`);
    return (json as { value: unknown[] }).value.length;
  }

  /** How many versions each of the items in the library of an address has, by their ids. */
  async versionCounts(address: string, ids: readonly string[]): Promise<Map<string, number>> {
    const { drive } = await this.#locate(address);
    const counts = new Map<string, number>();
    for (let first = 0; first < ids.length; first += batchRequestsMax) {
      const requests = ids
        .slice(first, first + batchRequestsMax)
        .map((id) => ({ id, method: 'GET', url: `/drives/${drive}/items/${id}/versions` }));
      const { status, json } = await this.graph('POST', '/$batch', { requests });
      if (status !== 200) throw new Error(`status ${status}: ${JSON.stringify(json)}`);
      for (const { id, body } of (json as BatchJson).responses) counts.set(id, body.value.length);
    }
    return counts;
  }

  /** The files of coordinator and agents, logs and stores alike, in which one of the texts stands. */
  filesHolding(texts: readonly string[]): string[] {
    const folder = path.join(this.folder, 'stack');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true });
    return files
      .filter((file) => file.isFile())
      .map((file) => path.join(file.parentPath, file.name))
      .filter((file) => {
        const content = readIfThere(file);
        return texts.some((text) => content.includes(text));
      });
  }

  #connect(): Dispatcher {
    const dispatcher = new Agent({ connect: { ca: readFileSync(this.ready.ca) } });
    this.#cleanup(() => dispatcher.close());
    return dispatcher;
  }

  /** The drive of an address and the folder in it; the part before the library is the site's. */
  async #locate(address: string): Promise<{ drive: string; folder: string }> {
    const url = new URL(address);
    const [kind = '', name = '', library = '', ...folders] = decodeURIComponent(url.pathname)
      .split('/')
      .slice(1);
    const key = `${url.host}/${kind}/${name}/${library}`;
    let drive = this.#drives.get(key);
    if (drive === undefined) {
      const { json } = await this.graph('GET', `/sites/${url.host}:/${kind}/${encodeURIComponent(name)}:/drives`); // oxfmt-ignore
      const drives = (json as { value: { id: string; webUrl: string }[] }).value;
      drive = drives.find(({ webUrl }) => decodeURIComponent(webUrl).endsWith(`/${library}`))?.id;
      if (drive === undefined) throw new Error(`there is no library at ${address}`);
      this.#drives.set(key, drive);
    }
    return { drive, folder: folders.join('/') };
  }

  async #list(
    found: Map<string, Arrived>,
    first: string,
    below: string,
    drive: string,
  ): Promise<void> {
    const folders: [string, string][] = [];
    for (let target: string | undefined = first; target !== undefined;) {
      const { status, json } = await this.graph('GET', target);
      if (status === 404) return;
      if (status !== 200) throw new Error(`status ${status}: ${JSON.stringify(json)}`);
      const page = json as { value: ItemJson[]; '@odata.nextLink'?: string };
      for (const item of page.value) {
        const itemPath = below + item.name;
        found.set(itemPath, arrived(item));
        if (item.folder !== undefined && item.folder.childCount > 0)
          folders.push([item.id, `${itemPath}/`]);
      }
      const next: string | undefined = page['@odata.nextLink'];
      target = next === undefined ? undefined : next.slice(next.indexOf('/v1.0/') + 5);
    }
    for (const [id, inner] of folders)
      await this.#list(found, `/drives/${drive}/items/${id}/children?$top=1000`, inner, drive);
  }
}

/** The ids of what are no folders. */
export function idsOfFiles(there: ReadonlyMap<string, Arrived>): string[] {
  return [...there.values()].flatMap(({ id, isFolder }) => (isFolder ? [] : [id]));
}

/** The address of something below another. */
export function below(address: string, itemPath: string): string {
  return `${address}/${encodePath(itemPath)}`;
}

function encodePath(itemPath: string): string {
  return itemPath.split('/').map(encodeURIComponent).join('/');
}

/** An answer to several calls at once. */
interface BatchJson {
  responses: { id: string; body: { value: unknown[] } }[];
}

interface ItemJson {
  id: string;
  name: string;
  size: number;
  folder?: { childCount: number };
  file?: { hashes?: { quickXorHash?: string } };
  fileSystemInfo: { lastModifiedDateTime: string };
  publication?: { level?: string };
}

function arrived(item: ItemJson): Arrived {
  return {
    id: item.id,
    isFolder: item.folder !== undefined,
    size: item.size,
    hash: item.file?.hashes?.quickXorHash,
    modified: item.fileSystemInfo.lastModifiedDateTime,
    isCheckedOut: item.publication?.level === 'checkout',
  };
}
