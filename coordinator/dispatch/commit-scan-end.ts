// The end of a scan goes into the store: the source was read to its end, or cannot be read and the run has failed.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ScanDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { planDigest } from '../../lib/plan-digest.ts';
import { decodeBatchItems } from '../plan/decode-columns.ts';
import type { RunKey, Store, Transaction } from '../store/store.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { hasPlanDigest } from '../task/approval.ts';
import { goneDigest, plannedDigest } from '../task/run-digest.ts';
import { checkHolder } from '../task/lease-machine.ts';
import { stepRun, type RunEvent } from '../task/run-machine.ts';
import { beginGoneFolders } from './gone-batch.ts';
import { isSwept, sweepLedger } from './sweep-ledger.ts';
import { noteUnreported } from './unreported.ts';

/**
 * Answers with the run after it. What the ledger has after the last path of the scan is compared first, in as many commits as that
 * takes. Throws LEASE_LOST when the sender does not hold the scan, or pages are missing.
 */
export async function commitScanEnd(
  store: Store,
  key: RunKey,
  frame: ScanDone,
  nowMs: number,
): Promise<RunRow> {
  while (!(await store.commit((transaction) => sweepOn(transaction, key, frame, nowMs))));
  return store.commit(async (transaction) => {
    const { row, event } = await readEnd(transaction, key, frame);
    // Who had a lease when the run fails may have written what it can report no more.
    if (event.kind === 'fail') await noteLeased(transaction, key);
    const ended = stepRun(row, event, nowMs);
    const next = await beginGoneFolders(transaction, key, ended, nowMs);
    transaction.putRun(key, next);
    return next;
  });
}

async function readEnd(transaction: Transaction, key: RunKey, frame: ScanDone) {
  const row = await transaction.run(key);
  if (row === undefined)
    throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: its task was deleted');
  checkHolder(row.scan!.lease!, frame.key!.generation);
  return { row, event: scanEndEvent(row, frame) };
}

/** Compares the next rows that come after the scan; answers whether there is nothing left to compare. */
async function sweepOn(
  transaction: Transaction,
  key: RunKey,
  frame: ScanDone,
  nowMs: number,
): Promise<boolean> {
  const { row, event } = await readEnd(transaction, key, frame);
  if (event.kind === 'fail' || !isSwept(key, row)) return true;
  const task = await transaction.task(key.task);
  const { hasUnreportedItems = false } = task ?? {};
  const swept = await sweepLedger(transaction, key, { row, items: [], hasUnreportedItems, nowMs });
  transaction.putRun(key, swept.row);
  return swept.isWhole;
}

async function noteLeased(transaction: Transaction, key: RunKey): Promise<void> {
  for (const number of await transaction.leasedBatches(key)) {
    const batch = { ...key, batch: number };
    const [row, items] = [await transaction.batch(batch), await transaction.batchItems(batch)];
    if (row !== undefined && isTransfer(row.phase) && items !== undefined)
      await noteUnreported(transaction, key, decodeBatchItems(items));
  }
}

function scanEndEvent(row: RunRow, frame: ScanDone): RunEvent {
  const { reason, message, pages } = frame;
  if (reason !== ErrorReason.UNSPECIFIED) return { kind: 'fail', reason, message };
  if (pages === row.scan!.lastPage)
    return { kind: 'finish-scan', generation: frame.key!.generation, planDigest: digestOf(row) };
  throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: pages of the scan are missing');
}

function digestOf(row: RunRow): string | undefined {
  return hasPlanDigest(row) ? planDigest(plannedDigest(row), goneDigest(row)) : undefined;
}
