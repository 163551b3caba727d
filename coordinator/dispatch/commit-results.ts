// The results of a batch go into the store: batch, ledger and counters in one commit.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  BatchRowSchema,
  LedgerRowSchema,
  type LedgerRow,
  type RunRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchItems,
  type BatchResults,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase, type BatchDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { BatchKey, Store } from '../store/store.ts';
import { claimKeptPlaces } from './kept-places.ts';
import { stepLease } from '../task/lease-machine.ts';
import { stepRun, type BatchOutcome } from '../task/run-machine.ts';

const sha256Bytes = 32;
const quickXorHashBytes = 20;
const finalStates = new Set<ItemState>([ItemState.SUCCEEDED, ItemState.SKIPPED, ItemState.FAILED]);

/**
 * Stores the results of a batch and answers with the run after it. Throws LEASE_LOST when the sender does not hold the batch,
 * WRONG_STATE when the run has ended, and INTERNAL when the results do not fit the batch.
 */
export function commitResults(
  store: Store,
  key: BatchKey,
  frame: BatchDone,
  nowMs: number,
): Promise<RunRow> {
  const results = fromBinary(BatchResultsSchema, frame.results);
  return store.commit(async (transaction) => {
    const [run, batch, encodedItems] = await Promise.all([
      transaction.run(key),
      transaction.batch(key),
      transaction.batchItems(key),
    ]);
    if (run === undefined || batch === undefined || encodedItems === undefined)
      throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: its task was deleted');
    const { generation } = frame.key!;
    const lease = stepLease(batch.lease!, { kind: 'complete', generation });
    const items = fromBinary(BatchItemsSchema, encodedItems);
    checkColumns(items, results);
    const isRefused = await claimKeptPlaces(transaction, key, { items, results });
    const outcome = countOutcome(items, results, batch.phase);
    const next = stepRun(run, { kind: 'finish-batch', outcome }, nowMs);
    transaction.putRun(key, next);
    const stored = isRefused ? toBinary(BatchResultsSchema, results) : frame.results;
    transaction.putBatchResults(key, stored);
    transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease, ...countStates(results) }));
    for (const [path, row] of ledgerRows(items, results, batch.phase, key.run))
      transaction.putLedger(key.task, path, row);
    return next;
  });
}

/** Counts what the run counts: everything but the folders of the transfer phase, which the folder phase reports. */
export function countOutcome(
  items: BatchItems,
  results: BatchResults,
  phase: BatchPhase,
): BatchOutcome {
  const outcome: BatchOutcome = {
    phase,
    succeededItems: 0,
    succeededBytes: 0n,
    skippedItems: 0,
    skippedBytes: 0n,
    failedItems: 0,
    failedBytes: 0n,
  };
  for (const [index, state] of results.state.entries()) {
    if (!isReported(items, index, phase)) continue;
    const bytes = items.kind[index] === ItemKind.FILE ? items.size[index]! : 0n;
    if (state === ItemState.SUCCEEDED) {
      outcome.succeededItems += 1;
      outcome.succeededBytes += bytes;
    } else if (state === ItemState.SKIPPED) {
      outcome.skippedItems += 1;
      outcome.skippedBytes += bytes;
    } else {
      outcome.failedItems += 1;
      outcome.failedBytes += bytes;
    }
  }
  return outcome;
}

function countStates({ state }: BatchResults) {
  const count = (wanted: ItemState) => state.filter((value) => value === wanted).length;
  return {
    succeededItems: count(ItemState.SUCCEEDED),
    skippedItems: count(ItemState.SKIPPED),
    failedItems: count(ItemState.FAILED),
  };
}

function isReported(items: BatchItems, index: number, phase: BatchPhase): boolean {
  return phase === BatchPhase.FOLDERS || items.kind[index] !== ItemKind.FOLDER;
}

/** One row for each item that is now at the destination. */
function* ledgerRows(
  items: BatchItems,
  results: BatchResults,
  phase: BatchPhase,
  run: number,
): Generator<[path: string, row: LedgerRow]> {
  for (const [index, state] of results.state.entries()) {
    if (state !== ItemState.SUCCEEDED || !isReported(items, index, phase)) continue;
    const row = create(LedgerRowSchema, {
      size: results.size[index]!,
      modifiedNs: results.modifiedNs[index]!,
      createdNs: items.createdNs[index]!,
      fileId: items.fileId[index]!,
      sha256: part(results.sha256, index, sha256Bytes),
      quickXorHash: part(results.quickXorHash, index, quickXorHashBytes),
      destinationModifiedNs: results.destinationModifiedNs[index]!,
      run,
      folder: items.kind[index] === ItemKind.FOLDER,
      destinationPath: results.keptPath[index] || otherPath(items, index),
      destinationId: results.destinationId[index] ?? '',
      destinationVersion: results.destinationVersion[index] ?? '',
    });
    yield [items.path[index]!, row];
  }
}

/** The path at the destination where it is not the one at the source. */
function otherPath({ path, destinationPath }: BatchItems, index: number): string {
  const other = destinationPath[index] ?? '';
  return other === path[index] ? '' : other;
}

function part(bytes: Uint8Array, index: number, length: number): Uint8Array {
  return bytes.subarray(index * length, (index + 1) * length);
}

function checkColumns(items: BatchItems, results: BatchResults): void {
  const count = items.path.length;
  const { size, modifiedNs, destinationModifiedNs, attempts } = results;
  const columns = [size, modifiedNs, destinationModifiedNs, attempts];
  const { destinationId, destinationVersion, verification, keptPath } = results;
  const optional = [destinationId, destinationVersion, verification, keptPath];
  const whole =
    results.state.length === count &&
    results.state.every((state) => finalStates.has(state)) &&
    results.remark.every(({ index }) => index < count) &&
    columns.every((column) => column.length === count) &&
    optional.every((column) => column.length === 0 || column.length === count) &&
    results.sha256.length === count * sha256Bytes &&
    results.quickXorHash.length === count * quickXorHashBytes;
  if (!whole) throw new DroverError(ErrorReason.INTERNAL, 'the results do not fit the batch');
}
