// The tenant as a person may edit it: users, sites and their libraries, plain data that goes into a JSON file and comes back.
// Ids of sites and libraries are not here: they are derived from the tenant's id and the path, so that an edited file needs none.
import { randomUUID } from 'node:crypto';

/** A tenant of Microsoft 365, as far as drives are concerned. */
export interface TenantDescription {
  /** GUID of the tenant. */
  id: string;
  /** First part of its host names: contoso is contoso.sharepoint.com and contoso-my.sharepoint.com. */
  name: string;
  users: UserDescription[];
  sites: SiteDescription[];
}

export interface UserDescription {
  /** GUID, as in the token's `oid`. */
  id: string;
  /** Such as ann@contoso.com. */
  principalName: string;
  displayName: string;
}

export interface SiteDescription {
  /** Server-relative: empty for the root site, `/sites/hr`, or `/personal/ann_contoso_com` for a OneDrive. */
  path: string;
  title: string;
  /** Principal name of the user whose OneDrive this is; absent for every other site. */
  owner?: string;
  /** Every write is refused with 403 accessDenied. */
  readOnly?: boolean;
  /** The first is the site's default library. */
  libraries: LibraryDescription[];
}

export interface LibraryDescription {
  /** What people see. */
  title: string;
  /** What stands in addresses. */
  urlName: string;
  readOnly?: boolean;
  /** Uploaded files stay checked out, invisible to others, until they are checked in. */
  requiresCheckout?: boolean;
  /** @default 1 TiB for a OneDrive, 25 TiB for a library */
  quotaBytes?: number;
}

/** The tenant that a new data folder gets. */
export function defaultTenant(id: string = randomUUID()): TenantDescription {
  const people: [alias: string, displayName: string][] = [
    ['ann', 'Ann Archer'],
    ['ben', 'Ben Baker'],
    ['cleo', 'Cleo Carter'],
  ];
  const users = people.map(([alias, displayName]) => ({
    id: randomUUID(),
    principalName: `${alias}@contoso.com`,
    displayName,
  }));
  const documents = { title: 'Documents', urlName: 'Shared Documents' };
  return {
    id,
    name: 'contoso',
    users,
    sites: [
      { path: '', title: 'Communication site', libraries: [documents] },
      { path: '/sites/migration', title: 'Migration', libraries: [documents] },
      {
        path: '/sites/hr',
        title: 'Human Resources',
        libraries: [
          documents,
          { title: 'Records', urlName: 'Records', requiresCheckout: true },
          { title: 'Policies', urlName: 'HRPolicies' },
        ],
      },
      { path: '/sites/readonly', title: 'Read only', readOnly: true, libraries: [documents] },
      ...users.map(({ principalName, displayName }) => ({
        path: `/personal/${principalName.replaceAll(/[@.]/g, '_')}`,
        title: displayName,
        owner: principalName,
        libraries: [{ title: 'Documents', urlName: 'Documents' }],
      })),
    ],
  };
}
