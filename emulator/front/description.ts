// What a client has to know to use the emulator.
import path from 'node:path';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { libraryPlace } from '../drive/content-folder.ts';
import type { SiteDescription } from '../drive/tenant.ts';
import type { Authority } from './authority.ts';
import type { FrontDoor } from './front-door.ts';
import { isLocalHost } from './host-names.ts';
import type { Tenant } from './tenant-file.ts';

export interface EmulatorDescription {
  /** Of the TLS listener, without a path. */
  url: string;
  /** Of its twin without TLS. */
  http: string;
  proxy: string;
  /** File with the certificate to trust. */
  ca: string;
  /** The tenant's id. */
  tenant: string;
  tenantDomain: string;
  clientId: string;
  clientSecret: string;
  /** The application that stands for a coordinator; empty when the tenant has none. */
  coordinatorClientId: string;
  /** The address in place of https://login.microsoftonline.com. */
  authority: string;
  /** The address in place of https://graph.microsoft.com. */
  graph: string;
  sites: DescribedSite[];
  users: { principalName: string; displayName: string; id: string; oneDrive: string }[];
  /** Folder with what is in the drives, as plain files. */
  content: string;
  /** Address below which faults are set and counts are read. */
  control: string;
}

export interface DescribedSite {
  /** As in the real world. */
  url: string;
  libraries: { title: string; url: string; folder: string }[];
}

export interface DescribedParts {
  tenant: Tenant;
  folder: string;
  authority: Authority;
  door: FrontDoor;
  options: { listen: HostPort; httpListen: HostPort; proxyListen: HostPort };
}

export function describeEmulator(parts: DescribedParts): EmulatorDescription {
  const { tenant, folder, authority, door, options } = parts;
  const url = `https://${reachable(options.listen, door.tlsPort, 'localhost')}`;
  const content = path.join(folder, 'content');
  const sites = tenant.sites.map((site) => describeSite(tenant.name, site, content));
  const oneDrives = new Map(
    tenant.sites.map((site, index) => [site.owner, sites[index]?.url ?? '']),
  );
  return {
    url,
    http: `http://${reachable(options.httpListen, door.httpPort, '127.0.0.1')}`,
    proxy: `http://${reachable(options.proxyListen, door.proxyPort, '127.0.0.1')}`,
    ca: authority.certificateFile,
    tenant: tenant.id,
    tenantDomain: tenant.domain,
    clientId: tenant.apps[0]?.clientId ?? '',
    clientSecret: tenant.apps[0]?.secrets[0] ?? '',
    coordinatorClientId: tenant.apps.find(({ appRoles }) => appRoles !== undefined)?.clientId ?? '',
    authority: url,
    graph: url,
    sites,
    users: tenant.users.map(({ principalName, displayName, id }) => ({
      principalName,
      displayName,
      id,
      oneDrive: oneDrives.get(principalName) ?? '',
    })),
    content,
    control: `${url}/_emulator/`,
  };
}

function describeSite(name: string, site: SiteDescription, content: string): DescribedSite {
  const host = site.path.startsWith('/personal/') ? `${name}-my` : name;
  const url = `https://${host}.sharepoint.com${site.path}`;
  return {
    url,
    libraries: site.libraries.map(({ title, urlName }) => ({
      title,
      url: `${url}/${encodeURIComponent(urlName)}`,
      folder: path.join(content, libraryPlace(site.path, urlName)),
    })),
  };
}

/** How a client on this machine comes to an address that is listened on. */
function reachable({ host }: HostPort, port: number, local: string): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  return formatHostPort({ host: everywhere || isLocalHost(host) ? local : host, port });
}
