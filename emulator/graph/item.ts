// Items themselves: reading, changing, deleting, restoring.
import { changeItem, deleteItem, restoreItem } from '../drive/change-item.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import { eTag, isFolder, type Folder } from '../drive/item.ts';
import { checkMatch } from '../drive/place-file.ts';
import type { Reply } from '../http/exchange.ts';
import { empty, header, json, needWrite, type Call } from './call.ts';
import { conflictOf, conflictOfQuery, fileTimes } from './file-facts.ts';
import { findItem } from './find-item.ts';
import { entityJson } from './item-json.ts';
import { objectOf, readJson, textOf, type JsonObject } from './request-body.ts';
import type { ItemTarget } from './resolve.ts';
import { placeAt } from './share.ts';

/** GET of an item */
export function getItem(call: Call, target: ItemTarget): Reply {
  const item = findItem(call, target);
  if (header(call.exchange, 'if-none-match') === eTag(item)) return empty(304);
  return json(200, entityJson(call, target.drive, item), { etag: eTag(item) });
}

/** PATCH of an item: name, place, times. What it does not know it passes over, as the service does. */
export async function patchItem(call: Call, target: ItemTarget): Promise<Reply> {
  const { drive } = target;
  needWrite(call, drive);
  const body = await readJson(call.exchange.body);
  const item = findItem(call, target);
  checkMatch(item, header(call.exchange, 'if-match'));
  const times = fileTimes(body);
  const name = textOf(body, 'name');
  changeItem(
    drive,
    item,
    {
      name: name === '' ? undefined : name,
      parent: parentOf(call, drive, objectOf(body, 'parentReference')),
      conflict: conflictOf(body) ?? conflictOfQuery(call.query),
      times,
    },
    call.by,
  );
  return json(200, entityJson(call, drive, item));
}

/** The folder that a parentReference names; undefined when it names none. Empty strings name nothing. */
export function parentOf(
  call: Call,
  drive: Drive,
  reference: JsonObject | undefined,
): Folder | undefined {
  if (reference === undefined) return undefined;
  const wanted = textOf(reference, 'driveId');
  if (wanted !== undefined && wanted !== '' && wanted !== drive.id)
    throw new DriveError('invalidRequest', 'Items cannot be moved to another drive; copy them.');
  return folderOf(call, drive, reference);
}

/** The folder of a reference in a drive, by id or by path. */
export function folderOf(call: Call, drive: Drive, reference: JsonObject): Folder | undefined {
  const id = textOf(reference, 'id') ?? '';
  const path = textOf(reference, 'path') ?? '';
  if (id === '' && path === '') return undefined;
  const folder =
    id === 'root' ? drive.root : id === '' ? folderAt(call, drive, path) : drive.item(id);
  if (!isFolder(folder)) throw new DriveError('invalidRequest', 'The parent is not a folder.');
  return folder;
}

/** `/drives/{id}/root:/a/b`, `/drive/root:/a/b`, or a server-relative path. */
function folderAt(call: Call, drive: Drive, path: string) {
  const [, within] = /\/root:?(\/.*)?$/.exec(path) ?? [];
  const names = /\/root(:|$)/.test(path)
    ? decodeURIComponent(within ?? '').split('/')
    : placeAt(call.services.index, path).names;
  return findItem(call, { drive, base: drive.root, names: names.filter((name) => name !== '') });
}

/** DELETE of an item: into the recycle bin */
export function removeItem(call: Call, target: ItemTarget): Reply {
  needWrite(call, target.drive);
  const item = findItem(call, target);
  checkMatch(item, header(call.exchange, 'if-match'));
  deleteItem(target.drive, item, call.by);
  return empty(204);
}

/** POST …/permanentDelete */
export function permanentlyDelete(call: Call, target: ItemTarget): Reply {
  needWrite(call, target.drive);
  const item = findItem(call, target);
  checkMatch(item, header(call.exchange, 'if-match'));
  deleteItem(target.drive, item, call.by, false);
  return empty(204);
}

/** POST …/restore of a deleted item */
export async function restore(call: Call, target: ItemTarget): Promise<Reply> {
  const { drive, base } = target;
  needWrite(call, drive);
  const body = await readJson(call.exchange.body);
  const parent = parentOf(call, drive, objectOf(body, 'parentReference'));
  restoreItem(drive, base, { parent, name: textOf(body, 'name') });
  return json(200, entityJson(call, drive, base));
}
