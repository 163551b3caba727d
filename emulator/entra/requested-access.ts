// What a client asks for in `scope`: permissions of one resource, and OpenID's own words beside them.
import { graphResource, type Directory, type ResourceKind } from './directory.ts';
import { missing, Refusal } from './refusal.ts';

export interface RequestedAccess {
  kind: ResourceKind;
  /** The audience of the token. */
  audience: string;
  /** What stands before each permission in the scope: empty when Graph was meant without saying so. */
  prefix: string;
  /** The permissions without their resource; `.default` among them asks for all that were consented to. */
  names: string[];
  /** openid, profile, email, offline_access: those that were asked for. */
  openId: string[];
}

export const defaultName = '.default';
const openIdNames = new Set(['openid', 'profile', 'email', 'offline_access']);

/** Throws a Refusal when the scope is absent, malformed, of several resources, or of one that the tenant does not know. */
export function parseScope(scope: string | null, directory: Directory): RequestedAccess {
  const words = (scope ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) throw missing('scope');
  const openId = words.filter((word) => openIdNames.has(word.toLowerCase()));
  const permissions = words.filter((word) => !openIdNames.has(word.toLowerCase())).map(splitScope);
  for (const { name } of permissions) if (!/^[\w.-]+$/.test(name)) throw scopeNotValid(scope ?? '');
  const prefix = permissions[0]?.prefix ?? '';
  const other = permissions.find((permission) => permission.prefix !== prefix);
  if (other !== undefined) throw severalResources(`${other.prefix}${other.name}`);
  const audience = prefix === '' ? graphResource : prefix.slice(0, -1);
  const kind = directory.findResource(audience);
  if (kind === undefined) throw unknownResource(audience, directory.tenantId);
  return { kind, audience, prefix, names: permissions.map(({ name }) => name), openId };
}

/** What client credentials may ask for: everything that was consented to, of one resource. */
export function parseDefaultScope(scope: string | null, directory: Directory): RequestedAccess {
  const access = parseScope(scope, directory);
  if (access.names.length === 1 && access.names[0] === defaultName && access.openId.length === 0)
    return access;
  const sentence =
    `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with ` +
    '/.default suffixed to the resource identifier (application ID URI).';
  throw new Refusal('invalid_scope', 1002012, sentence);
}

function splitScope(word: string): { prefix: string; name: string } {
  const end = word.lastIndexOf('/') + 1;
  return { prefix: word.slice(0, end), name: word.slice(end) };
}

function scopeNotValid(scope: string): Refusal {
  const sentence =
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is " +
    `not valid. The scope ${scope} is not valid.`;
  return new Refusal('invalid_scope', 70011, sentence);
}

function severalResources(scope: string): Refusal {
  const sentence =
    'Provided value for the input parameter scope is not valid because it contains more than one resource. ' +
    `Scope ${scope} is not valid.`;
  return new Refusal('invalid_scope', 28000, sentence);
}

function unknownResource(resource: string, tenantId: string): Refusal {
  const sentence =
    `The resource principal named ${resource} was not found in the tenant named ${tenantId}. This can happen if the ` +
    'application has not been installed by the administrator of the tenant or consented to by any user in the tenant. ' +
    'You might have sent your authentication request to the wrong tenant.';
  return new Refusal('invalid_resource', 500011, sentence);
}
