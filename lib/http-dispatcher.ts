// Connections to services on the internet: through a proxy, and trusting what the computer and its company trust.
import type { LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import { Agent, EnvHttpProxyAgent } from './undici.ts';

/** How a service is reached. */
export interface DispatcherRoute {
  /** Such as http://proxy:3128; user and password may stand in it, so it is a secret. Undefined: without a proxy. */
  proxyUrl: string | undefined;
  /** Hosts that are reached without the proxy, separated by commas, as in NO_PROXY. */
  noProxy: string | undefined;
  /** PEM of certificate authorities to trust beside those that the computer trusts. */
  authorities: readonly string[];
}

export interface DispatcherOptions {
  /** How many connections there may be to one host. @default no limit */
  connections?: number | undefined;
  /** @default 15 seconds */
  connectTimeoutMs?: number;
  /** Resolves the names of hosts, or refuses to; a proxy resolves those that it leads to by itself. @default the system's resolver */
  lookup?: LookupFunction | undefined;
}

/** Less than the two minutes after which Microsoft's front ends close an idle connection. */
const keepAliveMs = 60_000;
const connectTimeoutMsDefault = 15_000;

/** Connections over this route, kept alive between requests. Whoever makes it closes it. */
export function createDispatcher(
  { proxyUrl, noProxy, authorities }: DispatcherRoute,
  { connections, connectTimeoutMs = connectTimeoutMsDefault, lookup }: DispatcherOptions = {},
): Dispatcher {
  // The system's are among them for the sake of companies that look into their own traffic.
  const known = [...getCACertificates('default'), ...getCACertificates('system'), ...authorities];
  // One context for all connections: taking in the root certificates is dearer than the rest of a handshake.
  const secureContext = createSecureContext({ ca: [...new Set(known)] });
  const tls = {
    secureContext,
    timeout: connectTimeoutMs,
    ...(lookup === undefined ? {} : { lookup }),
  };
  const common = {
    connect: tls,
    keepAliveTimeout: keepAliveMs,
    ...(connections === undefined ? {} : { connections }),
  };
  if (proxyUrl === undefined) return new Agent(common);
  return new EnvHttpProxyAgent({
    ...common,
    requestTls: tls,
    proxyTls: tls,
    httpProxy: proxyUrl,
    httpsProxy: proxyUrl,
    // Given even when it is empty, because undici would read the environment otherwise.
    noProxy: noProxy ?? '',
  } as ConstructorParameters<typeof EnvHttpProxyAgent>[0]);
}

/** The text of an answer; throws when it is longer than that. */
export async function readText(
  body: Dispatcher.ResponseData['body'],
  bytesMax: number,
): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
