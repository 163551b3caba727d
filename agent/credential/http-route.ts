// The way from this computer to Microsoft's services: a proxy, and certificate authorities that only this company trusts.
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { readAuthorities } from './authorities.ts';

/** Plain data, so that it can be sent to worker threads. */
export interface HttpRoute {
  /** Such as http://proxy:3128; user and password may stand in it, so it is a secret. */
  proxyUrl: string | undefined;
  /** PEM with certificate authorities to trust beside those that the computer trusts. */
  caFile: string | undefined;
  /** Hosts that are reached without the proxy, separated by commas, as in NO_PROXY. */
  noProxy: string | undefined;
}

/** Less than the two minutes after which Microsoft's front ends close an idle connection. */
const keepAliveMs = 60_000;
const connectTimeoutMs = 15_000;

/**
 * Connections over this route, kept alive between requests. Whoever makes it closes it. Throws INVALID_ARGUMENT when the file
 * with certificate authorities cannot be used.
 */
export function createDispatcher(
  route: HttpRoute,
  options: { connections?: number } = {},
): Dispatcher {
  // One context for all connections: taking in the root certificates is dearer than the rest of a handshake.
  const tls = { secureContext: trust(route.caFile), timeout: connectTimeoutMs };
  const common = {
    connect: tls,
    keepAliveTimeout: keepAliveMs,
    ...(options.connections === undefined ? {} : { connections: options.connections }),
  };
  if (route.proxyUrl === undefined) return new Agent(common);
  return new EnvHttpProxyAgent({
    ...common,
    requestTls: tls,
    proxyTls: tls,
    httpProxy: route.proxyUrl,
    httpsProxy: route.proxyUrl,
    // Given even when it is empty, because undici would read the environment otherwise.
    noProxy: route.noProxy ?? '',
  } as ConstructorParameters<typeof EnvHttpProxyAgent>[0]);
}

/** Where connections go through, for people: without the password that may stand in the address. */
export function describeProxy(route: HttpRoute): string | undefined {
  return route.proxyUrl === undefined ? undefined : new URL(route.proxyUrl).host;
}

function trust(caFile: string | undefined): SecureContext {
  const own = caFile === undefined ? [] : readAuthorities(caFile);
  // The system's are among them for the sake of companies that look into their own traffic.
  const known = [...getCACertificates('default'), ...getCACertificates('system'), ...own];
  return createSecureContext({ ca: [...new Set(known)] });
}
