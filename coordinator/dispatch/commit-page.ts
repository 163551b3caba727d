// A page of a scan goes into the store: planned, cut into batches, counted, in one commit.
import { create, fromBinary } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, ScanPageSchema } from '../../gen/drover/v1/columns_pb.ts';
import { BatchPhase, type ScanPageFrame } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { batchItemsMax } from '../plan/batch-builder.ts';
import { checkPathOrder } from '../plan/path-order.ts';
import {
  planPage,
  scannedItems,
  type PagePlan,
  type PlannedBatch,
  type SettledBatch,
} from '../plan/plan-page.ts';
import { avoidKeptPlaces } from './kept-places.ts';
import { claimNames } from './claim-names.ts';
import type { RunKey, Store, Transaction } from '../store/store.ts';
import { checkHolder, newLease, settledLease } from '../task/lease-machine.ts';
import { stepRun, type PlannedPage } from '../task/run-machine.ts';

/**
 * Stores a page and answers with the run after it. A page that is stored already changes nothing. Throws LEASE_LOST when the
 * sender does not hold the scan, or when pages are missing before this one, and INTERNAL when the page is malformed.
 */
export function commitPage(
  store: Store,
  key: RunKey,
  frame: ScanPageFrame,
  nowMs: number,
): Promise<RunRow> {
  const page = fromBinary(ScanPageSchema, frame.items);
  return store.commit(async (transaction) => {
    const [task, row] = await Promise.all([transaction.task(key.task), transaction.run(key)]);
    if (task === undefined || row === undefined) throw lost('its task was deleted');
    checkHolder(row.scan!.lease!, frame.key!.generation);
    if (frame.page <= row.scan!.lastPage) return row;
    if (frame.page !== row.scan!.lastPage + 1n) throw lost(`page ${frame.page} came too early`);
    checkPathOrder(page.path, row.scan!.lastPath);
    const firstRun = key.run === 1;
    const ledger = firstRun ? [] : await transaction.ledger(key.task, page.path);
    const filling = await readFilling(transaction, key, row.fillingFolderBatch);
    const items = scannedItems(page);
    const { destination } = task.task!;
    const names = await claimNames(transaction, { key, row, items, ledger, destination });
    const places =
      names?.places ?? (await avoidKeptPlaces(transaction, key, task, { items, ledger }));
    const plan = planPage(items, ledger, filling, places);
    const next = stepRun(
      row,
      {
        kind: 'plan-page',
        planned: {
          ...countPage(plan, frame.page, row.run!.scanOnly),
          lastDestinationPath: names?.lastDestinationPath ?? '',
        },
      },
      nowMs,
    );
    const writer = new BatchWriter(transaction, key, row, row.run!.scanOnly);
    next.fillingFolderBatch = writer.write(plan);
    transaction.putRun(key, next);
    return next;
  });
}

async function readFilling(transaction: Transaction, key: RunKey, batch: number) {
  if (batch === 0) return undefined;
  const items = await transaction.batchItems({ ...key, batch });
  return items === undefined ? undefined : fromBinary(BatchItemsSchema, items);
}

/** In a run that only scans no batch is ever open: they are all settled as they are cut. */
function countPage(
  plan: PagePlan,
  page: bigint,
  scanOnly: boolean,
): Omit<PlannedPage, 'lastDestinationPath'> {
  const settled = plan.settled === undefined ? 0 : 1;
  return {
    page,
    lastPath: plan.lastPath,
    scannedItems: plan.scannedItems,
    scannedBytes: plan.scannedBytes,
    plannedItems: plan.plannedItems,
    plannedBytes: plan.plannedBytes,
    skippedItems: plan.settled?.skipped ?? 0,
    failedItems: plan.settled?.failed ?? 0,
    batches: plan.transfers.length + plan.folders.length + settled,
    openTransferBatches: scanOnly ? 0 : plan.transfers.length,
    openFolderBatches: scanOnly ? 0 : plan.folders.length,
  };
}

/** Gives the batches of a page their numbers and puts them into the transaction. */
class BatchWriter {
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
    for (const batch of plan.transfers) this.#putPlanned(++this.#last, batch);
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

function lost(why: string): DroverError {
  return new DroverError(ErrorReason.LEASE_LOST, `the lease is lost: ${why}`);
}
