// Some batches are planned long before it is known what is to be done with their items: they get their last form when they are leased.
import type { BatchRow, RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { BatchKey, Transaction } from '../store/store.ts';
import { takeFolders } from './folder-dates.ts';
import { takeGone, type LastForm } from './gone-batch.ts';
import { takeLate } from './late-items.ts';

/** The batch as it is to be leased, by its phase; see `takeGone`, `takeLate` and `takeFolders`. The run is put into the transaction by whoever calls. */
export async function lastForm(
  transaction: Transaction,
  key: BatchKey,
  whole: { batch: BatchRow; items: Uint8Array; run: RunRow },
  nowMs: number,
): Promise<LastForm> {
  switch (whole.batch.phase) {
    case BatchPhase.GONE:
      return await takeGone(transaction, key, whole, nowMs);
    case BatchPhase.LATE:
      return { ...whole, key, items: await takeLate(transaction, key, whole.items) };
    case BatchPhase.FOLDERS:
      return await takeFolders(transaction, key, whole, nowMs);
    default:
      return { ...whole, key };
  }
}
