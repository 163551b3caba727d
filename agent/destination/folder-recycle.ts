// What is gone from the source goes from a destination folder into `.drover-recycled` below it, under the path that it had, in a folder
// for each run: a person finds it there and can put it back. Nothing in there is ever overwritten.
import { lstatSync, rmdirSync, type BigIntStats } from 'node:fs';
import { parentFolder } from '../../lib/parent-folder.ts';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { conflictError, errorCode, linkError } from './destination-error.ts';
import type { RecycleOptions } from './destination.ts';
import type { MovePlace } from './folder-move.ts';
import { isExpected } from './folder-upload.ts';
import { recycledFolder } from './recycled-folder.ts';
import { renameNew } from './rename-new.ts';

export type FolderRecycle =
  | { kind: 'recycled' }
  | { kind: 'gone' }
  | { kind: 'not-empty' }
  /** Something else than expected stands there. */
  | { kind: 'other'; stats: BigIntStats };

/** How many folders of one run there can be, because things of one path were recycled several times. */
const foldersMax = 1000;

/** Recycles; throws DESTINATION_ESCAPES where a link stands in the way, and what the system says. */
export function recycleInFolder(place: MovePlace, options: RecycleOptions): FolderRecycle {
  const { prefix, folders } = place;
  const { path, kind, expected } = options;
  if (!folders.exists(parentFolder(path))) return { kind: 'gone' };
  const stats = lstatSync(prefix + path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return { kind: 'gone' };
  if (stats.isSymbolicLink()) throw linkError(path);
  if (kind === 'folder')
    return stats.isDirectory() ? removeEmpty(place, path) : { kind: 'other', stats };
  return isExpected(stats, expected) ? recycleFile(place, options) : { kind: 'other', stats };
}

function removeEmpty({ prefix, folders }: MovePlace, path: string): FolderRecycle {
  try {
    rmdirSync(prefix + path);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return { kind: 'not-empty' };
    if (code === 'ENOENT') return { kind: 'gone' };
    throw cause;
  }
  folders.forget();
  return { kind: 'recycled' };
}

function recycleFile(
  { prefix, folders }: MovePlace,
  { path, runTag }: RecycleOptions,
): FolderRecycle {
  for (let number = 1; number <= foldersMax; number++) {
    const place = `${recycledFolder}/${number === 1 ? runTag : `${runTag} (${number})`}/${path}`;
    try {
      folders.ensure(parentFolder(place));
      renameNew(prefix + path, prefix + place);
      return { kind: 'recycled' };
    } catch (cause) {
      // A file of that path lies there already, or one where a folder would have to be.
      if (errorCode(cause) === 'EEXIST' || isConflict(cause)) continue;
      const isGone = lstatSync(prefix + path, { throwIfNoEntry: false }) === undefined;
      if (errorCode(cause) === 'ENOENT' && isGone) return { kind: 'gone' };
      throw cause;
    }
  }
  throw conflictError(path, `was recycled ${foldersMax} times in this run`);
}

function isConflict(cause: unknown): boolean {
  return cause instanceof DroverError && cause.reason === ErrorReason.DESTINATION_CONFLICT;
}
