// The dates of folders. Whatever is written into a folder changes its date at the destination, so that a run dates folders when everything
// is written. A folder whose dates are right, and into which nothing is to be written, needs nobody to look at it: of millions of folders
// that are there, a run sees to those that it has to do with. The ledger's row of a folder says whether its dates are right (`dated`).
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, LedgerRowSchema, type BatchRow, type LedgerRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import type { BatchItems, BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { decodeBatchItems, unchangedResults } from '../plan/decode-columns.ts';
import { encodeSettledResults } from '../plan/encode-columns.ts';
import { unchangedDecision } from '../plan/plan-item.ts';
import { isSameFolder, type TouchedFolders } from '../plan/plan-page.ts';
import type { BatchKey, Transaction } from '../store/store.ts';
import { settledLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';
import { countOutcome } from './batch-outcome.ts';
import { cutBatch } from './cut-batch.ts';
import type { LastForm } from './gone-batch.ts';
import { nameKeyOf } from './kept-places.ts';

/** Something is about to be written into these folders or taken out of them. Answers with how many had the right dates until now. */
export async function forgetDates(
  transaction: Transaction,
  task: string,
  { sources, places }: TouchedFolders,
): Promise<number> {
  const holders = await holdersOf(transaction, task, places);
  const paths = [...new Set([...sources, ...holders])].filter((folder) => folder !== '');
  if (paths.length === 0) return 0;
  let forgotten = 0;
  for (const [index, row] of (await transaction.ledgerRows(task, paths)).entries()) {
    if (row?.dated !== true) continue;
    transaction.updateLedger(task, paths[index]!, create(LedgerRowSchema, { ...row, dated: false })); // oxfmt-ignore
    forgotten += 1;
  }
  return forgotten;
}

/** What has these places at a destination that keeps names apart by more than their paths; nothing elsewhere. */
async function holdersOf(
  transaction: Transaction,
  task: string,
  places: ReadonlySet<string>,
): Promise<string[]> {
  const row = places.size === 0 ? undefined : await transaction.task(task);
  if (row === undefined) return [];
  const names = [...places].flatMap((place) => (place === '' ? [] : (nameKeyOf(row, place) ?? [])));
  return (await transaction.names(task, names)).flatMap((holder) => holder?.path ?? []);
}

/**
 * Settles those folders of a pending batch of the phase FOLDERS that have not changed and whose dates are right. The rest becomes a batch of
 * its own. What changes of the batch is put into the transaction; the run is put into it by whoever calls.
 */
export async function takeFolders(
  transaction: Transaction,
  key: BatchKey,
  { batch, items: encoded, run }: { batch: BatchRow; items: Uint8Array; run: RunRow },
  nowMs: number,
): Promise<LastForm> {
  const whole = { key, batch, items: encoded, run };
  // In a task's first run every folder is new.
  if (key.run === 1) return whole;
  const items = decodeBatchItems(encoded);
  const rows = await transaction.ledger(key.task, items.path);
  const dated = [...items.path.keys()].filter((index) => isDated(items, index, rows[index]));
  if (dated.length === 0) return whole;
  if (dated.length === items.path.length)
    return { ...whole, batch: undefined, run: settle(transaction, key, { batch, items, run }, nowMs) }; // oxfmt-ignore
  const cut = cutBatch(transaction, key, { run, batch, items }, new Set(dated), nowMs);
  const settled = settle(transaction, key, cut, nowMs);
  const restKey = { ...key, batch: cut.rest.batch };
  const [rest, restItems] = await Promise.all([
    transaction.batch(restKey),
    transaction.batchItems(restKey),
  ]);
  return { key: restKey, batch: rest, items: restItems!, run: settled };
}

function isDated(items: BatchItems, index: number, row: LedgerRow | undefined): boolean {
  if (items.action[index] !== ItemAction.UPDATE || row?.dated !== true) return false;
  const path = items.path[index]!;
  const item = { path, kind: items.kind[index]!, modifiedNs: items.modifiedNs[index]!, createdNs: items.createdNs[index]! }; // oxfmt-ignore
  return isSameFolder(item, items.destinationPath[index] || path, row);
}

function settle(
  transaction: Transaction,
  key: BatchKey,
  { batch, items, run }: { batch: BatchRow; items: BatchItems; run: RunRow },
  nowMs: number,
): RunRow {
  const count = items.path.length;
  const outcome = countOutcome(items, unchangedResults(count), BatchPhase.FOLDERS);
  const { deviatingItems = 0 } = outcome;
  transaction.putBatchResults(key, encodeSettledResults(new Array(count).fill(unchangedDecision))); // oxfmt-ignore
  transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease: settledLease(), skippedItems: count, deviatingItems })); // oxfmt-ignore
  return stepRun(run, { kind: 'finish-batch', outcome }, nowMs);
}

/**
 * Of results of the phase FOLDERS: what was found with its dates has them from now on, as `written` has them. But who lost a lease in the
 * same run may still write into a folder, so that the next run looks at it again: those of `written` are changed.
 */
export async function noteDates(
  transaction: Transaction,
  { task, run }: BatchKey,
  { items, results, written }: { items: BatchItems; results: BatchResults; written: readonly [path: string, row: LedgerRow][] }, // oxfmt-ignore
): Promise<void> {
  const uncertain = await uncertainFolders(transaction, task, run, items.path);
  for (const [path, row] of written) if (uncertain.has(path)) row.dated = false;
  const unchanged = results.remark.filter(({ index, reason }) => reason === ErrorReason.UNCHANGED && results.state[index] === ItemState.SKIPPED); // oxfmt-ignore
  const found = unchanged.map(({ index }) => index).filter((index) => !uncertain.has(items.path[index]!)); // oxfmt-ignore
  const rows = await transaction.ledgerRows(task, found.map((index) => items.path[index]!)); // oxfmt-ignore
  for (const [at, row] of rows.entries()) {
    const [modifiedNs, createdNs] = [items.modifiedNs[found[at]!]!, items.createdNs[found[at]!]!];
    const isKnown = row?.dated === true && row.modifiedNs === modifiedNs && row.createdNs === createdNs; // oxfmt-ignore
    if (row?.folder !== true || isKnown) continue;
    transaction.updateLedger(task, items.path[found[at]!]!, create(LedgerRowSchema, { ...row, modifiedNs, createdNs, dated: true })); // oxfmt-ignore
  }
}

/** Those into which somebody may still write who lost a lease in this run; what was noted of an earlier run is forgotten. */
async function uncertainFolders(
  transaction: Transaction,
  task: string,
  run: number,
  paths: readonly string[],
): Promise<Set<string>> {
  const uncertain = new Set<string>();
  if ((await transaction.task(task))?.hasUnreportedItems !== true) return uncertain;
  for (const [index, row] of (await transaction.unreported(task, paths)).entries()) {
    if (row === undefined || row.run === 0) continue;
    if (row.run === run) uncertain.add(paths[index]!);
    else transaction.deleteUnreported(task, paths[index]!);
  }
  return uncertain;
}
