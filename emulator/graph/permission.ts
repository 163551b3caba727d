// Permissions of items: the grants on the item itself, and those it inherits.
import { randomUUID } from 'node:crypto';
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { Item, Permission } from '../drive/item.ts';
import type { TenantDescription } from '../drive/tenant.ts';
import type { Reply } from '../http/exchange.ts';
import { apiRoot, empty, json, needWrite, type Call } from './call.ts';
import { findItem } from './find-item.ts';
import { objectsOf, readJson, textOf, textsOf, type JsonObject } from './request-body.ts';
import type { ItemTarget } from './resolve.ts';

/** Grants on one item. */
const permissionsMax = 5000;

/** GET …/permissions */
export function listPermissions(call: Call, target: ItemTarget): Reply {
  const item = findItem(call, target);
  const context = `${apiRoot(call)}/$metadata#drives('${encodeURIComponent(target.drive.id)}')/items('${item.id}')/permissions`;
  return json(200, { '@odata.context': context, value: permissionsOf(target.drive, item) });
}

/** GET …/permissions/{id} */
export function getPermission(call: Call, target: ItemTarget, [id]: string[]): Reply {
  const found = permissionsOf(target.drive, findItem(call, target)).find((each) => each.id === id);
  if (found === undefined) throw new DriveError('itemNotFound');
  return json(200, found);
}

/** POST …/invite */
export async function invite(call: Call, target: ItemTarget): Promise<Reply> {
  const { drive } = target;
  needWrite(call, drive);
  const body = await readJson(call.exchange.body);
  const item = findItem(call, target);
  const recipients = objectsOf(body, 'recipients');
  if (recipients.length === 0) throw new DriveError('invalidRequest', 'Recipients are missing.');
  const roles = rolesOf(body);
  const { tenant } = call.services.index;
  const value = recipients.map((recipient) => {
    const user = userOf(tenant, recipient);
    // One that is not found does not keep the others out.
    if (user === undefined) return notResolved(recipient);
    return permissionJson(grant(item, roles, user));
  });
  item.change++;
  drive.save(item);
  return json(200, { value });
}

/** PATCH …/permissions/{id} */
export async function patchPermission(call: Call, target: ItemTarget, [id]: string[]) {
  needWrite(call, target.drive);
  const body = await readJson(call.exchange.body);
  const item = findItem(call, target);
  const permission = ownPermission(target.drive, item, id);
  permission.roles = rolesOf(body);
  item.change++;
  target.drive.save(item);
  return json(200, permissionJson(permission));
}

/** DELETE …/permissions/{id} */
export function deletePermission(call: Call, target: ItemTarget, [id]: string[]): Reply {
  needWrite(call, target.drive);
  const item = findItem(call, target);
  const permission = ownPermission(target.drive, item, id);
  item.permissions = item.permissions!.filter((each) => each !== permission);
  item.change++;
  target.drive.save(item);
  return empty(204);
}

function rolesOf(body: JsonObject): string[] {
  const roles = textsOf(body, 'roles');
  if (roles.length === 0 || !roles.every((role) => /^(read|write|owner|sp\..+)$/.test(role)))
    throw new DriveError('invalidRequest', 'The roles are missing or not known.');
  return roles;
}

function grant(item: Item, roles: string[], user: Permission['grantedTo']): Permission {
  item.permissions ??= [];
  const known = item.permissions.find(({ grantedTo }) => grantedTo.id === user.id);
  if (known !== undefined) return Object.assign(known, { roles });
  if (item.permissions.length >= permissionsMax)
    throw new DriveError('invalidRequest', 'The item has too many permissions.');
  const permission = {
    id: Buffer.from(randomUUID()).toString('base64url'),
    roles,
    grantedTo: user,
  };
  item.permissions.push(permission);
  return permission;
}

function userOf(tenant: TenantDescription, recipient: JsonObject) {
  const email = textOf(recipient, 'email') ?? textOf(recipient, 'alias');
  const objectId = textOf(recipient, 'objectId');
  const user = tenant.users.find(
    ({ id, principalName }) =>
      id === objectId || principalName.toLowerCase() === email?.toLowerCase(),
  );
  if (user === undefined) return undefined;
  return { id: user.id, displayName: user.displayName, email: user.principalName };
}

function notResolved(recipient: JsonObject): object {
  return {
    invitation: recipient,
    error: { code: 'usersCannotBeResolved', message: 'The recipient could not be resolved.' },
  };
}

function ownPermission(drive: Drive, item: Item, id: string | undefined): Permission {
  const own = item.permissions?.find((each) => each.id === id);
  if (own !== undefined) return own;
  if (permissionsOf(drive, item).some((each) => each.id === id))
    throw new DriveError('invalidRequest', 'An inherited permission cannot be changed here.');
  throw new DriveError('itemNotFound');
}

function permissionsOf(drive: Drive, item: Item) {
  const found = (item.permissions ?? []).map((each) => permissionJson(each));
  for (let at = item.parent; at !== undefined; at = at.parent)
    for (const each of at.permissions ?? [])
      found.push({ ...permissionJson(each), ...inherited(drive, at) });
  return [...found, ownersPermission(drive, item)];
}

function ownersPermission(drive: Drive, item: Item) {
  const displayName = `${drive.site.description.title} Owners`;
  return {
    id: Buffer.from(`${displayName}`).toString('base64url'),
    roles: ['owner'],
    grantedToV2: { siteGroup: { id: '3', displayName, loginName: displayName } },
    ...(item.parent === undefined ? {} : inherited(drive, drive.root)),
  };
}

function inherited(drive: Drive, from: Item): object {
  return { inheritedFrom: { driveId: drive.id, id: from.id } };
}

function permissionJson({ id, roles, grantedTo }: Permission): { id: string; roles: string[] } {
  const user = grantedTo;
  return { id, roles, ...{ grantedTo: { user }, grantedToV2: { user } } };
}
