// What an agent had finished of a batch when it was told to stop goes into the store: its items stay in the batch, which is done with
// them, and the others become a new batch.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchItems,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase, type BatchDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { fileBytes, selectResults } from '../plan/split-batch.ts';
import type { BatchKey, Store } from '../store/store.ts';
import { checkHolder, stepLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';
import { checkColumns, countStates } from './batch-outcome.ts';
import { cutBatch } from './cut-batch.ts';
import type { BatchWork } from './run-feed.ts';
import { beginGoneFolders } from './gone-batch.ts';
import { storeResults } from './store-results.ts';
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
 * not hold the batch, WRONG_STATE when the run has ended, and INTERNAL when the results do not fit the batch.
 */
export function commitPartial(
  store: Store,
  key: BatchKey,
  frame: BatchDone,
  nowMs: number,
): Promise<PartialOutcome> {
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
    checkHolder(batch.lease!, generation);
    const items = fromBinary(BatchItemsSchema, encodedItems);
    checkColumns(items, results, true);
    const finished = results.state.flatMap((state, index) => state === ItemState.UNSPECIFIED ? [] : [index]); // prettier-ignore
    const size = { items: finished.length, bytes: 0n };
    // Of what is not finished, something may be there all the same.
    const noteRest = async (rest: BatchItems) => {
      if (batch.phase === BatchPhase.TRANSFER) await noteUnreported(transaction, key.task, rest);
    };
    if (finished.length === 0) {
      await noteRest(items);
      const lease = stepLease(batch.lease!, { kind: 'release', generation });
      transaction.putBatch(key, create(BatchRowSchema, { ...batch, lease }));
      const whole = { items: batch.items, bytes: batch.bytes };
      return { row: run, done: size, rest: { kind: 'batch', batch: key.batch, size: whole } };
    }
    const isWhole = finished.length === items.path.length;
    const stored = { run, batch, items };
    const cut = isWhole ? undefined : cutBatch(transaction, key, stored, new Set(finished), nowMs);
    const done = cut ?? stored;
    const doneResults = isWhole ? results : selectResults(results, finished);
    const { outcome } = await storeResults(transaction, key, { batch: done.batch, items: done.items, results: doneResults }); // prettier-ignore
    if (cut !== undefined) await noteRest(cut.restItems);
    const counted = stepRun(done.run, { kind: 'finish-batch', outcome }, nowMs);
    const row = await beginGoneFolders(transaction, key, counted, nowMs);
    transaction.putRun(key, row);
    transaction.putBatchResults(key, toBinary(BatchResultsSchema, doneResults));
    const lease = stepLease(batch.lease!, { kind: 'complete', generation });
    transaction.putBatch(key, create(BatchRowSchema, { ...done.batch, lease, ...countStates(doneResults) })); // prettier-ignore
    return { row, done: { items: finished.length, bytes: fileBytes(done.items) }, rest: cut?.rest };
  });
}
