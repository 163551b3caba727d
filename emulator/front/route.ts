// Which part of the emulator answers a request, and what kind of call it is. Decided by host where the host says it, as with
// the real names, else by path, as when a client is pointed at localhost.
import { isGraphHost, isSignInHost } from './host-names.ts';

export type Part = 'control' | 'entra' | 'graph';

/** Kinds of calls that are counted apart. */
export const routeClasses = [
  'sites',
  'drives',
  'items',
  'createUploadSession',
  'uploadSession',
  'token',
  'other',
] as const;
export type RouteClass = (typeof routeClasses)[number];

const controlPath = /^\/_emulator(\/|$)/;
const graphPath = /^\/(v1\.0|beta|_api|sites|personal)(\/|$)/;
const entraPath =
  /^\/(device(login)?\/?$|[^/]+\/(oauth2|discovery|\.well-known|v2\.0\/\.well-known)(\/|$))/i;

/** The part that answers for this host (lower case, no port) and path. */
export function partOf(host: string, path: string): Part {
  if (controlPath.test(path)) return 'control';
  if (isSignInHost(host)) return 'entra';
  if (isGraphHost(host) || graphPath.test(path)) return 'graph';
  return entraPath.test(path) ? 'entra' : 'graph';
}

/** The kind of a call to Entra or Graph. */
export function routeClassOf(part: Part, path: string): RouteClass {
  if (part === 'entra') return path.endsWith('/token') ? 'token' : 'other';
  if (/[:/]createUploadSession$/.test(path)) return 'createUploadSession';
  if (/\/items\/[^/:]+\/uploadSession$/.test(path)) return 'uploadSession';
  const inService = afterService(path);
  if (/\/drives?(\/[^/]+)?\/(items|root)([/:]|$)/.test(inService)) return 'items';
  if (/\/drives?(\/|$)/.test(inService)) return 'drives';
  return /^\/sites(\/|$)/.test(inService) ? 'sites' : 'other';
}

/** The path within the API, so that a page of a site is not taken for a call about sites; empty when it is not in the API. */
function afterService(path: string): string {
  return /^(?:\/v1\.0|\/beta|.*?\/_api\/v2\.[01])(\/.*|$)/.exec(path)?.[1] ?? '';
}
