// A destination folder that is out of reach: where its share is not mounted, a folder without anything in it may stand in its place, and what
// is written there would be on the agent's own disk, and taken for migrated.
import { opendirSync, statSync } from 'node:fs';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { printablePath } from '../source/printable-path.ts';
import { destinationRootError, errorCode } from './destination-error.ts';

/**
 * Throws DESTINATION_UNREACHABLE when the folder with this absolute path is not there, or nothing is in it: the task has written into it
 * before.
 */
export function checkHoldsItems(root: string): void {
  try {
    const folder = opendirSync(root);
    try {
      if (folder.readSync() !== null) return;
    } finally {
      folder.closeSync();
    }
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw destinationRootError(cause, root);
    throw lostError(root, 'is not there');
  }
  throw lostError(root, 'has nothing in it');
}

/** Which folder stands at a path, to be compared. */
export interface FolderIdentity {
  dev: bigint;
  ino: bigint;
}

export function identityOf(root: string): FolderIdentity {
  const { dev, ino } = statSync(root, { bigint: true });
  return { dev, ino };
}

/** Throws DESTINATION_UNREACHABLE when another folder stands at the path than before, or none. */
export function checkSameFolder(root: string, before: FolderIdentity): void {
  const stats = statSync(root, { bigint: true, throwIfNoEntry: false });
  if (stats?.dev === before.dev && stats.ino === before.ino) return;
  throw new DroverError(
    ErrorReason.DESTINATION_UNREACHABLE,
    `the destination ${printablePath(root)} was unmounted, mounted or replaced while it was written to`,
    { metadata: { path: root } },
  );
}

function lostError(root: string, what: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_UNREACHABLE,
    `the destination ${printablePath(root)} ${what} on this agent's machine, although the task has written into it, as when its share is not mounted`,
    { metadata: { path: root } },
  );
}
