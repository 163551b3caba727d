// The way from this computer to Microsoft's services: a proxy, and certificate authorities that only this company trusts.
import type { Dispatcher } from 'undici';
import { readAuthorities } from '../../lib/authorities.ts';
import { createDispatcher as connect } from '../../lib/http-dispatcher.ts';

/** Plain data, so that it can be sent to worker threads. */
export interface HttpRoute {
  /** Such as http://proxy:3128; user and password may stand in it, so it is a secret. */
  proxyUrl: string | undefined;
  /** PEM with certificate authorities to trust beside those that the computer trusts. */
  caFile: string | undefined;
  /** Hosts that are reached without the proxy, separated by commas, as in NO_PROXY. */
  noProxy: string | undefined;
}

/**
 * Connections over this route, kept alive between requests. Whoever makes it closes it. Throws INVALID_ARGUMENT when the file
 * with certificate authorities cannot be used.
 */
export function createDispatcher(
  { caFile, ...proxy }: HttpRoute,
  options: { connections?: number } = {},
): Dispatcher {
  const authorities = caFile === undefined ? [] : readAuthorities(caFile);
  return connect({ ...proxy, authorities }, options);
}

/** Where connections go through, for people: without the password that may stand in the address. */
export function describeProxy(route: HttpRoute): string | undefined {
  return route.proxyUrl === undefined ? undefined : new URL(route.proxyUrl).host;
}
