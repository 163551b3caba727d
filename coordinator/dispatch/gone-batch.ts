// What is gone from the source has its turn when everything is written. Only then is it known what of it was moved meanwhile, and what
// somebody decided about the rest, so a batch gets its last form when it is leased.
import { create, toBinary } from '@bufbuild/protobuf';
import { parentFolder } from '../../lib/parent-folder.ts';
import { BatchRowSchema, type BatchRow, type FileIdRow, type LedgerRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { BatchItemsSchema, BatchResultsSchema, type BatchItems } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { decodeBatchItems } from '../plan/decode-columns.ts';
import { encodeBatchItems } from '../plan/encode-columns.ts';
import { isSameAge } from '../plan/moves.ts';
import { fileBytes, selectItems } from '../plan/split-batch.ts';
import type { BatchKey, RunKey, Transaction } from '../store/store.ts';
import { goneAction, isGoneFoldersTurn } from '../task/gone-guard.ts';
import { settledLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';
import { countOutcome } from './batch-outcome.ts';
import { forgetDates } from './folder-dates.ts';
import { nameKeyOf } from './kept-places.ts';

/** A batch in its last form. */
export interface LastForm {
  /** The batch that is left to be leased: the one that was taken, or the rest of it. */
  key: BatchKey;
  /** The run with what was found out; it is put into the transaction by whoever calls. */
  run: RunRow;
  /** Undefined when nothing is left in the batch: it is settled then. */
  batch: BatchRow | undefined;
  /** The encoded items. */
  items: Uint8Array;
}

/**
 * Takes out of a pending batch of the phase GONE what was moved meanwhile or is still to be moved, and says of the rest what is to be
 * done. What changes of the batch is put into the transaction; what changes of the run is in the answer.
 */
export async function takeGone(
  transaction: Transaction,
  key: BatchKey,
  { batch, items: encoded, run }: { batch: BatchRow; items: Uint8Array; run: RunRow },
  nowMs: number,
): Promise<LastForm> {
  const items = decodeBatchItems(encoded);
  const rows = await transaction.ledgerRows(key.task, items.path);
  const found = await foundIds(transaction, key.task, rows);
  const renamed = await renamedFolders(transaction, key.task, items, { rows, found });
  const shared = await forgetShared(transaction, key, items, renamed);
  const isThere = (index: number) => rows[index] !== undefined && !shared.has(index);
  const isUnmoved = (index: number) => items.kind[index] === ItemKind.FILE && isMover(found[index], items.path[index]!, key.run); // oxfmt-ignore
  const indexes = [...items.path.keys()];
  const left = indexes.filter((index) => isThere(index) && !isUnmoved(index));
  // What was moved is not counted as gone any more; what could not be is to be moved by the next run.
  const unmoved = indexes.filter((index) => isThere(index) && isUnmoved(index)).length;
  const notGone = shared.size + unmoved;
  const counted = notGone === 0 ? run : stepRun(run, { kind: 'not-gone', items: notGone }, nowMs);
  if (left.length === 0) {
    settle(transaction, key, batch);
    return { run: await endEmpty(transaction, key, counted, nowMs), batch: undefined, items: encoded, key }; // oxfmt-ignore
  }
  const action = goneAction(run);
  const rest = left.length === indexes.length ? items : selectItems(items, left);
  // An empty folder that has become another one is in nobody's way, and nobody looks for anything in it.
  rest.action = left.map((index) => (renamed.has(index) ? ItemAction.RECYCLE : action));
  await forgetDates(transaction, key.task, recycledFrom(rest));
  const next = create(BatchRowSchema, { ...batch, items: left.length, bytes: fileBytes(rest) });
  const bytes = encodeBatchItems(rest);
  transaction.putBatch(key, next);
  transaction.putBatchItems(key, bytes);
  return { key, run: counted, batch: next, items: bytes };
}

/** The folders out of which items are recycled. */
function recycledFrom({ path, destinationPath, action }: BatchItems) {
  const recycled = [...path.keys()].filter((index) => action[index] === ItemAction.RECYCLE);
  return {
    sources: new Set(recycled.map((index) => parentFolder(path[index]!))),
    places: new Set(recycled.map((index) => parentFolder(destinationPath[index] || path[index]!))),
  };
}

/**
 * Forgets the folders whose place at the destination belongs to what they were renamed to, because only the case of their names changed.
 * Answers which they are.
 */
async function forgetShared(
  transaction: Transaction,
  { task: taskId }: BatchKey,
  { path, destinationPath }: BatchItems,
  folders: ReadonlySet<number>,
): Promise<Set<number>> {
  const task = folders.size === 0 ? undefined : await transaction.task(taskId);
  const shared = new Set<number>();
  for (const index of folders) {
    const name = task && nameKeyOf(task, destinationPath[index] || path[index]!);
    const [holder] = name === undefined ? [] : await transaction.names(taskId, [name]);
    if (holder === undefined || holder.path === path[index]) continue;
    shared.add(index);
    await transaction.deleteLedger(taskId, path[index]!);
  }
  return shared;
}

/**
 * Lets the next batch of folders that are gone have its turn when nothing else that is gone is left, the deepest folders first. The run
 * after it; it is put into the transaction by whoever calls.
 */
export async function beginGoneFolders(
  transaction: Transaction,
  { task, run }: RunKey,
  row: RunRow,
  nowMs: number,
): Promise<RunRow> {
  if (!isGoneFoldersTurn(row)) return row;
  const number = await transaction.lastPendingBatch({ task, run }, BatchPhase.GONE_FOLDERS);
  if (number === undefined) return row;
  const key = { task, run, batch: number };
  const batch = await transaction.batch(key);
  transaction.putBatch(key, create(BatchRowSchema, { ...batch!, phase: BatchPhase.GONE }));
  return stepRun(row, { kind: 'begin-gone-folders' }, nowMs);
}

/** Which of the folders that are gone are there under another path. */
async function renamedFolders(
  transaction: Transaction,
  task: string,
  { path, kind }: BatchItems,
  { rows, found }: { rows: readonly (LedgerRow | undefined)[]; found: readonly (FileIdRow | undefined)[] }, // oxfmt-ignore
): Promise<Set<number>> {
  const folders = [...path.keys()].filter((index) => {
    const isKnown = rows[index] !== undefined && found[index] !== undefined;
    return kind[index] === ItemKind.FOLDER && isKnown && found[index]!.path !== path[index];
  });
  const others = await transaction.ledgerRows(task, folders.map((index) => found[index]!.path)); // oxfmt-ignore
  const isSame = (index: number, other: LedgerRow | undefined) => other?.folder === true && isSameAge(other.createdNs, rows[index]!.createdNs); // oxfmt-ignore
  return new Set(folders.filter((index, at) => isSame(index, others[at])));
}

/** Whether a run found the item at another path and has not moved it, or not yet. */
function isMover(index: FileIdRow | undefined, path: string, run: number): boolean {
  return index?.run === run && index.path === path && index.mover !== '';
}

/** What the index of file ids has of these rows; undefined where it has nothing. */
async function foundIds(
  transaction: Transaction,
  task: string,
  rows: readonly (LedgerRow | undefined)[],
): Promise<(FileIdRow | undefined)[]> {
  const ids = rows.map((row) => row?.fileId ?? 0n);
  const wanted = ids.filter((id) => id !== 0n);
  const found = await transaction.fileIds(task, wanted);
  let next = 0;
  return ids.map((id) => (id === 0n ? undefined : found[next++]));
}

function settle(transaction: Transaction, key: BatchKey, batch: BatchRow): void {
  transaction.putBatchItems(key, encodeBatchItems(create(BatchItemsSchema)));
  transaction.putBatchResults(key, toBinary(BatchResultsSchema, create(BatchResultsSchema)));
  transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease: settledLease(), items: 0, bytes: 0n })); // oxfmt-ignore
}

function endEmpty(transaction: Transaction, key: BatchKey, run: RunRow, nowMs: number) {
  const outcome = countOutcome(create(BatchItemsSchema), create(BatchResultsSchema), BatchPhase.GONE); // oxfmt-ignore
  const row = stepRun(run, { kind: 'finish-batch', outcome }, nowMs);
  return beginGoneFolders(transaction, key, row, nowMs);
}
