// The results of a batch go into the store: batch, ledger and counters in one commit.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { BatchDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { BatchKey, Store } from '../store/store.ts';
import { checkColumns, countStates } from './batch-outcome.ts';
import { beginGoneFolders } from './gone-batch.ts';
import { storeResults } from './store-results.ts';
import { stepLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';

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
  return store.commit(async (transaction) => {
    // Taken apart when its turn has come: hundreds of agents may report at once, after a restart.
    const results = fromBinary(BatchResultsSchema, frame.results);
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
    const { outcome, isChanged } = await storeResults(transaction, key, { batch, items, results });
    const finished = stepRun(run, { kind: 'finish-batch', outcome }, nowMs);
    const next = await beginGoneFolders(transaction, key, finished, nowMs);
    transaction.putRun(key, next);
    const stored = isChanged ? toBinary(BatchResultsSchema, results) : frame.results;
    transaction.putBatchResults(key, stored);
    transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease, ...countStates(results) }));
    return next;
  });
}
