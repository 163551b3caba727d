// The rows of a batch as the items that people see. PURE: lists and reports share it.
import { create } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import type {
  BatchItems,
  BatchResults,
  ItemRemark,
  MoveOrigin,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemAction,
  ItemKind,
  ItemSchema,
  ItemState,
  ItemVerification,
  type Item,
} from '../../gen/drover/v1/item_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { reasonInfo } from '../../lib/error.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { renameReason } from '../plan/rename-reason.ts';
import { agentName } from '../task/names.ts';
import { quickXorHashBytes, sha256Bytes } from '../plan/hash-bytes.ts';
import type { BatchColumns, ItemColumns } from './batch-columns.ts';

const nanosecondsPerSecond = 1_000_000_000n;

/** A batch, decoded. */
export interface ItemBatch {
  phase: BatchPhase;
  items: BatchItems;
  /** Undefined until the batch is done. */
  results: BatchResults | undefined;
  /** The id of the agent that did it; empty when nobody had to. */
  agent: string;
}

/** An item and which row of its batch it is, from 0. */
export interface ItemRow {
  index: number;
  item: Item;
}

/**
 * The items of a batch, from row `first` on. Folders that have to be written stand in two batches, because they are made before
 * their files and get their dates after them; they are shown once, where they are counted: in the folder phase.
 */
export function* itemRows(batch: ItemBatch, first: number): Generator<ItemRow> {
  const remarks = new Map(batch.results?.remark.map((remark) => [remark.index, remark]));
  const origins = new Map(batch.items.origin.map((origin) => [origin.index, origin]));
  const moved = new Set(batch.results?.moved);
  for (let index = first; index < batch.items.path.length; index += 1) {
    if (!isShown(batch, index)) continue;
    const item = itemAt(batch, index, remarks.get(index));
    const origin = origins.get(index);
    if (origin !== undefined) addOrigin(item, origin, moved.has(index));
    yield { index, item };
  }
}

export function isShown({ phase, items }: BatchColumns, index: number): boolean {
  if (!isTransfer(phase) || items.kind.at(index) !== ItemKind.FOLDER) return true;
  const action = items.action.at(index);
  return action !== ItemAction.CREATE && action !== ItemAction.UPDATE;
}

function itemAt(batch: ItemBatch, index: number, remark: ItemRemark | undefined): Item {
  const { items, results } = batch;
  const destinationPath = results?.keptPath[index] || (items.destinationPath[index] ?? '');
  const item = create(ItemSchema, {
    path: items.path[index]!,
    kind: items.kind[index]!,
    action: items.action[index]!,
    state: results?.state[index] ?? ItemState.PENDING,
    size: items.kind[index] === ItemKind.FILE ? items.size[index]! : 0n,
    modifiedTime: timestampFromNanoseconds(items.modifiedNs[index]!),
    destinationPath: destinationPath === items.path[index] ? '' : destinationPath,
    ...(items.createdNs[index] ? { createdTime: timestampFromNanoseconds(items.createdNs[index]) } : {}), // oxfmt-ignore
  });
  item.renamedBecause = whyRenamed(items, index, results?.keptPath[index]);
  if (results !== undefined) addResult(item, results, index, remark);
  if (results !== undefined && batch.agent !== '') item.agent = agentName(batch.agent);
  return item;
}

/** Why an item has another path at the destination; empty when it has none. `kept` is where it was written beside what had its place. */
export function whyRenamed(items: ItemColumns, index: number, kept = ''): string {
  const path = items.path.at(index)!;
  const planned = items.destinationPath.at(index) || path;
  if (kept !== '' && kept !== planned)
    return 'its place at the destination was taken by another file, so it was written beside it';
  return renameReason(path, planned, items.kind.at(index)!);
}

/** Where an item was before; not of one that turned out not to have been moved, and was written anew. */
function addOrigin(item: Item, origin: MoveOrigin, isMoved: boolean): void {
  if (item.state !== ItemState.SUCCEEDED || isMoved) item.movedFrom = origin.path;
  if (!isMoved) return;
  // It was not read again: its content is what was migrated before.
  item.sha256 = Buffer.from(origin.sha256).toString('hex');
  item.quickXorHash = Buffer.from(origin.quickXorHash).toString('base64');
}

function addResult(
  item: Item,
  results: BatchResults,
  index: number,
  remark: ItemRemark | undefined,
): void {
  item.attempts = results.attempts[index] ?? 0;
  if (item.state === ItemState.SUCCEEDED) {
    item.destinationId = results.destinationId[index] ?? '';
    item.verification = results.verification[index] ?? ItemVerification.UNSPECIFIED;
  }
  const isWritten = item.action !== ItemAction.RECYCLE && item.state === ItemState.SUCCEEDED;
  if (item.kind === ItemKind.FILE && isWritten) {
    // What was read is what was migrated, also when it was not what the scan had seen.
    item.size = results.size[index]!;
    item.modifiedTime = timestampFromNanoseconds(results.modifiedNs[index]!);
    item.sha256 = hashAt(results.sha256, index, sha256Bytes).toString('hex');
    const quickXorHash = hashAt(results.quickXorHash, index, quickXorHashBytes);
    item.quickXorHash = quickXorHash.toString('base64');
  }
  if (remark === undefined || remark.reason === ErrorReason.UNSPECIFIED) return;
  item.reason = remark.reason;
  item.message = remark.message;
  item.advice = reasonInfo(remark.reason).advice;
  item.requestId = remark.requestId;
}

function hashAt(hashes: Uint8Array, index: number, length: number): Buffer {
  return Buffer.from(hashes.subarray(index * length, (index + 1) * length));
}

/** Nanoseconds since 1970, which may be negative, as a timestamp, whose nanoseconds may not. */
export function timestampFromNanoseconds(nanoseconds: bigint): Timestamp {
  const rest = ((nanoseconds % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
  const seconds = (nanoseconds - rest) / nanosecondsPerSecond;
  return create(TimestampSchema, { seconds, nanos: Number(rest) });
}
