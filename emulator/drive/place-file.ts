// The moment a file that has arrived becomes an item, or the new content of one.
import { renameSync } from 'node:fs';
import { checkWritable } from './check-writable.ts';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { childNamed, cTag, eTag, isFolder, type Folder, type Identity, type Item } from './item.ts';
import { freeName } from './name-rules.ts';
import { keepVersion } from './version.ts';

/** What to do when the name is taken. */
export type ConflictBehavior = 'fail' | 'rename' | 'replace';

/** Content that lies in the system folder and is complete. */
export interface ArrivedFile {
  path: string;
  size: number;
  /** quickXorHash, base64. */
  hash: string;
}

/** Times that a client gives with a file. */
export interface FileTimes {
  createdMs?: number | undefined;
  modifiedMs?: number | undefined;
}

export interface PlaceOptions {
  parent: Folder;
  name: string;
  /** The item that is replaced, when it was addressed itself. */
  target?: Item | undefined;
  conflict: ConflictBehavior;
  ifMatch?: string | undefined;
  by: Identity;
  times?: FileTimes | undefined;
  /** GUID of the item when it is a new one. */
  guid?: string | undefined;
}

/** Moves the content into its place. Nothing is changed when it throws DriveError. */
export function placeFile(
  drive: Drive,
  arrived: ArrivedFile,
  options: PlaceOptions,
): { item: Item; created: boolean } {
  const { parent, conflict, by } = options;
  const existing = checkConflict(drive, options);
  drive.checkRoom(arrived.size);
  if (existing !== undefined && conflict !== 'rename') {
    replaceContent(drive, existing, arrived, by, options.times);
    return { item: existing, created: false };
  }
  const name =
    existing === undefined
      ? options.name
      : freeName(options.name, (candidate) => childNamed(parent, candidate) !== undefined);
  // The disk first: when that fails, nothing has happened yet.
  renameSync(arrived.path, drive.files.pathIn(parent, name));
  const item = drive.create({
    ...(options.guid === undefined ? {} : { guid: options.guid }),
    name,
    folder: false,
    size: arrived.size,
    hash: arrived.hash,
    by,
    fileCreatedMs: options.times?.createdMs,
    fileModifiedMs: options.times?.modifiedMs,
  });
  if (drive.library.requiresCheckout === true) item.checkout = { by, version: 0 };
  drive.link(item, parent);
  drive.save(item);
  return { item, created: true };
}

/** The item whose name is taken, when that is no reason to refuse; throws DriveError when it is. */
export function checkConflict(drive: Drive, options: PlaceOptions): Item | undefined {
  const { parent, name, conflict, ifMatch, by } = options;
  if (drive.readOnly) throw new DriveError('accessDenied');
  if (parent.deleted !== undefined) throw new DriveError('itemNotFound');
  drive.checkPlace(parent, name, false);
  const target = options.target?.deleted === undefined ? options.target : undefined;
  const existing = target ?? childNamed(parent, name);
  checkMatch(existing, ifMatch);
  if (existing === undefined || conflict === 'rename') return existing;
  if (conflict === 'fail' || isFolder(existing)) throw new DriveError('nameAlreadyExists');
  checkWritable(existing, by);
  return existing;
}

/** Throws when an If-Match header names neither the eTag nor the cTag of the item. */
export function checkMatch(item: Item | undefined, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(/,(?=\s*(?:W\/)?")/).map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.every((tag) => /^".*"$/.test(tag))) throw new DriveError('malformedEntityTag');
  if (item === undefined || !tags.some((tag) => tag === eTag(item) || tag === cTag(item)))
    throw new DriveError('entityTagDoesNotMatch');
}

function replaceContent(
  drive: Drive,
  item: Item,
  arrived: ArrivedFile,
  by: Identity,
  times: FileTimes | undefined,
): void {
  const nowMs = drive.now();
  if (drive.library.requiresCheckout === true) item.checkout ??= { by, version: item.version };
  keepVersion(drive, item, 'move');
  renameSync(arrived.path, drive.files.pathOf(item));
  drive.resize(item.parent!, arrived.size - item.size);
  Object.assign(item, {
    size: arrived.size,
    hash: arrived.hash,
    modifiedMs: nowMs,
    modifiedBy: by,
    fileModifiedMs: times?.modifiedMs ?? nowMs,
    fileCreatedMs: times?.createdMs ?? item.fileCreatedMs,
    change: item.change + 1,
    content: item.content + 1,
  });
  drive.save(item);
}
