// Sites, lists and drives as clients read them.
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { Site } from '../drive/site.ts';
import type { Reply } from '../http/exchange.ts';
import { apiRoot, empty, json, needRead, type Call } from './call.ts';
import { drivePointIds, driveTypeOf, selectionOf, timeText } from './item-json.ts';
import { objectOf, objectsOf, readJson, textOf, textsOf } from './request-body.ts';

/** GET /me and /users/{id}: who has signed in, or who could have a OneDrive */
export function getUser(call: Call, id: string): Reply {
  const user = call.services.index.user(id);
  const { displayName, principalName } = user;
  return entity(call, 'users', {
    displayName,
    mail: principalName,
    userPrincipalName: principalName,
    id: user.id,
  });
}

/** GET /sites?search= */
export function listSites(call: Call): Reply {
  const { index, access } = call.services;
  access.checkAny(call.principal, index.sites);
  const wanted = (call.query.get('search') ?? call.query.get('$search') ?? '*').toLowerCase();
  const text = wanted.replaceAll(/["*]/g, '');
  const found = index.sites.filter(
    (site) =>
      site.description.owner === undefined &&
      access.canRead(call.principal, site) &&
      `${site.description.title} ${site.webUrl}`.toLowerCase().includes(text),
  );
  return collection(
    call,
    'sites',
    found.map((site) => selected(call, siteJson(site))),
  );
}

/** GET of a site */
export function getSite(call: Call, site: Site): Reply {
  needRead(call, site);
  return entity(call, 'sites', siteJson(site));
}

/** GET …/drives of a site or a user */
export function listDrives(call: Call, site: Site): Reply {
  needRead(call, site);
  return collection(call, 'drives', site.drives.map((drive) => selected(call, driveJson(call, drive)))); // oxfmt-ignore
}

/** GET of a drive */
export function getDrive(call: Call, drive: Drive): Reply {
  needRead(call, drive.site);
  return entity(call, 'drives', driveJson(call, drive));
}

/** GET …/lists */
export function listLists(call: Call, site: Site): Reply {
  needRead(call, site);
  return collection(
    call,
    'lists',
    site.drives.map((drive) => selected(call, listJson(call, drive))),
  );
}

/** GET of a list */
export function getList(call: Call, drive: Drive): Reply {
  needRead(call, drive.site);
  return entity(call, 'lists', listJson(call, drive));
}

/** /sites/{id}/permissions: what lets applications with Sites.Selected in */
export async function sitePermissions(call: Call, site: Site, id?: string): Promise<Reply> {
  const { access } = call.services;
  access.checkFullControl(call.principal);
  switch (call.exchange.method) {
    case 'GET':
      return collection(call, 'permissions', access.grantsOf(site).map(grantJson));
    case 'POST': {
      const body = await readJson(call.exchange.body);
      const grantee = objectsOf(body, 'grantedToIdentities')[0] ?? objectsOf(body, 'grantedToIdentitiesV2')[0]; // oxfmt-ignore
      const application = objectOf(grantee ?? {}, 'application') ?? {};
      const appId = textOf(application, 'id');
      const roles = textsOf(body, 'roles');
      if (appId === undefined || roles.length === 0)
        throw new DriveError('invalidRequest', 'An application and roles are needed.');
      const displayName = textOf(application, 'displayName') ?? appId;
      return json(201, grantJson(access.grant(site, roles, { id: appId, displayName })));
    }
    case 'DELETE':
      access.revoke(site, id ?? '');
      return empty(204);
    default:
      throw new DriveError('methodNotAllowed');
  }
}

function grantJson({ id, roles, application }: ReturnType<Call['services']['access']['grant']>) {
  return { id, roles, grantedToIdentities: [{ application }], grantedToIdentitiesV2: [{ application }] }; // oxfmt-ignore
}

function entity(call: Call, set: string, facts: object): Reply {
  const context = `${apiRoot(call)}/$metadata#${set}/$entity`;
  return json(200, { '@odata.context': context, ...selected(call, facts) });
}

function collection(call: Call, set: string, value: object[]): Reply {
  return json(200, { '@odata.context': `${apiRoot(call)}/$metadata#${set}`, value });
}

function selected(call: Call, facts: object): object {
  const selection = selectionOf(call.query);
  const entries = Object.entries(facts);
  // The ids for SharePoint's own API are given only when they are asked for.
  if (selection === undefined)
    return Object.fromEntries(entries.filter(([name]) => name !== 'sharepointIds'));
  return Object.fromEntries(entries.filter(([name]) => selection.has(name)));
}

function siteJson(site: Site): object {
  const { description, id, hostName, webUrl } = site;
  return {
    createdDateTime: timeText(foundedMs),
    description: '',
    id,
    lastModifiedDateTime: timeText(Math.max(foundedMs, ...site.drives.map(lastChange))),
    name: description.path.split('/').at(-1),
    webUrl,
    displayName: description.title,
    ...(description.path === '' ? { root: {} } : {}),
    siteCollection: { hostname: hostName },
  };
}

const foundedMs = Date.UTC(2020, 0, 1);

function lastChange(drive: Drive): number {
  return drive.root.changedMs;
}

function driveJson(call: Call, drive: Drive): object {
  const { total, used, remaining, deleted } = drive.quota;
  return {
    createdDateTime: timeText(foundedMs),
    description: '',
    id: drive.id,
    lastModifiedDateTime: timeText(lastChange(drive)),
    name: drive.site.description.owner === undefined ? drive.library.title : 'OneDrive',
    webUrl: drive.webUrl,
    driveType: driveTypeOf(drive),
    createdBy: { user: { displayName: 'System Account' } },
    owner: ownerOf(call, drive),
    quota: { deleted, remaining, state: quotaState(remaining, total), total, used },
    sharepointIds: drivePointIds(drive),
  };
}

function ownerOf(call: Call, drive: Drive): object {
  const { owner, title } = drive.site.description;
  const user = call.services.index.tenant.users.find(
    ({ principalName }) => principalName === owner,
  );
  if (user === undefined) return { group: { displayName: `${title} Owners` } };
  return { user: { email: user.principalName, id: user.id, displayName: user.displayName } };
}

function quotaState(remaining: number, total: number): string {
  if (remaining === 0) return 'exceeded';
  if (remaining < total * 0.01) return 'critical';
  return remaining < total * 0.1 ? 'nearing' : 'normal';
}

function listJson(call: Call, drive: Drive): object {
  const { listGuid, library, webUrl } = drive;
  return {
    createdDateTime: timeText(foundedMs),
    description: '',
    eTag: `"${listGuid},${drive.sequence}"`,
    id: listGuid,
    lastModifiedDateTime: timeText(lastChange(drive)),
    name: library.urlName,
    webUrl,
    displayName: library.title,
    parentReference: { siteId: drive.site.id },
    list: { contentTypesEnabled: false, hidden: false, template: 'documentLibrary' },
    drive: selectionOf(call.query)?.has('drive') === true ? driveJson(call, drive) : undefined,
    sharepointIds: drivePointIds(drive),
  };
}
