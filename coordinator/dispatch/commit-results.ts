// The results of a batch go into the store: batch, ledger and counters in one commit.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchDone } from '../../gen/drover/v1/session_pb.ts';
import type { BatchKey, Store } from '../store/store.ts';
import { finishReported, readReported } from './reported-batch.ts';

/**
 * Stores the results of a batch and answers with the run after it. Throws LEASE_LOST when the sender does not hold the batch,
 * WRONG_STATE when the run has ended, and INVALID_ARGUMENT when the results do not fit the batch.
 */
export function commitResults(
  store: Store,
  key: BatchKey,
  frame: BatchDone,
  nowMs: number,
): Promise<RunRow> {
  return store.commit(async (transaction) => {
    const reported = await readReported(transaction, key, frame);
    return await finishReported(transaction, key, reported, { encoded: frame.results, nowMs });
  });
}
