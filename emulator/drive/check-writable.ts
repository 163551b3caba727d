// Who may not change an item right now: everybody while it is locked, everybody else while somebody has it checked out, and
// in some libraries everybody who has not checked it out.
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { isFolder, isSameIdentity, type Identity, type Item } from './item.ts';

/** Throws DriveError when this caller has to wait. */
export function checkWritable(item: Item, by: Identity): void {
  if (item.locked) throw new DriveError('resourceLocked');
  if (item.checkout !== undefined && !isSameIdentity(item.checkout.by, by))
    throw new DriveError(
      'resourceLocked',
      'The file is currently checked out or locked for editing by another user.',
    );
}

/** Throws DriveError when a file has to be checked out before it is renamed, moved or dated. A new content checks it out by itself. */
export function checkCheckedOut(drive: Drive, item: Item): void {
  const isHeld = drive.library.requiresCheckout === true && !isFolder(item);
  if (isHeld && item.checkout === undefined) throw new DriveError('notCheckedOut');
}

/** Whether a caller sees an item: what was never checked in is seen by its author only. */
export function isVisible(item: Item, by: Identity): boolean {
  return item.checkout?.version !== 0 || isSameIdentity(item.checkout.by, by);
}
