// The results of a batch go into the store: batch, ledger and counters in one commit.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchDone } from '../../gen/drover/v1/session_pb.ts';
import type { BatchKey, Begun, Store } from '../store/store.ts';
import { finishReported, readReported } from './reported-batch.ts';

/**
 * Puts the results of a batch into the store and answers with the run after it, before it is written. Throws LEASE_LOST when the sender does not hold the batch,
 * WRONG_STATE when the run has ended, and INVALID_ARGUMENT when the results do not fit the batch.
 */
export function commitResults(
  store: Store,
  key: BatchKey,
  frame: BatchDone,
  nowMs: number,
): Promise<Begun<RunRow>> {
  return store.begin(async (transaction) => {
    const reported = await readReported(transaction, key, frame);
    return await finishReported(transaction, key, reported, { encoded: frame.results, nowMs });
  });
}
