// A front door on free ports with a handler of the test's own behind it, for tests.
import type { ExecutionContext } from 'ava';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { createLog } from '../../lib/log.ts';
import { FaultEngine } from '../fault/fault-engine.ts';
import type { FaultRule } from '../fault/rule.ts';
import { ThrottleGate, type ThrottleOptions } from '../fault/throttle-gate.ts';
import type { Handler } from '../http/exchange.ts';
import { openAuthority } from './authority.ts';
import { openFrontDoor } from './front-door.ts';
import { certificateHosts } from './host-names.ts';
import { createPipeline } from './pipeline.ts';
import { Stats } from './stats.ts';

const anyPort = { host: '127.0.0.1', port: 0 };

const unlimited: ThrottleOptions = {
  unitsPerMinute: undefined,
  unitsPerDay: undefined,
  countRefused: true,
  fragmentUnits: 2,
};

export interface TestDoorOptions {
  graph?: Handler;
  entra?: Handler;
  rules?: FaultRule[];
  latencyMs?: number;
  bandwidthBytesPerSecond?: number;
  throttle?: Partial<ThrottleOptions>;
  now?: () => number;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-emulator-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function openTestDoor(t: ExecutionContext, options: TestDoorOptions = {}) {
  const folder = temporaryFolder(t);
  const authority = await openAuthority(folder, Date.now());
  const certificate = await authority.issueServer(certificateHosts, Date.now());
  const faults = new FaultEngine();
  faults.replace(options.rules ?? []);
  const stats = new Stats();
  const ok: Handler = () => Promise.resolve({ status: 200, body: 'ok' });
  const { answer, answerInner } = createPipeline({
    control: ok,
    entra: options.entra ?? ok,
    graph: options.graph ?? ok,
    faults,
    throttle: new ThrottleGate(
      { ...unlimited, ...options.throttle },
      options.now ?? Date.now,
      () => 'only',
    ),
    stats,
  });
  const addresses = { listen: anyPort, httpListen: anyPort, proxyListen: anyPort };
  const door = await openFrontDoor(
    { certificate, ...addresses },
    {
      answer,
      stats,
      log: createLog('test', 'silent'),
      latencyMs: options.latencyMs ?? 0,
      bandwidthBytesPerSecond: options.bandwidthBytesPerSecond,
    },
  );
  t.teardown(() => door[Symbol.asyncDispose]());
  const ca = readFileSync(authority.certificateFile, 'utf8');
  const url = `https://localhost:${door.tlsPort}`;
  const http = `http://127.0.0.1:${door.httpPort}`;
  const proxy = `http://127.0.0.1:${door.proxyPort}`;
  return { door, answerInner, stats, faults, ca, url, http, proxy };
}

/** A client that trusts the authority, and comes by the proxy if there is one. */
export function createClient(t: ExecutionContext, ca: string, proxy?: string): Dispatcher {
  const client =
    proxy === undefined
      ? new Agent({ connect: { ca } })
      : new ProxyAgent({ uri: proxy, requestTls: { ca } });
  t.teardown(() => client.destroy());
  return client;
}

/** One whole request; the answer's body as text. */
export async function ask(
  address: string,
  options: Parameters<typeof request>[1] & object = {},
): Promise<{
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}> {
  const { statusCode, headers, body } = await request(address, options);
  return { status: statusCode, headers, text: await body.text() };
}
