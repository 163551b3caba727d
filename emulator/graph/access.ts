// What a caller's permissions allow, and the sites that applications with Sites.Selected were let into.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DriveError } from '../drive/drive-error.ts';
import type { Site } from '../drive/site.ts';
import type { Principal } from '../http/exchange.ts';

/** What an application with Sites.Selected may do in one site. */
export interface SiteGrant {
  id: string;
  /** Id of the site. */
  site: string;
  roles: string[];
  application: { id: string; displayName: string };
}

type Need = 'read' | 'write';

const writeEverywhere = new Set([
  'Sites.ReadWrite.All',
  'Sites.Manage.All',
  'Sites.FullControl.All',
  'Files.ReadWrite.All',
  // SharePoint's own names for delegated permissions.
  'AllSites.Write',
  'AllSites.Manage',
  'AllSites.FullControl',
]);
const readEverywhere = new Set(['Sites.Read.All', 'Files.Read.All', 'AllSites.Read']);
const ownDrive: Record<Need, Set<string>> = {
  write: new Set(['Files.ReadWrite', 'MyFiles.Write']),
  read: new Set(['Files.ReadWrite', 'MyFiles.Write', 'Files.Read', 'MyFiles.Read']),
};

/** Decides about every call. */
export class AccessRules {
  readonly #file: string;
  #grants: SiteGrant[] = [];

  constructor(systemFolder: string) {
    this.#file = path.join(systemFolder, 'site-permissions.json');
    if (existsSync(this.#file))
      this.#grants = JSON.parse(readFileSync(this.#file, 'utf8')) as SiteGrant[];
  }

  /** Throws DriveError unless the caller may do that in the site. */
  check(principal: Principal, site: Site, need: Need): void {
    if (!this.#may(principal, site, need)) throw new DriveError('accessDenied');
  }

  /** Throws DriveError unless the caller may read sites at all. */
  checkAny(principal: Principal, sites: readonly Site[]): void {
    if (!sites.some((site) => this.#may(principal, site, 'read')))
      throw new DriveError('accessDenied');
  }

  /** Whether the caller may read the site. */
  canRead(principal: Principal, site: Site): boolean {
    return this.#may(principal, site, 'read');
  }

  /** Throws DriveError unless the caller may change permissions of sites. */
  checkFullControl({ roles, scopes }: Principal): void {
    if (![...roles, ...scopes].includes('Sites.FullControl.All'))
      throw new DriveError('accessDenied');
  }

  grantsOf(site: Site): SiteGrant[] {
    return this.#grants.filter((grant) => grant.site === site.id);
  }

  grant(site: Site, roles: string[], application: SiteGrant['application']): SiteGrant {
    const grant = { id: randomUUID(), site: site.id, roles, application };
    this.#store([...this.#grants, grant]);
    return grant;
  }

  revoke(site: Site, id: string): void {
    if (!this.grantsOf(site).some((grant) => grant.id === id)) throw new DriveError('itemNotFound');
    this.#store(this.#grants.filter((grant) => grant.id !== id));
  }

  #store(grants: SiteGrant[]): void {
    writeFileSync(this.#file, JSON.stringify(grants, undefined, 2));
    this.#grants = grants;
  }

  #may({ appId, user, roles, scopes }: Principal, site: Site, need: Need): boolean {
    const held = user === undefined ? roles : scopes;
    if (held.some((name) => writeEverywhere.has(name))) return true;
    if (need === 'read' && held.some((name) => readEverywhere.has(name))) return true;
    if (user !== undefined && site.description.owner === user.principalName)
      return held.some((name) => ownDrive[need].has(name));
    return (
      held.includes('Sites.Selected') &&
      this.grantsOf(site).some(
        ({ application, roles: granted }) =>
          application.id === appId && (need === 'read' || granted.some((role) => role !== 'read')),
      )
    );
  }
}
