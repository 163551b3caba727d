// Who may not change an item right now: everybody while it is locked, everybody else while somebody has it checked out.
import { DriveError } from './drive-error.ts';
import { isSameIdentity, type Identity, type Item } from './item.ts';

/** Throws DriveError when this caller has to wait. */
export function checkWritable(item: Item, by: Identity): void {
  if (item.locked) throw new DriveError('resourceLocked');
  if (item.checkout !== undefined && !isSameIdentity(item.checkout.by, by))
    throw new DriveError(
      'resourceLocked',
      'The file is currently checked out or locked for editing by another user.',
    );
}

/** Whether a caller sees an item: what was never checked in is seen by its author only. */
export function isVisible(item: Item, by: Identity): boolean {
  return item.checkout?.version !== 0 || isSameIdentity(item.checkout.by, by);
}
