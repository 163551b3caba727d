// The tenant as sign-in sees it: its names, its people and its applications. Lookups only; whoever started the emulator owns the
// lists and may change them while it runs.

/** Somebody who can sign in. */
export interface EntraUser {
  /** A GUID. */
  id: string;
  /** As typed at sign-in, such as ann@contoso.com. */
  principalName: string;
  displayName: string;
}

/** An application that is known to the tenant. */
export interface AppRegistration {
  /** A GUID. */
  clientId: string;
  name: string;
  secrets: string[];
  /** Secrets whose time is over: they are refused by other words than unknown ones. */
  expiredSecrets?: string[];
  /** PEM; the public halves of what the application signs its assertions with. */
  certificates: string[];
  /** What an administrator consented to, for Graph and SharePoint alike. */
  permissions: { application: string[]; delegated: string[] };
  /** The roles that it defines for those who call it. */
  appRoles?: AppRole[];
  /** Of which version access tokens to it are, as requestedAccessTokenVersion in its manifest says it. @default 1 */
  accessTokenVersion?: number;
}

/** A role that an application defines, and who has it. */
export interface AppRole {
  /** As it stands in tokens. */
  value: string;
  /** People by id or principal name, applications by client id. */
  assignedTo: string[];
}

export interface DirectoryOptions {
  /** A GUID. */
  tenantId: string;
  /** As in contoso.sharepoint.com. */
  tenantName: string;
  /** As in ann@contoso.com. */
  domain: string;
  users: EntraUser[];
  apps: AppRegistration[];
}

/** How a tenant was named in an address. */
export type TenantMatch = 'named' | 'any';

/** Which kind of service a resource is. */
export type ResourceKind = 'graph' | 'sharepoint' | 'application';

export const graphResource = 'https://graph.microsoft.com';
const graphAppId = '00000003-0000-0000-c000-000000000000';
const sharePointAppId = '00000003-0000-0ff1-ce00-000000000000';

export class Directory {
  readonly tenantId: string;
  readonly users: readonly EntraUser[];
  readonly apps: readonly AppRegistration[];
  readonly #tenantNames: ReadonlySet<string>;
  readonly #sharePointHosts: ReadonlySet<string>;

  constructor(options: DirectoryOptions) {
    const { tenantId, tenantName, domain } = options;
    this.tenantId = tenantId;
    this.users = options.users;
    this.apps = options.apps;
    const names = [tenantId, domain, `${tenantName}.onmicrosoft.com`];
    this.#tenantNames = new Set(names.map((name) => name.toLowerCase()));
    const hosts = ['', '-my', '-admin'].map((part) => `${tenantName}${part}.sharepoint.com`);
    this.#sharePointHosts = new Set(hosts.map((host) => host.toLowerCase()));
  }

  /** Undefined when there is no such tenant; "any" for the names that leave it to whoever signs in. */
  findTenant(name: string): TenantMatch | undefined {
    const folded = name.toLowerCase();
    if (folded === 'common' || folded === 'organizations') return 'any';
    return this.#tenantNames.has(folded) ? 'named' : undefined;
  }

  findApp(clientId: string): AppRegistration | undefined {
    const folded = clientId.toLowerCase();
    return this.apps.find((app) => app.clientId.toLowerCase() === folded);
  }

  /** The application that an identifier of a resource stands for: its id, or api:// with it. */
  findResourceApp(identifier: string): AppRegistration | undefined {
    return this.findApp(withoutSlash(identifier.toLowerCase()).replace(/^api:\/\//, ''));
  }

  /** By id or principal name. */
  findUser(name: string): EntraUser | undefined {
    const folded = name.trim().toLowerCase();
    return this.users.find(
      (user) => user.id.toLowerCase() === folded || user.principalName.toLowerCase() === folded,
    );
  }

  /** What an identifier of a resource, as it stands before the last slash of a scope, stands for. */
  findResource(identifier: string): ResourceKind | undefined {
    const folded = withoutSlash(identifier.toLowerCase());
    if (folded === graphResource || folded === graphAppId) return 'graph';
    if (folded === sharePointAppId) return 'sharepoint';
    const host = /^https:\/\/([^/]+)$/.exec(folded)?.[1];
    if (host !== undefined && this.#sharePointHosts.has(host)) return 'sharepoint';
    return this.findResourceApp(folded) === undefined ? undefined : 'application';
  }
}

/** The roles at an application of who goes by one of these names, in the order in which it defines them. */
export function rolesAt(app: AppRegistration | undefined, ...names: string[]): string[] {
  const folded = new Set(names.map((name) => name.toLowerCase()));
  const roles = app?.appRoles ?? [];
  return roles
    .filter(({ assignedTo }) => assignedTo.some((name) => folded.has(name.toLowerCase())))
    .map(({ value }) => value);
}

/** Whether a token for `tokenAudience` may be shown to `audience`: the same resource, by its address or by its id. */
export function isAudience(tokenAudience: string, audience: string): boolean {
  const shown = withoutSlash(tokenAudience.toLowerCase());
  const asked = withoutSlash(audience.toLowerCase());
  if (shown === asked) return true;
  if (shown === graphAppId) return asked === graphResource;
  if (shown === sharePointAppId) return isSharePoint(asked);
  return shown.replace(/^api:\/\//, '') === asked.replace(/^api:\/\//, '');
}

/** Whether an audience is a host of SharePoint, as against Graph or an application. */
export function isSharePoint(audience: string): boolean {
  return /^https:\/\/[^/]+\.sharepoint\.com\/?$/i.test(audience);
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
