// A file in a destination folder gets another path: one rename, which overwrites nothing.
import { lstatSync, renameSync, type BigIntStats } from 'node:fs';
import { parentFolder } from '../../lib/parent-folder.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import type { CheckedFolders } from './checked-folders.ts';
import { errorCode, linkError } from './destination-error.ts';
import type { DestinationFile, MoveOptions } from './destination.ts';
import { isExpected } from './folder-upload.ts';
import { renameNew } from './rename-new.ts';

/** Where it happens. */
export interface MovePlace {
  /** The destination's own path with a separator at its end. */
  prefix: string;
  folders: CheckedFolders;
}

export type FolderMove =
  | { kind: 'moved'; file: DestinationFile }
  | { kind: 'not-moved' }
  /** Something else stands there. */
  | { kind: 'taken'; stats: BigIntStats };

/** Moves; throws DESTINATION_ESCAPES where a link stands in the way to `to`, and what the system says. */
export function moveInFolder(place: MovePlace, { from, to, expected }: MoveOptions): FolderMove {
  const { prefix, folders } = place;
  const standing = lookBelow(place, from);
  if (standing === undefined) {
    // An attempt before may have come so far and not to its report.
    const there = lookBelow(place, to);
    return there !== undefined && isExpected(there, expected) ? moved(there) : { kind: 'not-moved' }; // oxfmt-ignore
  }
  if (!isExpected(standing, expected)) return { kind: 'not-moved' };
  folders.ensure(parentFolder(to));
  try {
    const taken = lstatSync(prefix + to, { bigint: true, throwIfNoEntry: false });
    if (taken?.isSymbolicLink()) throw linkError(to);
    // Where case does not count, the file itself stands under its new name.
    if (taken !== undefined && isRecased(from, to) && isOneFile(taken, standing))
      renameSync(prefix + from, prefix + to); // oxfmt-ignore
    else if (taken !== undefined) return { kind: 'taken', stats: taken };
    else renameNew(prefix + from, prefix + to);
  } catch (cause) {
    return afterFailure(cause, prefix + to);
  }
  return moved(lstatSync(prefix + to, { bigint: true }));
}

/** What stands at a path; undefined also where the way to it is no way for us, or a link stands there: that was never written. */
function lookBelow({ prefix, folders }: MovePlace, path: string): BigIntStats | undefined {
  try {
    if (!folders.exists(parentFolder(path))) return undefined;
  } catch {
    return undefined;
  }
  const stats = lstatSync(prefix + path, { bigint: true, throwIfNoEntry: false });
  return stats?.isSymbolicLink() ? undefined : stats;
}

function afterFailure(cause: unknown, target: string): FolderMove {
  switch (errorCode(cause)) {
    case 'EEXIST': {
      const stats = lstatSync(target, { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? { kind: 'not-moved' } : { kind: 'taken', stats };
    }
    // Somebody took it away in the last moment; or another file system is mounted on one of the folders.
    case 'ENOENT':
    case 'EXDEV':
      return { kind: 'not-moved' };
    default:
      throw cause;
  }
}

function moved({ mtimeNs: modifiedNs }: BigIntStats): FolderMove {
  const verification = ItemVerification.UNSPECIFIED;
  return { kind: 'moved', file: { modifiedNs, id: '', version: '', verification } };
}

function isRecased(from: string, to: string): boolean {
  return from.toLowerCase() === to.toLowerCase();
}

function isOneFile(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
