// The batches that a page of the scan was cut into, on their way into the store.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { batchItemsMax } from '../plan/batch-builder.ts';
import type { PagePlan, PlannedBatch, SettledBatch } from '../plan/plan-page.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import { newLease, settledLease } from '../task/lease-machine.ts';

/** Gives the batches of a page their numbers and puts them into the transaction. */
export class BatchWriter {
  readonly #transaction: Transaction;
  readonly #key: RunKey;
  readonly #scanOnly: boolean;
  #fillingBatch: number;
  #last: number;

  constructor(transaction: Transaction, key: RunKey, row: RunRow, scanOnly: boolean) {
    this.#transaction = transaction;
    this.#key = key;
    this.#scanOnly = scanOnly;
    this.#fillingBatch = row.fillingFolderBatch;
    this.#last = row.batches;
  }

  /** Answers with the number of the folder batch that has room left, 0 when none has. */
  write(plan: PagePlan): number {
    if (plan.settled !== undefined) this.#putSettled(plan.settled);
    for (const batch of [...plan.transfers, ...plan.late]) this.#putPlanned(++this.#last, batch);
    if (plan.filledFolders !== undefined) {
      this.#putPlanned(this.#fillingBatch, plan.filledFolders);
      if (plan.filledFolders.count >= batchItemsMax) this.#fillingBatch = 0;
    }
    for (const batch of plan.folders) {
      this.#putPlanned(++this.#last, batch);
      this.#fillingBatch = batch.count < batchItemsMax ? this.#last : 0;
    }
    return this.#fillingBatch;
  }

  #putPlanned(number: number, planned: PlannedBatch): void {
    const batch = { ...this.#key, batch: number };
    const { phase, count, bytes } = planned;
    const lease = this.#scanOnly ? settledLease() : newLease();
    this.#transaction.putBatchItems(batch, planned.items);
    this.#transaction.putBatch(
      batch,
      create(BatchRowSchema, { lease, phase, items: count, bytes }),
    );
  }

  #putSettled(settled: SettledBatch): void {
    const batch = { ...this.#key, batch: ++this.#last };
    this.#transaction.putBatchItems(batch, settled.items);
    this.#transaction.putBatchResults(batch, settled.results);
    this.#transaction.putBatch(
      batch,
      create(BatchRowSchema, {
        lease: settledLease(),
        phase: BatchPhase.TRANSFER,
        items: settled.count,
        skippedItems: settled.skipped,
        failedItems: settled.failed,
      }),
    );
  }
}
