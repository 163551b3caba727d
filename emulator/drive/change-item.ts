// Renaming, moving, redating and deleting.
import { renameSync, rmSync } from 'node:fs';
import { checkCheckedOut, checkWritable } from './check-writable.ts';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import {
  childNamed,
  isFolder,
  isWithin,
  subtree,
  type Folder,
  type Identity,
  type Item,
} from './item.ts';
import { foldName, freeName } from './name-rules.ts';
import type { ConflictBehavior, FileTimes } from './place-file.ts';
import { keepVersion } from './version.ts';

export interface ItemChanges {
  name?: string | undefined;
  parent?: Folder | undefined;
  conflict?: ConflictBehavior | undefined;
  times?: FileTimes | undefined;
}

/** Changes an item. Nothing is changed when it throws DriveError. */
export function changeItem(drive: Drive, item: Item, changes: ItemChanges, by: Identity): void {
  checkWritable(item, by);
  checkCheckedOut(drive, item);
  const { createdMs, modifiedMs } = changes.times ?? {};
  const redated = createdMs !== undefined || modifiedMs !== undefined;
  // The phantom version: the times of a file are part of its version.
  if (redated && !isFolder(item)) drive.checkRoom(item.size);
  const moved = moveItem(drive, item, changes, by);
  if (redated) {
    if (!isFolder(item)) keepVersion(drive, item, 'link');
    item.fileCreatedMs = createdMs ?? item.fileCreatedMs;
    item.fileModifiedMs = modifiedMs ?? item.fileModifiedMs;
  }
  if (!redated && !moved) return;
  item.modifiedMs = drive.now();
  item.modifiedBy = by;
  item.change++;
  drive.save(item);
}

function moveItem(drive: Drive, item: Item, changes: ItemChanges, by: Identity): boolean {
  const parent = changes.parent ?? (item.parent as Folder | undefined);
  let name = changes.name ?? item.name;
  if (parent === item.parent && name === item.name) return false;
  if (parent === undefined || item.parent === undefined)
    throw new DriveError('invalidRequest', 'The root of a drive cannot be renamed or moved.');
  if (isWithin(parent, item))
    throw new DriveError('invalidRequest', 'A folder cannot be moved into itself.');
  drive.checkPlace(parent, name, isFolder(item));
  const existing = childNamed(parent, name);
  if (existing !== undefined && existing !== item) {
    if (changes.conflict === 'rename')
      name = freeName(name, (candidate) => childNamed(parent, candidate) !== undefined);
    else if (changes.conflict === 'replace' && !isFolder(existing) && !isFolder(item))
      deleteItem(drive, existing, by);
    else throw new DriveError('nameAlreadyExists');
  }
  renameSync(drive.files.pathOf(item), drive.files.pathIn(parent, name));
  drive.unlink(item);
  item.name = name;
  drive.link(item, parent);
  return true;
}

/** Moves an item with all below it into the recycle bin. */
export function deleteItem(drive: Drive, item: Item, by: Identity, keep = true): void {
  if (item.parent === undefined)
    throw new DriveError('invalidRequest', 'The root of a drive cannot be deleted.');
  const items = [...subtree(item)];
  // Locks within a folder hold it, too.
  for (const each of items) checkWritable(each, by);
  const { files } = drive;
  if (keep) renameSync(files.pathOf(item), files.deletedPath(item));
  else rmSync(files.pathOf(item), { recursive: true });
  drive.unlink(item);
  const atMs = drive.now();
  const batch = drive.sequence + 1;
  for (const each of items) {
    // Only the top of what is deleted can be restored; the rest comes back with it.
    each.deleted = { atMs, recycled: keep && each === item, batch };
    if (!keep) dropVersions(drive, each);
    each.change++;
    drive.save(each);
  }
  if (keep) drive.deletedBytes += item.size;
}

/** Brings an item back from the recycle bin. */
export function restoreItem(
  drive: Drive,
  item: Item,
  wanted: { parent?: Folder | undefined; name?: string | undefined },
): void {
  if (item.deleted?.recycled !== true) throw new DriveError('itemNotFound');
  const parent = wanted.parent ?? item.parent;
  if (parent === undefined || !isFolder(parent) || parent.deleted !== undefined)
    throw new DriveError('itemNotFound', 'The folder that the item was in is gone.');
  const name = wanted.name ?? item.name;
  drive.checkPlace(parent, name, isFolder(item));
  if (parent.children.has(foldName(name))) throw new DriveError('nameAlreadyExists');
  renameSync(drive.files.deletedPath(item), drive.files.pathIn(parent, name));
  item.name = name;
  drive.link(item, parent);
  drive.deletedBytes -= item.size;
  for (const each of subtree(item)) {
    delete each.deleted;
    each.change++;
    drive.save(each);
  }
}

function dropVersions(drive: Drive, item: Item): void {
  for (const { size } of item.older ?? []) drive.versionBytes -= size;
  delete item.older;
  drive.files.dropVersion(item);
}
