// What an agent had finished of a batch when it was told to stop goes into the store: its items stay in the batch, which is done with
// them, and the others become a new batch.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { BatchDone } from '../../gen/drover/v1/session_pb.ts';
import { fileBytes, selectResults } from '../plan/split-batch.ts';
import type { BatchKey, Store } from '../store/store.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { stepLease } from '../task/lease-machine.ts';
import { cutBatch } from './cut-batch.ts';
import { finishReported, readReported } from './reported-batch.ts';
import type { BatchWork } from './run-feed.ts';
import { noteUnreported } from './unreported.ts';
import type { WorkSize } from './work-size.ts';

/** What partial results made of a batch. */
export interface PartialOutcome {
  /** The run after them. */
  row: RunRow;
  /** What was done. */
  done: WorkSize;
  /** What was not done and can be leased; undefined when all was. */
  rest: BatchWork | undefined;
}

/**
 * Stores what was finished of a batch. When nothing was, the batch itself can be leased again. Throws LEASE_LOST when the sender does
 * not hold the batch, WRONG_STATE when the run has ended, and INVALID_ARGUMENT when the results do not fit the batch.
 */
export function commitPartial(
  store: Store,
  key: BatchKey,
  frame: BatchDone,
  nowMs: number,
): Promise<PartialOutcome> {
  return store.commit(async (transaction) => {
    const reported = await readReported(transaction, key, frame);
    const { run, batch, items, results } = reported;
    const finished = results.state.flatMap((state, index) => state === ItemState.UNSPECIFIED ? [] : [index]); // oxfmt-ignore
    // Of what is not finished, something may be there all the same.
    const noteRest = async (rest: BatchItems) => {
      if (isTransfer(batch.phase)) await noteUnreported(transaction, key, rest);
    };
    if (finished.length === 0) {
      await noteRest(items);
      const { generation } = frame.key!;
      const lease = stepLease(batch.lease!, { kind: 'release', generation });
      transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease }));
      const whole = { items: batch.items, bytes: batch.bytes };
      const rest: BatchWork = { kind: 'batch', batch: key.batch, size: whole };
      return { row: run, done: { items: 0, bytes: 0n }, rest };
    }
    const isWhole = finished.length === items.path.length;
    const cut = isWhole
      ? undefined
      : cutBatch(transaction, key, reported, new Set(finished), nowMs);
    const done =
      cut === undefined ? reported : { ...cut, results: selectResults(results, finished) };
    const row = await finishReported(transaction, key, done, { nowMs });
    if (cut !== undefined) await noteRest(cut.restItems);
    return { row, done: { items: finished.length, bytes: fileBytes(done.items) }, rest: cut?.rest };
  });
}
