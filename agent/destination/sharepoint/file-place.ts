// The name that one file is written to, and what may stand there.
import { conflictError } from '../destination-error.ts';
import type { DriveItem } from './drive-item.ts';

export interface FilePlace {
  /** Below the destination, for messages. */
  path: string;
  /** As a path of Graph. */
  address: string;
  /** What stands there now; undefined when nothing does. */
  lookUp: () => Promise<DriveItem | undefined>;
  /** Whether what stands there is nothing that may be overwritten. */
  isConflict: (item: DriveItem) => boolean;
  /** Something appeared there, or was changed, while the file was written: the next attempt looks first. */
  onConflict: () => void;
}

/** Throws DESTINATION_CONFLICT when something stands there now that may not be overwritten. */
export async function checkNoConflict(place: FilePlace): Promise<void> {
  const item = await place.lookUp();
  if (item === undefined || !place.isConflict(item)) return;
  place.onConflict();
  throw conflictError(place.path, 'appeared or was changed while the file was being written');
}

/** The file that stands there, if it is of this size and not the one that was to be overwritten. */
export async function newFile(place: FilePlace, size: number): Promise<DriveItem | undefined> {
  const item = await place.lookUp();
  return item?.isFile === true && item.size === size && place.isConflict(item) ? item : undefined;
}
