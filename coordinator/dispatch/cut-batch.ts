// Cuts a stored batch in two: some of its items stay in it, the others become a new batch with the next number.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, type BatchRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { encodeBatchItems } from '../plan/encode-columns.ts';
import { fileBytes, selectItems } from '../plan/split-batch.ts';
import type { BatchKey, Transaction } from '../store/store.ts';
import { newLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';
import type { BatchWork } from './run-feed.ts';

/** A batch as it is stored. */
export interface StoredBatch {
  batch: BatchRow;
  items: BatchItems;
}

/** What became of a batch that was cut. */
export interface CutBatch extends StoredBatch {
  /** The run after it. */
  run: RunRow;
  encodedItems: Uint8Array;
  /** The other items, which can be leased. */
  rest: BatchWork;
  restItems: BatchItems;
}

/**
 * Leaves the items of the indexes `kept` in the batch, which must be some and not all. Writes everything but the row of the batch
 * and of the run, which are in the answer.
 */
export function cutBatch(
  transaction: Transaction,
  key: BatchKey,
  { run, batch, items }: StoredBatch & { run: RunRow },
  kept: ReadonlySet<number>,
  nowMs: number,
): CutBatch {
  const keptItems = selectItems(
    items,
    indexesOf(items, (index) => kept.has(index)),
  );
  const restItems = selectItems(
    items,
    indexesOf(items, (index) => !kept.has(index)),
  );
  const next = stepRun(run, { kind: 'split-batch', phase: batch.phase }, nowMs);
  const restKey = { ...key, batch: next.batches };
  const restSize = sizeOf(restItems);
  const { phase, nextPart } = batch;
  const row = { lease: newLease(batch.lease!.generation), phase, nextPart, ...restSize };
  transaction.putBatch(
    restKey,
    create(BatchRowSchema, { ...row, partOf: batch.partOf || key.batch }),
  );
  transaction.putBatchItems(restKey, encodeBatchItems(restItems));
  const encodedItems = encodeBatchItems(keptItems);
  transaction.putBatchItems(key, encodedItems);
  return {
    run: next,
    batch: create(BatchRowSchema, { ...batch, nextPart: restKey.batch, ...sizeOf(keptItems) }),
    items: keptItems,
    encodedItems,
    rest: { kind: 'batch', batch: restKey.batch, size: restSize },
    restItems,
  };
}

function sizeOf(items: BatchItems) {
  return { items: items.path.length, bytes: fileBytes(items) };
}

function indexesOf({ path }: BatchItems, matches: (index: number) => boolean): number[] {
  return [...path.keys()].filter(matches);
}
