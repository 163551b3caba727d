// Old versions of files: kept on every change of content, and, as SharePoint does, on every change of the times as well.
import { renameSync, rmSync } from 'node:fs';
import { checkWritable } from './check-writable.ts';
import { linkOrCopy } from './content-folder.ts';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import type { Identity, Item, OldVersion } from './item.ts';

/** Older versions than so many are dropped. */
export const versionsMax = 500;

/** Turns the current state into an old version; the caller saves the item. */
export function keepVersion(drive: Drive, item: Item, keep: 'move' | 'link'): void {
  const { version, size, hash, modifiedMs, fileModifiedMs, modifiedBy } = item;
  drive.files.keepVersion(item, version, keep);
  item.older ??= [];
  item.older.push({ number: version, size, hash, modifiedMs, fileModifiedMs, modifiedBy });
  drive.versionBytes += size;
  item.version++;
  if (item.older.length > versionsMax) dropVersion(drive, item, item.older[0]!);
}

/** Brings a version's content back as a new version. */
export function restoreVersion(drive: Drive, item: Item, label: string, by: Identity): void {
  checkWritable(item, by);
  if (label === `${item.version}.0`) return;
  const wanted = oldVersion(item, label);
  drive.checkRoom(wanted.size);
  keepVersion(drive, item, 'move');
  linkOrCopy(drive.files.versionPath(item, wanted.number), drive.files.pathOf(item));
  takeContent(drive, item, wanted, by);
  item.modifiedMs = drive.now();
  drive.save(item);
}

/** Removes a version that is not the current one. */
export function deleteVersion(drive: Drive, item: Item, label: string, by: Identity): void {
  checkWritable(item, by);
  if (label === `${item.version}.0`)
    throw new DriveError('invalidRequest', 'You cannot delete the current version.');
  dropVersion(drive, item, oldVersion(item, label));
  drive.save(item);
}

/** Goes back to an old version and drops what came after it, as discarding a check-out does. */
export function rollBack(drive: Drive, item: Item, number: number): void {
  if (item.version === number) return;
  const wanted = oldVersion(item, `${number}.0`);
  const place = drive.files.pathOf(item);
  rmSync(place);
  renameSync(drive.files.versionPath(item, number), place);
  takeContent(drive, item, wanted, wanted.modifiedBy);
  item.version = number;
  for (const version of (item.older ?? []).filter((old) => old.number >= number))
    dropVersion(drive, item, version);
}

/** Where the content of a version lies, and how long it is. */
export function versionContent(drive: Drive, item: Item, label: string) {
  if (label === `${item.version}.0`) return { path: drive.files.pathOf(item), size: item.size };
  const { number, size } = oldVersion(item, label);
  return { path: drive.files.versionPath(item, number), size };
}

function oldVersion(item: Item, label: string): OldVersion {
  const found = item.older?.find(({ number }) => label === `${number}.0`);
  if (found === undefined) throw new DriveError('itemNotFound', 'The version was not found.');
  return found;
}

function takeContent(drive: Drive, item: Item, version: OldVersion, by: Identity): void {
  drive.resize(item.parent!, version.size - item.size);
  item.size = version.size;
  item.hash = version.hash;
  item.fileModifiedMs = version.fileModifiedMs;
  item.modifiedMs = version.modifiedMs;
  item.modifiedBy = by;
  item.change++;
  item.content++;
}

function dropVersion(drive: Drive, item: Item, version: OldVersion): void {
  item.older = (item.older ?? []).filter((old) => old !== version);
  drive.versionBytes -= version.size;
  drive.files.dropVersion(item, version.number);
}
