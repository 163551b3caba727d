// Making folders.
import { mkdirSync } from 'node:fs';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { childNamed, isFolder, type Folder, type Identity } from './item.ts';
import { freeName } from './name-rules.ts';
import type { ConflictBehavior, FileTimes } from './place-file.ts';

/** Makes a folder; with `replace`, one that is there already is taken as it is. */
export function makeFolder(
  drive: Drive,
  parent: Folder,
  name: string,
  conflict: ConflictBehavior,
  by: Identity,
  times: FileTimes = {},
): Folder {
  if (drive.readOnly) throw new DriveError('accessDenied');
  drive.checkPlace(parent, name, true);
  const existing = childNamed(parent, name);
  if (existing !== undefined && conflict === 'replace' && isFolder(existing)) return existing;
  if (existing !== undefined && conflict !== 'rename') throw new DriveError('nameAlreadyExists');
  const free =
    existing === undefined
      ? name
      : freeName(name, (candidate) => childNamed(parent, candidate) !== undefined);
  // The disk first, and without a word on what a killed process left there.
  mkdirSync(drive.files.pathIn(parent, free), { recursive: true });
  const folder = drive.create({
    name: free,
    folder: true,
    size: 0,
    hash: '',
    by,
    fileCreatedMs: times.createdMs,
    fileModifiedMs: times.modifiedMs,
  });
  drive.link(folder, parent);
  drive.save(folder);
  return folder as Folder;
}
