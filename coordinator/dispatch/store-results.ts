// What the results of a batch, or of a part of it, make of the ledger, the names, the index of file ids and the notes of unreported
// writes; all of it in the commit that stores the results.
import { create } from '@bufbuild/protobuf';
import { FileIdRowSchema, LedgerRowSchema, NameRowSchema, type BatchRow, type FileIdRow, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import type { BatchItems, BatchResults, MoveOrigin } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { BatchKey, Transaction } from '../store/store.ts';
import { isTransfer } from '../task/batch-phase.ts';
import type { BatchOutcome } from '../task/run-machine.ts';
import { countOutcome } from './batch-outcome.ts';
import { claimKeptPlaces, nameKeyOf, refuse } from './kept-places.ts';
import { isOfMover } from './find-moves.ts';
import { noteDates } from './folder-dates.ts';
import { forgetItems, type ForgottenItem } from './forget-items.ts';
import { ledgerRows } from './ledger-rows.ts';
import { forgetUnreported } from './unreported.ts';

/** The results that are stored, and the batch they are of. */
export interface StoredResults {
  /** As it was while it was leased. */
  batch: BatchRow;
  items: BatchItems;
  /** Items of partial results have no state where they are not finished. */
  results: BatchResults;
}

/** What became of the batch for its run, and whether `results` were changed: somebody else's place was taken for an item's own. */
export interface StoredOutcome {
  outcome: BatchOutcome;
  isChanged: boolean;
}

/** Stores what follows from results. May make failures in `results`. */
export async function storeResults(
  transaction: Transaction,
  key: BatchKey,
  stored: StoredResults,
): Promise<StoredOutcome> {
  const { batch, items, results } = stored;
  if (batch.phase === BatchPhase.GONE) {
    await storeGone(transaction, key, stored);
    return { outcome: countOutcome(items, results, batch.phase), isChanged: false };
  }
  const isClaimed = await claimKeptPlaces(transaction, key, { items, results });
  const isChanged = (await refuseSharedPlaces(transaction, key, stored)) || isClaimed;
  const outcome = countOutcome(items, results, batch.phase);
  const moves = await takeMoves(transaction, key, stored);
  outcome.notGoneItems = [...moves.values()].filter(({ wasCounted }) => wasCounted).length;
  const agent = batch.lease!.agent;
  const rows = ledgerRows(items, results, { phase: batch.phase, run: key.run, agent });
  if (batch.phase === BatchPhase.FOLDERS) await noteDates(transaction, key, { items, results, written: rows }); // oxfmt-ignore
  if (key.run > 1) {
    await dropOldIds(transaction, key, rows);
    await leaveMovers(transaction, key, rows);
  }
  const isMoved = moves.size > 0;
  for (const [path, row] of rows) transaction.putLedger(key.task, path, isMoved ? movedRow(row, moves.get(path)) : row); // oxfmt-ignore
  const paths = rows.map(([path]) => path);
  if (isTransfer(batch.phase))
    await forgetUnreported(transaction, key.task, [...paths, ...[...moves.values()].map(({ origin }) => origin.path)], rows); // oxfmt-ignore
  return { outcome, isChanged };
}

/**
 * A file that has two names at the source which are one name at the destination looks like a renamed one, until the agent finds that
 * both are there. The second has to get another name then, by the next run. Answers whether there was one.
 */
async function refuseSharedPlaces(
  transaction: Transaction,
  { task: taskId, run }: BatchKey,
  { items, results }: StoredResults,
): Promise<boolean> {
  const isMoved = new Set(results.moved);
  const written = items.origin.filter(({ index }) => results.state[index] === ItemState.SUCCEEDED && !isMoved.has(index)); // oxfmt-ignore
  const task = written.length === 0 ? undefined : await transaction.task(taskId);
  let isRefused = false;
  for (const { index, path: origin, destinationPath } of written) {
    const place = items.destinationPath[index] || items.path[index]!;
    const name = task && nameKeyOf(task, place);
    const [row] = await transaction.ledgerRows(taskId, [origin]);
    if (name === undefined || row === undefined || name !== nameKeyOf(task!, destinationPath)) continue; // oxfmt-ignore
    refuse(results, index, { place, holder: origin });
    transaction.putName(taskId, name, create(NameRowSchema, { path: origin, run }));
    await transaction.dropFileId(taskId, row.fileId, origin);
    isRefused = true;
  }
  return isRefused;
}

/** A move that was done. */
interface Move {
  origin: MoveOrigin;
  /** The ledger's row of the old path; undefined when there is none any more. */
  row: LedgerRow | undefined;
  /** The item had been counted as gone from the source. */
  wasCounted: boolean;
}

/** Takes the old paths of what was moved out of the ledger, and notes what could not be moved. By the new path. */
async function takeMoves(
  transaction: Transaction,
  key: BatchKey,
  { items, results }: StoredResults,
): Promise<Map<string, Move>> {
  const { task: taskId, run } = key;
  const moves = new Map<string, Move>();
  const forgotten: ForgottenItem[] = [];
  if (items.origin.length === 0) return moves;
  const ids = items.origin.map(({ index }) => items.fileId[index]!);
  const found = await transaction.fileIds(taskId, ids);
  const isMoved = new Set(results.moved);
  for (const [at, origin] of items.origin.entries()) {
    const state = results.state[origin.index]!;
    const path = items.path[origin.index]!;
    const index = found[at];
    const isOwn = index?.path === origin.path && index.run === run && index.mover === path;
    if (state === ItemState.SUCCEEDED && isMoved.has(origin.index)) {
      const [row] = await transaction.ledgerRows(taskId, [origin.path]);
      moves.set(path, { origin, row, wasCounted: isOwn && index.gone });
      forgotten.push({ path: origin.path, row });
    } else if (isOwn && (state === ItemState.FAILED || state === ItemState.SKIPPED))
      transaction.putFileId(taskId, ids[at]!, failedMove(index));
  }
  await forgetItems(transaction, key, forgotten);
  return moves;
}

function failedMove(index: FileIdRow): FileIdRow {
  return create(FileIdRowSchema, { ...index, moveFailed: true });
}

/** What was moved was not read again: its content is what it was. */
function movedRow(row: LedgerRow, move: Move | undefined): LedgerRow {
  if (move === undefined) return row;
  const { origin } = move;
  const before = move.row ?? create(LedgerRowSchema, { sha256: origin.sha256, quickXorHash: origin.quickXorHash }); // oxfmt-ignore
  const { sha256, quickXorHash, verification, destinationSize, destinationQuickXorHash } = before;
  return create(LedgerRowSchema, {
    ...row,
    sha256,
    quickXorHash,
    verification,
    destinationSize,
    destinationQuickXorHash,
  });
}

/** Rows of files whose id is that of something that is being moved are written without it: the next run gives it to them. */
async function leaveMovers(
  transaction: Transaction,
  { task, run }: BatchKey,
  rows: readonly [path: string, row: LedgerRow][],
): Promise<void> {
  const known = rows.filter(([, { fileId }]) => fileId !== 0n);
  const ids = known.map(([, { fileId }]) => fileId);
  for (const [at, found] of (await transaction.fileIds(task, ids)).entries()) {
    const [path, row] = known[at]!;
    if (isOfMover(found, path, run)) row.fileId = 0n;
  }
}

/** Takes file ids out of the index that the rows of these paths had before. */
async function dropOldIds(
  transaction: Transaction,
  { task }: BatchKey,
  rows: readonly [path: string, row: LedgerRow][],
): Promise<void> {
  const before = await transaction.ledgerRows(
    task,
    rows.map(([path]) => path),
  );
  for (const [at, [path, row]] of rows.entries()) {
    const old = before[at]?.fileId ?? 0n;
    if (old !== 0n && old !== row.fileId) await transaction.dropFileId(task, old, path);
  }
}

/** What is gone: recycled items leave the ledger, and what was kept is told of once. */
async function storeGone(
  transaction: Transaction,
  key: BatchKey,
  { items, results }: StoredResults,
): Promise<void> {
  const { task: taskId, run } = key;
  const reasons = new Map(results.remark.map(({ index, reason }) => [index, reason]));
  const rows = await transaction.ledgerRows(taskId, items.path);
  const recycled: ForgottenItem[] = [];
  for (const [index, path] of items.path.entries()) {
    const row = rows[index];
    if (row === undefined) continue;
    const state = results.state[index]!;
    if (items.action[index] === ItemAction.RECYCLE && state === ItemState.SUCCEEDED) {
      recycled.push({ path, row });
    } else if (
      items.action[index] === ItemAction.KEEP &&
      reasons.get(index) === ErrorReason.SOURCE_GONE
    )
      // oxfmt-ignore
      transaction.putLedger(taskId, path, create(LedgerRowSchema, { ...row, goneRun: run }));
  }
  await forgetItems(transaction, key, recycled);
  await forgetUnreported(transaction, taskId, recycled.map(({ path }) => path)); // oxfmt-ignore
}
