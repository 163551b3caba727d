// Counts what a scan found and what became of it, files apart from folders. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { ItemCursor } from './item-cursor.ts';

/** The first reason that is about the destination; those before it are about the source. */
const firstDestinationReason = ErrorReason.DESTINATION_UNREACHABLE;

/** What was counted of one kind of items. */
export interface Counts {
  /** The scan found them. */
  scanned: number;
  /** They cannot be migrated, as was known before anything was written. */
  unfit: number;
  /** They are left out, by a filter or by their nature. */
  leftOut: number;
  /** They are at the destination already. */
  unchanged: number;
  /** They are to be written or moved. */
  planned: number;
  migrated: number;
  /** Of those that were migrated, these were moved at the destination. */
  moved: number;
  failedReading: number;
  failedWriting: number;
  /** They are planned and have no result. */
  pending: number;
  /** They are gone from the source, and were recycled at the destination. */
  recycled: number;
}

const noCounts: Counts = {
  scanned: 0,
  unfit: 0,
  leftOut: 0,
  unchanged: 0,
  planned: 0,
  migrated: 0,
  moved: 0,
  failedReading: 0,
  failedWriting: 0,
  pending: 0,
  recycled: 0,
};

/** What was counted of a run. What is neither a file nor a folder, such as a symbolic link, counts as a file. */
export class RunTally {
  readonly files: Counts = { ...noCounts };
  readonly folders: Counts = { ...noCounts };

  /** Counts the item that the cursor stands on. */
  add(item: ItemCursor): void {
    const counts = item.kind === ItemKind.FOLDER ? this.folders : this.files;
    switch (item.action) {
      case ItemAction.RECYCLE:
        if (item.state === ItemState.SUCCEEDED) counts.recycled += 1;
        return;
      case ItemAction.KEEP:
        return;
      case ItemAction.FAIL:
        counts.unfit += 1;
        break;
      case ItemAction.SKIP:
        if (item.reason === ErrorReason.UNCHANGED) counts.unchanged += 1;
        else counts.leftOut += 1;
        break;
      default:
        addPlanned(counts, item);
    }
    counts.scanned += 1;
  }
}

function addPlanned(counts: Counts, item: ItemCursor): void {
  counts.planned += 1;
  switch (item.state) {
    case ItemState.SUCCEEDED:
      counts.migrated += 1;
      if (item.movedFrom !== '') counts.moved += 1;
      return;
    case ItemState.FAILED:
      if (item.reason < firstDestinationReason) counts.failedReading += 1;
      else counts.failedWriting += 1;
      return;
    case ItemState.SKIPPED:
      return;
    default:
      counts.pending += 1;
  }
}
