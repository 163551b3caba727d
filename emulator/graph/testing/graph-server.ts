// The drives behind a real server on a port of its own, as tests use them.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ExecutionContext } from 'ava';
import { createLog } from '../../../lib/log.ts';
import { defaultTenant, type TenantDescription } from '../../drive/tenant.ts';
import type { CheckToken, Effects, Principal } from '../../http/exchange.ts';
import { createGraph, type Graph, type GraphOptions } from '../graph.ts';

export interface GraphServerOptions extends Partial<GraphOptions> {
  /** Serves HTTPS with these. */
  tls?: { key: string; cert: string };
}

/** A running server. */
export interface GraphServer {
  readonly graph: Graph;
  readonly tenant: TenantDescription;
  readonly dataFolder: string;
  readonly origin: string;
  /** What the next requests are to suffer. */
  effects: Effects;
  /** Moves the time. */
  nowMs: number;
  /** Closes the drives and opens them again from what is on the disk. */
  restart(): Promise<void>;
  call(method: string, target: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  /** @default `app`; see checkTestToken */
  token?: string | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: any;
}

/** Tokens of tests: `app`, `reader`, `nobody`, `selected`, `full`, or the alias of a user. */
export function testTokens(tenant: TenantDescription): CheckToken {
  const app = (appId: string, ...roles: string[]): Principal => ({ appId, appName: `App ${appId}`, roles, scopes: [] }); // oxfmt-ignore
  const principals = new Map<string, Principal>([
    ['app', app('app', 'Sites.ReadWrite.All')],
    ['reader', app('reader', 'Sites.Read.All')],
    ['nobody', app('nobody')],
    ['selected', app('selected', 'Sites.Selected')],
    ['full', app('full', 'Sites.FullControl.All')],
  ]);
  for (const user of tenant.users)
    principals.set(user.principalName.split('@')[0]!, {
      appId: 'client',
      appName: 'Client',
      user,
      roles: [],
      scopes: ['Files.ReadWrite.All'],
    });
  return async (authorization, audience) => {
    const [token, wanted] = (authorization ?? '').replace(/^Bearer /, '').split('@');
    const principal = principals.get(token ?? '');
    if (principal !== undefined && (wanted === undefined || wanted === audience)) return principal;
    return { code: 'InvalidAuthenticationToken', message: 'Access token is empty.' };
  };
}

/** Starts a server that ends with the test. */
export async function startGraph(
  t: ExecutionContext<unknown>,
  options: GraphServerOptions = {},
): Promise<GraphServer> {
  const dataFolder = options.dataFolder ?? mkdtempSync(path.join(tmpdir(), 'drover-graph-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  const tenant = options.tenant ?? defaultTenant();
  const open = () =>
    createGraph({
      tenant,
      dataFolder,
      checkToken: testTokens(tenant),
      now: () => started.nowMs,
      log: createLog('graph', 'silent'),
      ...options,
    });
  const started = { nowMs: Date.UTC(2026, 0, 1), effects: {} as Effects, graph: undefined as never as Graph }; // oxfmt-ignore
  started.graph = await open();
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const scheme = options.tls === undefined ? 'http' : 'https';
    void answer(started.graph, scheme, started.effects, request, response);
  };
  const server: Server =
    options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await started.graph.close();
  });
  const { port } = server.address() as AddressInfo;
  const origin = `${options.tls === undefined ? 'http' : 'https'}://localhost:${port}`;
  return Object.assign(started, {
    tenant,
    dataFolder,
    origin,
    call: (method: string, target: string, more: CallOptions = {}) => send(origin, method, target, more), // oxfmt-ignore
    restart: async () => {
      await started.graph.close();
      started.graph = await open();
    },
  });
}

async function answer(
  graph: Graph,
  scheme: string,
  effects: Effects,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url!;
  const url = new URL(target, `${scheme}://${request.headers.host}`);
  const { method = '', headers } = request;
  const reply = await graph.handle({ method, url, target, headers, body: request, effects });
  response.writeHead(reply.status, reply.headers);
  if (reply.body instanceof Readable) await pipeline(reply.body, response).catch(() => {});
  else response.end(reply.body);
}

async function send(
  origin: string,
  method: string,
  target: string,
  { body, headers = {}, token = 'app' }: CallOptions,
): Promise<Answer> {
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const url = /^https?:/.test(target) ? target : `${origin}${target}`;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(raw ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: (raw ? (body ?? null) : JSON.stringify(body)) as Uint8Array<ArrayBuffer> | string | null,
    redirect: 'manual',
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
  const { status, headers: answered } = response;
  return { status, headers: answered, text, json: isJson ? JSON.parse(text) : undefined };
}
