// What the digest of a plan is made of: a line for each item. Its form is public (docs/ARCHITECTURE.md), so that everybody can make the
// digest anew of what is stored, and it must never change. PURE.
import type { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';

/** One item as it is planned. */
export interface RecordedItem {
  path: string;
  kind: ItemKind;
  action: ItemAction;
  /** Bytes; 0 for what is not a file. */
  size: bigint;
  modifiedNs: bigint;
  /** The path below the destination; the path itself for what has none. */
  destinationPath: string;
  /** The path it had when it was migrated, when it is to be moved. */
  movedFrom: string;
  /** Why it is skipped or fails. */
  reason: ErrorReason;
}

/** The item as JSON: an array of texts and of the numbers of the schema; 64-bit numbers are texts. */
export function planRecord(item: RecordedItem): string {
  const { path, kind, action, size, modifiedNs, destinationPath, movedFrom, reason } = item;
  return JSON.stringify([path, kind, action, `${size}`, `${modifiedNs}`, destinationPath, movedFrom, reason]); // prettier-ignore
}
