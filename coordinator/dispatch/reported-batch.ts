// A batch that an agent reports on: what is read before its results are stored, and what is written with them. The same for whole
// results and for those of a part.
import { create, toBinary } from '@bufbuild/protobuf';
import { BatchRowSchema, type BatchRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchResultsSchema,
  type BatchItems,
  type BatchResults,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { BatchDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { decodeBatchItems, decodeBatchResults } from '../plan/decode-columns.ts';
import type { BatchKey, Transaction } from '../store/store.ts';
import { checkHolder, stepLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';
import { checkColumns, countStates } from './batch-outcome.ts';
import { beginGoneFolders } from './gone-batch.ts';
import { readColumns } from './read-columns.ts';
import { storeResults } from './store-results.ts';

/** A batch, its run, and what is reported of its items. */
export interface ReportedBatch {
  run: RunRow;
  batch: BatchRow;
  items: BatchItems;
  results: BatchResults;
}

/** Throws LEASE_LOST when the sender does not hold the batch, and INVALID_ARGUMENT when the results do not fit it. */
export async function readReported(
  transaction: Transaction,
  key: BatchKey,
  frame: BatchDone,
): Promise<ReportedBatch> {
  // Taken apart when its commit's turn has come: hundreds of agents may report at once, after a restart.
  const results = readColumns(
    BatchResultsSchema,
    frame.results,
    'batch_done.results',
    decodeBatchResults,
  );
  const [run, batch, encodedItems] = await Promise.all([
    transaction.run(key),
    transaction.batch(key),
    transaction.batchItems(key),
  ]);
  if (run === undefined || batch === undefined || encodedItems === undefined)
    throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: its task was deleted');
  checkHolder(batch.lease!, frame.key!.generation);
  const items = decodeBatchItems(encodedItems);
  checkColumns(items, results, frame.partial);
  return { run, batch, items, results };
}

/**
 * The batch is done with these results; answers with the run after them. `encoded` is `results` as they came, if nothing was taken out
 * of them. Throws WRONG_STATE when the run has ended.
 */
export async function finishReported(
  transaction: Transaction,
  key: BatchKey,
  { run, batch, items, results }: ReportedBatch,
  { encoded, nowMs }: { encoded?: Uint8Array; nowMs: number },
): Promise<RunRow> {
  const { generation } = batch.lease!;
  const lease = stepLease(batch.lease!, { kind: 'complete', generation });
  const { outcome, isChanged } = await storeResults(transaction, key, { batch, items, results });
  const counted = stepRun(run, { kind: 'finish-batch', outcome }, nowMs);
  const row = await beginGoneFolders(transaction, key, counted, nowMs);
  transaction.putRun(key, row);
  const isAsItCame = encoded !== undefined && !isChanged;
  transaction.putBatchResults(key, isAsItCame ? encoded : toBinary(BatchResultsSchema, results));
  transaction.putBatch(
    key,
    create(BatchRowSchema, {
      ...batch,
      lease,
      ...countStates(results),
      deviatingItems: outcome.deviatingItems ?? 0,
    }),
  );
  return row;
}
