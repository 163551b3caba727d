// Checking out and in.
import { checkWritable } from './check-writable.ts';
import { deleteItem } from './change-item.ts';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { isFolder, type Identity, type Item } from './item.ts';
import { rollBack } from './version.ts';

/** Reserves a file for one caller. */
export function checkOut(drive: Drive, item: Item, by: Identity): void {
  needFile(item);
  checkWritable(item, by);
  if (item.checkout !== undefined) return;
  item.checkout = { by, version: item.version };
  item.change++;
  drive.save(item);
}

/** Makes what was changed since the check-out visible to all. */
export function checkIn(drive: Drive, item: Item, by: Identity): void {
  needCheckout(item, by);
  delete item.checkout;
  item.change++;
  drive.save(item);
}

/** Goes back to what was there before the check-out; a file that was never checked in is gone. */
export function discardCheckout(drive: Drive, item: Item, by: Identity): void {
  const { version } = needCheckout(item, by);
  if (version === 0) return deleteItem(drive, item, by, false);
  rollBack(drive, item, version);
  delete item.checkout;
  item.change++;
  drive.save(item);
}

function needCheckout(item: Item, by: Identity) {
  needFile(item);
  checkWritable(item, by);
  if (item.checkout === undefined)
    throw new DriveError('invalidRequest', 'The file is not checked out.');
  return item.checkout;
}

function needFile(item: Item): void {
  if (isFolder(item)) throw new DriveError('invalidRequest', 'Only files can be checked out.');
}
