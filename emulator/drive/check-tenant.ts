// A tenant is written by people, and its paths become folders: nothing in it may lead out of the data folder.
import { DroverError } from '../../lib/error.ts';
import { DriveError } from './drive-error.ts';
import { checkName } from './name-rules.ts';
import type { SiteDescription, TenantDescription } from './tenant.ts';

const sitePath = /^$|^\/(sites|teams|personal)\/[^/]+(\/[^/]+)*$/;

/** The sites of a tenant. Throws INVALID_ARGUMENT when one of them cannot be. */
export function checkTenant(tenant: TenantDescription): SiteDescription[] {
  if (!/^[a-z0-9][a-z0-9-]*$/i.test(tenant.name))
    throw DroverError.invalid('name', `${tenant.name} cannot be a part of a host name`);
  const paths = new Set<string>();
  return tenant.sites.map((given, index) => {
    const field = `sites[${index}]`;
    // The root site may do without.
    const site = { ...given, path: (given.path as string | undefined) ?? '' };
    const host = site.owner === undefined ? '' : '-my';
    if (!sitePath.test(site.path))
      throw DroverError.invalid(
        `${field}.path`,
        `${site.path} is not empty and not like /sites/hr`,
      );
    for (const part of site.path.split('/').slice(1)) checkPart(part, `${field}.path`);
    addNew(paths, `${host}${site.path}`, `${field}.path`);
    checkLibraries(site, field);
    if (site.owner !== undefined && !isUser(tenant, site.owner))
      throw DroverError.invalid(`${field}.owner`, `${site.owner} is not among the users`);
    return site;
  });
}

function isUser({ users }: TenantDescription, name: string): boolean {
  return users.some(({ principalName }) => principalName === name);
}

function checkLibraries({ libraries }: SiteDescription, field: string): void {
  const names = new Set<string>();
  for (const [index, { urlName }] of libraries.entries()) {
    const place = `${field}.libraries[${index}].urlName`;
    checkPart(urlName, place);
    addNew(names, urlName, place);
  }
}

function addNew(known: Set<string>, name: string, field: string): void {
  const folded = name.toLowerCase();
  if (known.has(folded)) throw DroverError.invalid(field, `${name} stands there twice`);
  known.add(folded);
}

function checkPart(name: string, field: string): void {
  try {
    checkName(name, { folder: true, atRoot: false });
  } catch (cause) {
    if (!(cause instanceof DriveError)) throw cause;
    throw DroverError.invalid(field, `${name}: ${cause.message}`, cause);
  }
}
