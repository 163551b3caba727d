// What is at a destination, seen from the side: in a folder by the file system, in an emulated tenant through Graph, because what the
// agents and the coordinator believe is what is being tested.
import { hash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import type { EmulatorReady } from './local-stack.ts';

/** A file or folder at a destination. */
export interface Arrived {
  isFolder: boolean;
  /** SHA-256 of the content, in hexadecimal; empty for a folder. */
  sha256: string;
  /** Nanoseconds since 1970, as exact as the destination is. */
  modifiedNs: bigint;
  /** Empty where the destination has none. */
  id: string;
  /** As the destination says; empty where it says none. */
  quickXorHash: string;
  /** 0 where there are none. */
  versions: number;
}

/** By the path below the destination. */
export type ArrivedTree = Map<string, Arrived>;

/** All that is below a folder of this machine; empty when there is no such folder. */
export function readFolder(folder: string): ArrivedTree {
  const found: ArrivedTree = new Map();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const place = path.join(entry.parentPath, entry.name);
    const isFolder = entry.isDirectory();
    found.set(path.relative(folder, place), {
      isFolder,
      sha256: isFolder ? '' : hash('sha256', readFileSync(place)),
      modifiedNs: lstatSync(place, { bigint: true }).mtimeNs,
      id: '',
      quickXorHash: '',
      versions: 0,
    });
  }
  return found;
}

/** What is at a destination: a folder's address, or one in the tenant. */
export async function readDestination(
  destination: string,
  tenant: EmulatorReady | undefined,
): Promise<ArrivedTree> {
  if (tenant === undefined) return withoutRecycled(readFolder(fileURLToPath(destination)));
  const reader = await TenantReader.open(tenant);
  try {
    return await reader.tree(destination);
  } finally {
    await reader.close();
  }
}

/** What a folder destination has in place of a recycle bin is no part of what was migrated. */
function withoutRecycled(tree: ArrivedTree): ArrivedTree {
  const bin = '.drover-recycled';
  return new Map([...tree].filter(([name]) => name !== bin && !name.startsWith(`${bin}/`)));
}

interface ItemJson {
  id: string;
  name: string;
  folder?: { childCount: number };
  file?: { hashes?: { quickXorHash?: string } };
  fileSystemInfo: { lastModifiedDateTime: string };
}

interface DrivesJson {
  value: { id: string; webUrl: string }[];
}

const requestsAtOnce = 8;

/** Reads an emulated tenant as its first application. */
export class TenantReader {
  readonly #tenant: EmulatorReady;
  readonly #dispatcher: Agent;
  readonly #token: string;

  private constructor(tenant: EmulatorReady, dispatcher: Agent, token: string) {
    this.#tenant = tenant;
    this.#dispatcher = dispatcher;
    this.#token = token;
  }

  static async open(tenant: EmulatorReady): Promise<TenantReader> {
    const dispatcher = new Agent({ connect: { ca: readFileSync(tenant.ca) } });
    const answer = await request(`${tenant.authority}/${tenant.tenant}/oauth2/v2.0/token`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: tenant.clientId,
        client_secret: tenant.clientSecret,
        scope: 'https://graph.microsoft.com/.default',
      }).toString(),
    });
    const { access_token: token } = (await answer.body.json()) as { access_token: string };
    return new TenantReader(tenant, dispatcher, token);
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  /** Everything below a folder of a library; empty when there is no such folder. */
  async tree(address: string): Promise<ArrivedTree> {
    const found: ArrivedTree = new Map();
    const { drive, folder } = await this.#locate(address);
    const files: [string, ItemJson][] = [];
    const folders: [string, string][] = [['', `/drives/${drive}/root:/${encode(folder)}:/children`]]; // oxfmt-ignore
    for (const [below, target] of folders)
      for (const item of await this.#children(`${target}?$top=1000`)) {
        const place = below + item.name;
        if (item.folder === undefined) files.push([place, item]);
        else {
          found.set(place, arrived(item, '', 0));
          folders.push([`${place}/`, `/drives/${drive}/items/${item.id}/children`]);
        }
      }
    const queue = files.values();
    const lane = async () => {
      for (const [place, item] of queue) {
        const target = `/drives/${drive}/items/${item.id}`;
        const content = hash('sha256', await this.#content(`${target}/content`));
        const { value } = (await this.#json(`${target}/versions`)) as { value: unknown[] };
        found.set(place, arrived(item, content, value.length));
      }
    };
    await Promise.all(Array.from({ length: requestsAtOnce }, lane));
    return found;
  }

  /** Opens an upload session and cancels it, which makes the service look for sessions that are over. */
  async probe(address: string): Promise<void> {
    const { drive, folder } = await this.#locate(address);
    const target = `/drives/${drive}/root:/${encode(`${folder} probe`)}:/createUploadSession`;
    const { uploadUrl } = (await this.#json(target, 'POST')) as { uploadUrl: string };
    const answer = await request(this.#local(uploadUrl), { dispatcher: this.#dispatcher, method: 'DELETE' }); // oxfmt-ignore
    await answer.body.dump();
  }

  async #children(first: string): Promise<ItemJson[]> {
    const all: ItemJson[] = [];
    for (let target: string | undefined = first; target !== undefined;) {
      const page = (await this.#json(target)) as {
        value: ItemJson[];
        '@odata.nextLink'?: string;
      };
      all.push(...page.value);
      const next: string | undefined = page['@odata.nextLink'];
      target = next?.slice(next.indexOf('/v1.0/') + 5);
    }
    return all;
  }

  async #content(target: string): Promise<Buffer> {
    const answer = await this.#request(target, 'GET');
    await answer.body.dump();
    const location = this.#local(String(answer.headers['location']));
    const download = await request(location, { dispatcher: this.#dispatcher });
    return Buffer.from(await download.body.arrayBuffer());
  }

  async #json(target: string, method: 'GET' | 'POST' = 'GET'): Promise<unknown> {
    const answer = await this.#request(target, method);
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${target}: ${answer.statusCode} ${text}`); // oxfmt-ignore
    return JSON.parse(text);
  }

  #request(target: string, method: 'GET' | 'POST') {
    return request(`${this.#tenant.graph}/v1.0${target}`, {
      dispatcher: this.#dispatcher,
      method,
      headers: { authorization: `Bearer ${this.#token}` },
    });
  }

  /** An address of the service as the emulator's own. */
  #local(address: string): string {
    const { pathname, search } = new URL(address);
    return this.#tenant.url + pathname + search;
  }

  async #locate(address: string): Promise<{ drive: string; folder: string }> {
    const url = new URL(address);
    const [kind = '', name = '', library = '', ...folders] = decodeURIComponent(url.pathname)
      .split('/')
      .slice(1);
    const target = `/sites/${url.host}:/${kind}/${encodeURIComponent(name)}:/drives`;
    const { value } = (await this.#json(target)) as DrivesJson;
    const found = value.find(({ webUrl }) => decodeURIComponent(webUrl).endsWith(`/${library}`));
    if (found === undefined) throw new Error(`there is no library at ${address}`);
    return { drive: found.id, folder: folders.join('/') };
  }
}

function arrived(item: ItemJson, sha256: string, versions: number): Arrived {
  return {
    isFolder: item.folder !== undefined,
    sha256,
    modifiedNs: BigInt(Date.parse(item.fileSystemInfo.lastModifiedDateTime)) * 1_000_000n,
    id: item.id,
    quickXorHash: item.file?.hashes?.quickXorHash ?? '',
    versions,
  };
}

function encode(itemPath: string): string {
  return itemPath.split('/').map(encodeURIComponent).join('/');
}
