// The tenant whose people and programs may sign in, as the command line gives it and as the coordinator goes by it.
import path from 'node:path';
import { readAuthorities } from '../../lib/authorities.ts';
import { DroverError } from '../../lib/error.ts';

export interface EntraOptions {
  /** The tenant's id, or one of its domains. */
  tenant: string;
  /** The application that stands for the coordinator. */
  clientId: string;
  /** Where people sign in, without a slash at its end. @default https://login.microsoftonline.com */
  authorityUrl?: string;
  /** PEM with certificate authorities to trust on the way there, beside those of the computer. @default none */
  caFile?: string;
  /** The HTTP proxy to get there by, and hosts that are reached without it, with commas. @default none */
  proxy?: { url: string; except: string };
}

export interface CompiledEntraOptions {
  tenant: string;
  clientId: string;
  authorityUrl: string;
  /** PEM of each certificate. */
  authorities: readonly string[];
  proxy: { url: string; except: string } | undefined;
}

export const authorityUrlDefault = 'https://login.microsoftonline.com';
const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Names that stand for many tenants: anyone's people could sign in. */
const manyTenants = new Set(['common', 'organizations', 'consumers']);

/** Complete, checked options. Throws INVALID_ARGUMENT that names the option as the command line calls it. */
export function compileEntraOptions(options: EntraOptions): CompiledEntraOptions {
  const { tenant, clientId, authorityUrl = authorityUrlDefault, caFile, proxy } = options;
  const isName = /^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(tenant) && !manyTenants.has(tenant.toLowerCase()); // oxfmt-ignore
  if (!isName)
    throw DroverError.invalid('--entra-tenant', `"${tenant}" is not a tenant's id or one of its domains, such as contoso.com`); // oxfmt-ignore
  if (!guidPattern.test(clientId))
    throw DroverError.invalid('--entra-client-id', `"${clientId}" is not the id of an application: it has 32 hexadecimal digits in five groups`); // oxfmt-ignore
  return {
    tenant: tenant.toLowerCase(),
    clientId: clientId.toLowerCase(),
    authorityUrl: checkAuthority(authorityUrl),
    authorities:
      caFile === undefined ? [] : readAuthorities(path.resolve(caFile), '--entra-ca-file'),
    proxy: proxy === undefined ? undefined : { ...proxy, url: checkProxy(proxy.url) },
  };
}

function checkAuthority(text: string): string {
  const url = URL.parse(text);
  if (
    url?.protocol === 'https:' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.username === ''
  )
    return url.origin;
  throw DroverError.invalid('--entra-authority', `"${text}" is not an address such as ${authorityUrlDefault}`); // oxfmt-ignore
}

/** The address of a proxy, complete. Throws INVALID_ARGUMENT; a password may stand in it, so it is not repeated. */
export function checkProxy(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
  throw DroverError.invalid('HTTPS_PROXY', 'is not the address of a proxy, such as http://proxy.example:3128'); // oxfmt-ignore
}
