// The ledger is compared with the scan as the scan comes along: what it has and the scan has not is gone from the source, and goes
// into batches of its own. One commit compares no more than so many rows, so that a page after which half of the source is missing
// does not hold up everybody else; where the comparison stands is in the run, so that nothing is compared twice.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, FileIdRowSchema, type RunRow, type UnreportedRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { PlanDigest, type GrowingDigest } from '../../lib/plan-digest.ts';
import { decodeBatchItems } from '../plan/decode-columns.ts';
import { BatchBuilder, batchItemsMax } from '../plan/batch-builder.ts';
import { comparePaths } from '../plan/path-order.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import { goneEntries, unlistedAfter } from '../plan/sweep.ts';
import type { LedgerEntry, RunKey, StoredEntry, Transaction } from '../store/store.ts';
import { hasPlanDigest } from '../task/approval.ts';
import { goneDigest } from '../task/run-digest.ts';
import { goneAction } from '../task/gone-guard.ts';
import { newLease, settledLease } from '../task/lease-machine.ts';
import { stepRun } from '../task/run-machine.ts';

/** The most rows of the ledger that one commit compares. */
export const ledgerRowsMax = 4000;

/** What a step of the comparison read, and the run after it, which is not stored yet. */
export interface Sweep {
  row: RunRow;
  entries: StoredEntry[];
  /** Whether all up to the end of the page, or of the ledger, is compared. */
  isWhole: boolean;
}

/** What a step goes by. */
export interface SweepParts {
  row: RunRow;
  /** The page that comes next; empty at the end of the scan. */
  items: readonly ScannedItem[];
  hasUnreportedItems: boolean;
  nowMs: number;
}

/** Whether the ledger is compared with the scan of a run: there is one, and all of the source is scanned. */
export function isSwept(key: RunKey, row: RunRow): boolean {
  const isListed = (row.run!.settings?.manifest ?? '') !== '';
  return key.run > 1 && row.scan!.retry === undefined && !isListed;
}

/** Compares the next rows of the ledger with the page, and puts what is gone into the transaction. */
export async function sweepLedger(
  transaction: Transaction,
  key: RunKey,
  { row, items, hasUnreportedItems, nowMs }: SweepParts,
): Promise<Sweep> {
  const { lastPath, unlistedPath, sweptPath } = row.scan!;
  const after = comparePaths(sweptPath, lastPath) < 0 ? lastPath : sweptPath;
  const upTo = items.at(-1)?.path ?? '';
  const entries = await transaction.ledgerRange(key.task, { after, upTo }, ledgerRowsMax);
  const isWhole = entries.length < ledgerRowsMax;
  const rows = entries;
  const gone = goneEntries({ rows, items, lastPath, unlistedPath });
  const action = goneAction(row);
  // What was kept once is not told of again.
  const told = gone.filter((entry) => action === ItemAction.RECYCLE || entry.row.goneRun === 0);
  const writer = new GoneWriter(transaction, key, row);
  await writer.add(told, action, hasUnreportedItems);
  await markGone(transaction, key, told, items);
  const isPlanned = isWhole && items.length > 0;
  const swept = {
    sweptPath: isPlanned ? upTo : (entries.at(-1)?.path ?? after),
    unlistedPath: isPlanned ? unlistedAfter(items) : unlistedPath,
    ledgerItems: entries.length,
    goneItems: told.length,
    digest: hasPlanDigest(row) ? addToDigest(goneDigest(row), told, action) : undefined,
    ...writer.finish(),
  };
  return { row: stepRun(row, { kind: 'sweep', swept }, nowMs), entries, isWhole };
}

/**
 * Lets what has the file id of one of these paths be recognised as the same item. Where something of another kind has the path, nothing is
 * moved from it any more, unless that was begun.
 */
async function markGone(
  transaction: Transaction,
  { task, run }: RunKey,
  gone: readonly LedgerEntry[],
  items: readonly ScannedItem[],
): Promise<void> {
  // In most pages nothing is gone.
  if (gone.length === 0) return;
  const taken = new Set(items.map((item) => item.path));
  const known = gone.filter(({ row }) => row.fileId !== 0n);
  const ids = known.map(({ row }) => row.fileId);
  for (const [index, found] of (await transaction.fileIds(task, ids)).entries()) {
    const { path } = known[index]!;
    if (found?.path !== path) continue;
    // What was found out before in this run: the item may have been met at its new path already.
    const { mover, moveFailed } = found.run === run ? found : create(FileIdRowSchema);
    if (mover === '' && taken.has(path)) {
      await transaction.dropFileId(task, ids[index]!, path);
      continue;
    }
    const row = create(FileIdRowSchema, { path, run, gone: true, mover, moveFailed });
    transaction.putFileId(task, ids[index]!, row);
  }
}

/** One batch that is being filled; 0 is a batch that is not begun. */
interface Filling {
  phase: BatchPhase;
  number: number;
  builder: BatchBuilder | undefined;
}

/** Files and folders that are gone fill batches of their own, since folders are recycled when they are empty. */
class GoneWriter {
  readonly #transaction: Transaction;
  readonly #key: RunKey;
  readonly #row: RunRow;
  readonly #files: Filling;
  readonly #folders: Filling;
  #last: number;
  #begun = 0;
  #begunFolders = 0;

  constructor(transaction: Transaction, key: RunKey, row: RunRow) {
    this.#transaction = transaction;
    this.#key = key;
    this.#row = row;
    this.#last = row.batches;
    const { fillingGoneBatch, fillingGoneFolderBatch } = row;
    this.#files = { phase: BatchPhase.GONE, number: fillingGoneBatch, builder: undefined };
    this.#folders = { phase: BatchPhase.GONE_FOLDERS, number: fillingGoneFolderBatch, builder: undefined }; // oxfmt-ignore
  }

  async add(
    gone: readonly LedgerEntry[],
    action: ItemAction,
    hasUnreportedItems: boolean,
  ): Promise<void> {
    const paths = hasUnreportedItems ? gone.map(({ path }) => path) : [];
    const unreported = await this.#transaction.unreported(this.#key.task, paths);
    for (const [index, entry] of gone.entries())
      await this.#addOne(entry, action, unreported[index]);
  }

  async #addOne(
    { path, row }: LedgerEntry,
    action: ItemAction,
    unreported: UnreportedRow | undefined,
  ): Promise<void> {
    const filling = row.folder ? this.#folders : this.#files;
    const builder = await this.#open(filling);
    const destinationPath = row.destinationPath || path;
    builder.add({ item: goneItem({ path, row }), action, destinationPath, expected: row, unreported: [unreported] }); // oxfmt-ignore
    if (builder.count < batchItemsMax) return;
    this.#put(filling);
    Object.assign(filling, { number: 0, builder: undefined });
  }

  async #open(filling: Filling): Promise<BatchBuilder> {
    if (filling.builder !== undefined) return filling.builder;
    if (filling.number === 0) {
      filling.number = ++this.#last;
      this.#begun += 1;
      if (filling === this.#folders) this.#begunFolders += 1;
      return (filling.builder = new BatchBuilder());
    }
    const items = await this.#transaction.batchItems({ ...this.#key, batch: filling.number });
    return (filling.builder = new BatchBuilder(decodeBatchItems(items!)));
  }

  #put({ phase, number, builder }: Filling): void {
    const batch = { ...this.#key, batch: number };
    const lease = this.#row.run!.scanOnly ? settledLease() : newLease();
    const { count: items, bytes } = builder!;
    this.#transaction.putBatchItems(batch, builder!.encode());
    this.#transaction.putBatch(batch, create(BatchRowSchema, { lease, phase, items, bytes }));
  }

  /** In a run that only scans no batch is ever open. */
  finish() {
    for (const filling of [this.#files, this.#folders])
      if (filling.builder !== undefined) this.#put(filling);
    const isOpen = !this.#row.run!.scanOnly;
    return {
      batches: this.#begun,
      openGoneBatches: isOpen ? this.#begun : 0,
      waitingGoneBatches: isOpen ? this.#begunFolders : 0,
      fillingGoneBatch: this.#files.number,
      fillingGoneFolderBatch: this.#folders.number,
    };
  }
}

function addToDigest(
  before: GrowingDigest,
  gone: readonly LedgerEntry[],
  action: ItemAction,
): GrowingDigest {
  const digest = new PlanDigest(before);
  for (const entry of gone) {
    const destinationPath = entry.row.destinationPath || entry.path;
    digest.add({ ...goneItem(entry), action, destinationPath, movedFrom: '' });
  }
  return digest.keep();
}

/** An item as the ledger knows it. */
function goneItem({ path, row }: LedgerEntry): ScannedItem {
  const { folder, size, modifiedNs, createdNs, fileId } = row;
  const kind = folder ? ItemKind.FOLDER : ItemKind.FILE;
  const reason = ErrorReason.UNSPECIFIED;
  return { path, kind, size: folder ? 0n : size, modifiedNs, createdNs, fileId, reason, message: '' }; // oxfmt-ignore
}
