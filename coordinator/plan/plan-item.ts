// What is to be done with one scanned item: the scan's facts against the ledger's. PURE.
import type { LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isInside } from '../../lib/inside-path.ts';
import type { ItemPlace } from './item-place.ts';
import type { Origin } from './moves.ts';

/** One item of a scan, and what stands out about it. */
export interface ScannedItem {
  path: string;
  kind: ItemKind;
  /** Bytes. */
  size: bigint;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** Nanoseconds since 1970; 0 when it is not known. */
  createdNs: bigint;
  fileId: bigint;
  /** UNSPECIFIED when there is nothing to say against it. */
  reason: ErrorReason;
  message: string;
  /** The filter that leaves it out, where one does and the agent says so. */
  rule?: string | undefined;
}

/** The decision; reason and message are those of a skip or a failure. */
export interface Decision {
  action: ItemAction;
  reason: ErrorReason;
  message: string;
  /** As in ScannedItem. */
  rule?: string | undefined;
}

/** The decision about a file that is at the destination as the source has it. */
export const unchangedDecision: Decision = {
  action: ItemAction.SKIP,
  reason: ErrorReason.UNCHANGED,
  message: '',
};

const created: Decision = decided(ItemAction.CREATE);
const updated: Decision = decided(ItemAction.UPDATE);
const moved: Decision = decided(ItemAction.MOVE);

function decided(action: ItemAction): Decision {
  return { action, reason: ErrorReason.UNSPECIFIED, message: '' };
}

/** What is known of an item beside the scan and the ledger. */
export interface ItemFacts {
  /** Where the item goes at a destination that has rules for names, or why it cannot go there. */
  place?: ItemPlace | undefined;
  /** Where the item was before it was renamed or moved. */
  origin?: Origin | undefined;
  /** What was renamed has the item's name at the destination, and the run is about to rename it there. */
  isHeld?: boolean;
  /** An agent may have written another content of it since the ledger's, and could not report it. */
  isUncertain?: boolean;
}

/** `ledger` is what the last run that wrote the item recorded, if one did. */
export function planItem(
  item: ScannedItem,
  ledger: LedgerRow | undefined,
  { place, origin, isHeld = false, isUncertain = false }: ItemFacts = {},
): Decision {
  if (place === undefined) {
    const settled = settleItem(item);
    if (settled !== undefined) return settled;
  } else if ('refused' in place)
    return decideRemark({ reason: place.refused, message: place.message, rule: place.rule });
  if (isHeld)
    return {
      action: ItemAction.FAIL,
      reason: ErrorReason.SOURCE_CHANGED,
      message:
        'the file that had this name before was renamed, and is being renamed at the destination; the next run migrates the new one',
    };
  if (origin !== undefined && item.kind === ItemKind.FILE) return moved;
  // What an earlier run wrote is written over only where it is of the same kind: a folder takes no file's place, nor the reverse.
  if (item.kind === ItemKind.FOLDER) return write(ledger?.folder === true ? ledger : undefined);
  if (ledger !== undefined && !isUncertain && isUnchanged(item, ledger)) return unchangedDecision;
  return write(ledger?.folder === true ? undefined : ledger);
}

/** The decision about an item that is never written, whatever the ledger and the destination say; undefined for all others. */
export function settleItem(item: ScannedItem): Decision | undefined {
  if (item.reason !== ErrorReason.UNSPECIFIED) return decideRemark(item);
  if (!isInside(item.path))
    return {
      action: ItemAction.FAIL,
      reason: ErrorReason.DESTINATION_ESCAPES,
      message: 'the path would lead out of the destination folder',
    };
  if (item.kind === ItemKind.FILE || item.kind === ItemKind.FOLDER) return undefined;
  // Links and the like are never written, also when the agent that found them said nothing about them.
  return item.kind === ItemKind.SYMBOLIC_LINK
    ? decideRemark({ reason: ErrorReason.SYMBOLIC_LINK, message: 'it is a symbolic link' })
    : decideRemark({ reason: ErrorReason.SPECIAL_FILE, message: 'it is no file and no folder' });
}

function write(ledger: LedgerRow | undefined): Decision {
  return ledger === undefined ? created : updated;
}

function isUnchanged(item: ScannedItem, ledger: LedgerRow): boolean {
  return !ledger.folder && ledger.size === item.size && ledger.modifiedNs === item.modifiedNs;
}

/** What is left out by its nature, or because somebody wanted it so, is skipped; the rest is a failure that somebody must see. */
function decideRemark({
  reason,
  message,
  rule,
}: Pick<ScannedItem, 'reason' | 'message' | 'rule'>): Decision {
  switch (reason) {
    case ErrorReason.SYMBOLIC_LINK:
    case ErrorReason.SPECIAL_FILE:
    case ErrorReason.FILTERED:
    case ErrorReason.TEMPORARY_FILE:
      return { action: ItemAction.SKIP, reason, message, ...(rule === undefined ? {} : { rule }) };
    default:
      return { action: ItemAction.FAIL, reason, message };
  }
}
