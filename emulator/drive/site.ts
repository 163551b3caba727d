// The sites of a tenant with their drives, found by every id and path they have.
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { derivedGuid } from './identifiers.ts';
import type { SiteDescription, TenantDescription, UserDescription } from './tenant.ts';

/** A site; its drives are added when they are opened. */
export interface Site {
  readonly description: SiteDescription;
  /** `contoso.sharepoint.com,{site collection},{web}`. */
  readonly id: string;
  readonly siteGuid: string;
  readonly webGuid: string;
  readonly hostName: string;
  readonly webUrl: string;
  /** The first is the default. */
  readonly drives: Drive[];
}

/** The site as it is described, without drives yet. */
export function createSite(tenant: TenantDescription, description: SiteDescription): Site {
  const { path, owner } = description;
  const hostName = `${tenant.name}${owner === undefined ? '' : '-my'}.sharepoint.com`;
  const siteGuid = derivedGuid(tenant.id, 'site', path);
  const webGuid = derivedGuid(tenant.id, 'web', path);
  const id = `${hostName},${siteGuid},${webGuid}`;
  const webUrl = `https://${hostName}${path}`;
  return { description, id, siteGuid, webGuid, hostName, webUrl, drives: [] };
}

/** Everything that can be addressed in a tenant. */
export class TenantIndex {
  readonly tenant: TenantDescription;
  readonly sites: readonly Site[];
  readonly #drives = new Map<string, Drive>();

  constructor(tenant: TenantDescription, sites: readonly Site[]) {
    this.tenant = tenant;
    this.sites = sites;
    for (const drive of sites.flatMap(({ drives }) => drives)) this.#drives.set(drive.id, drive);
  }

  get drives(): Iterable<Drive> {
    return this.#drives.values();
  }

  drive(id: string): Drive {
    const drive = this.#drives.get(id);
    // Ids of drives that nobody ever gave out are malformed for the service.
    if (drive === undefined && !id.startsWith('b!'))
      throw new DriveError('invalidRequest', 'The provided drive id appears to be malformed.');
    if (drive === undefined) throw new DriveError('itemNotFound');
    return drive;
  }

  /** By the three-part id, one of its GUIDs, or the host name of a root site. */
  site(id: string): Site {
    const wanted = id.toLowerCase();
    const found = this.sites.find(
      (site) =>
        site.id === wanted ||
        site.siteGuid === wanted ||
        (site.description.path === '' && site.hostName === wanted),
    );
    if (found === undefined)
      throw new DriveError('itemNotFound', 'Requested site could not be found');
    return found;
  }

  /** By server-relative path, decoded, on one of the tenant's hosts. */
  siteAt(hostName: string, path: string): Site {
    const wanted = path.toLowerCase().replace(/\/$/, '');
    const host = hostName.toLowerCase();
    const found = this.sites.find(
      (site) => site.hostName === host && site.description.path.toLowerCase() === wanted,
    );
    if (found === undefined)
      throw new DriveError('itemNotFound', 'Requested site could not be found');
    return found;
  }

  get rootSite(): Site {
    return this.siteAt(`${this.tenant.name}.sharepoint.com`, '');
  }

  /** By id or principal name. */
  user(name: string): UserDescription {
    const wanted = name.toLowerCase();
    const found = this.tenant.users.find(
      ({ id, principalName }) =>
        id.toLowerCase() === wanted || principalName.toLowerCase() === wanted,
    );
    if (found === undefined) throw new DriveError('itemNotFound', `There is no user ${name}.`);
    return found;
  }

  /** A user's OneDrive, by the user's id or principal name. */
  personalSite(name: string): Site {
    const { principalName } = this.user(name);
    const site = this.sites.find(({ description }) => description.owner === principalName);
    if (site === undefined)
      throw new DriveError('itemNotFound', `There is no OneDrive of the user ${name}.`);
    return site;
  }
}
