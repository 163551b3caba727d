// A tenant for tests: the emulator as a process of its own, reached over TLS with a real sign-in, and looked at from the side through
// Graph itself, because what this agent believes is what is being tested.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import { parseSharePointPlace } from '../../../../lib/location.ts';
import { createLog } from '../../../../lib/log.ts';
import { systemClock, type Clock } from '../../../../lib/time.ts';
import { createCredential, type Credential } from '../../../credential/credential.ts';
import { createDispatcher, type HttpRoute } from '../../../credential/http-route.ts';
import { sealedBox } from '../../../../lib/sealed-box.ts';
import type { Destination } from '../../destination.ts';
import type { GetToken } from '../access.ts';
import { GraphClient } from '../graph-client.ts';
import { resolvePlace, type ResolvedPlace } from '../resolve-place.ts';
import { openSharePointDestination } from '../sharepoint-destination.ts';
import { createGateMemory, TenantGate, type GateMemory } from '../tenant-gate.ts';

/** What `drover-emulator --json` says. */
interface Ready {
  ca: string;
  tenant: string;
  clientId: string;
  clientSecret: string;
  authority: string;
  graph: string;
  control: string;
}

/** The tenant as the emulator keeps it in a file, as far as tests change it. */
export interface TenantDescription {
  sites: { path: string; title: string; libraries: object[] }[];
  apps: { clientId: string; secrets: string[] }[];
}

function readDescription(folder: string): TenantDescription {
  return JSON.parse(readFileSync(path.join(folder, 'tenant.json'), 'utf8')) as TenantDescription;
}

function createTestCredential(
  { tenant, authority, graph }: Ready,
  http: HttpRoute,
  { clientId, secret }: { clientId: string; secret: string },
): Credential {
  const options = {
    tenant,
    clientId,
    credential: { kind: 'secret', secret },
    authorityUrl: authority,
    graphUrl: graph,
    cacheFile: undefined,
    http,
  } as const;
  const log = createLog('test', 'silent');
  const box = sealedBox(randomBytes(32));
  return createCredential(options, {
    log,
    clock: systemClock,
    box,
    showDeviceCode: () => undefined,
  });
}

/** A rule of the emulator's faults. */
export interface FaultRule {
  name?: string;
  method?: string;
  path?: string;
  nth?: number;
  every?: number;
  times?: number;
  fault: { kind: string } & Record<string, unknown>;
}

export interface LogEntry {
  level: string;
  message: string;
  fields: object;
}

/** One request as it leaves the client. */
export interface WireRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  /** Of the body. */
  bytes: number;
}

export interface ClientParts {
  gate?: GateMemory;
  clock?: Clock;
  log?: (entry: LogEntry) => void;
  getToken?: GetToken;
  timeoutMsMax?: number;
  /** Gets every request. */
  wire?: WireRequest[];
  /** What becomes of a body on its way; undefined: it stays as it is. */
  change?: (request: WireRequest, body: Uint8Array) => Uint8Array | undefined;
}

function watch(
  wire: WireRequest[] | undefined,
  change: ClientParts['change'],
): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const body = options.body as unknown;
    const sent: WireRequest = {
      method: options.method,
      path: options.path,
      headers: options.headers as Record<string, string>,
      bytes: body instanceof Uint8Array ? body.length : 0,
    };
    wire?.push(sent);
    const changed = body instanceof Uint8Array ? change?.(sent, body) : undefined;
    return dispatch(changed === undefined ? options : { ...options, body: changed }, handler);
  };
}

const main = path.join(import.meta.dirname, '..', '..', '..', '..', 'emulator', 'main.ts');

export class TestTenant implements AsyncDisposable {
  readonly ready: Ready;
  readonly route: HttpRoute;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #dispatcher: Dispatcher;
  readonly #credential: Credential;
  #places = 0;

  private constructor(ready: Ready, process: ChildProcess, folder: string) {
    this.ready = ready;
    this.#process = process;
    this.#folder = folder;
    this.route = { proxyUrl: undefined, caFile: ready.ca, noProxy: undefined };
    this.#dispatcher = createDispatcher(this.route);
    const { clientId, clientSecret: secret } = ready;
    this.#credential = createTestCredential(ready, this.route, { clientId, secret });
  }

  /** Starts an emulator on free ports; `options` are further arguments. */
  static async start(...options: string[]): Promise<TestTenant> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-tenant-'));
    return await TestTenant.#startIn(folder, options);
  }

  /** Starts one whose tenant is changed; the emulator itself says what the usual one is. */
  static async startWith(
    change: (usual: TenantDescription) => TenantDescription,
  ): Promise<TestTenant> {
    const usual = await TestTenant.start();
    const changed = change(readDescription(usual.#folder));
    await usual[Symbol.asyncDispose]();
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-tenant-'));
    writeFileSync(path.join(folder, 'tenant.json'), JSON.stringify(changed), { mode: 0o600 });
    return await TestTenant.#startIn(folder, []);
  }

  static async #startIn(folder: string, options: readonly string[]): Promise<TestTenant> {
    const addresses = ['--listen', '127.0.0.1:0', '--data', folder];
    const args = [main, ...addresses, '--json', '--log-level', 'silent', ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout }))
      return new TestTenant(JSON.parse(line) as Ready, child, folder);
    throw new Error('the emulator ended before it was ready');
  }

  /** A place that nobody else writes to; `library` is the address of a library. */
  folderAddress(
    library = 'https://contoso.sharepoint.com/sites/migration/Shared Documents',
  ): string {
    return `${library}/place ${++this.#places}`;
  }

  /** A client as a thread has it. */
  client(parts: ClientParts = {}): GraphClient {
    const { gate = createGateMemory(8), clock = systemClock, wire, change } = parts;
    return new GraphClient({
      graphUrl: this.ready.graph,
      dispatcher: this.#dispatcher.compose(watch(wire, change)),
      gate: new TenantGate(gate, systemClock),
      getToken: parts.getToken ?? ((forceRefresh) => this.token(forceRefresh)),
      clock,
      log: (level, message, fields) => parts.log?.({ level, message, fields }),
      ...(parts.timeoutMsMax === undefined ? {} : { timeoutMsMax: parts.timeoutMsMax }),
    });
  }

  /** A token of the tenant's application, or of another of its applications, by number. */
  async token(forceRefresh = false, app = 0): Promise<string> {
    const signal = AbortSignal.timeout(20_000);
    const own = app === 0 ? undefined : createTestCredential(this.ready, this.route, this.#app(app)); // oxfmt-ignore
    const credential = own ?? this.#credential;
    const { token } = await credential.accessToken('graph', { forceRefresh, signal });
    await own?.[Symbol.asyncDispose]();
    return token;
  }

  #app(index: number): { clientId: string; secret: string } {
    const { apps } = readDescription(this.#folder);
    const { clientId, secrets } = apps[index]!;
    return { clientId, secret: secrets[0]! };
  }

  async resolve(address: string, client = this.client()): Promise<ResolvedPlace> {
    const place = parseSharePointPlace(address, 'destination');
    return await resolvePlace(client, place, AbortSignal.timeout(20_000));
  }

  async open(
    address: string,
    parts: { client?: GraphClient; signal?: AbortSignal } = {},
  ): Promise<Destination> {
    const client = parts.client ?? this.client();
    return openSharePointDestination({
      client,
      clock: client.clock,
      place: await this.resolve(address),
      knownFolders: new Map(),
      library: { requiresCheckOut: undefined },
      lanes: 4,
      signal: parts.signal ?? new AbortController().signal,
    });
  }

  /** Calls Graph from the side. `target` is a path below /v1.0 or an address of its own. */
  async graph(
    method: Dispatcher.HttpMethod,
    target: string,
    body?: Uint8Array | object,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Buffer; json: () => unknown }> {
    const isJson = body !== undefined && !(body instanceof Uint8Array);
    const isOwn = !target.startsWith('/');
    const response = await request(isOwn ? target : `${this.ready.graph}/v1.0${target}`, {
      dispatcher: this.#dispatcher,
      method,
      headers: {
        ...(isOwn ? {} : { authorization: `Bearer ${await this.token()}` }),
        ...(isJson ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      body: isJson ? JSON.stringify(body) : (body ?? null),
    });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    return {
      status: response.statusCode,
      body: bytes,
      json: () => JSON.parse(bytes.toString('utf8')) as unknown,
    };
  }

  /** One fault more; a rule names in its path what only its own test asks for. */
  async fault(rule: FaultRule): Promise<void> {
    const { status, body } = await this.graph('POST', `${this.ready.control}faults`, rule);
    if (status >= 300) throw new Error(`the emulator took no fault: ${body.toString('utf8')}`);
  }

  /** Faults from now on; none ends them. */
  async faults(...rules: FaultRule[]): Promise<void> {
    const { status, body } = await this.graph('PUT', `${this.ready.control}faults`, rules);
    if (status >= 300) throw new Error(`the emulator took no faults: ${body.toString('utf8')}`);
  }

  async stats(): Promise<Record<string, unknown>> {
    return (await this.graph('GET', `${this.ready.control}stats`)).json() as Record<
      string,
      unknown
    >;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#credential[Symbol.asyncDispose]();
    await this.#dispatcher.close();
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
