// A page of a scan goes into the store: compared with the ledger, planned, cut into batches and counted, in one commit.
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  LedgerRowSchema,
  type LedgerRow,
  type RunRow,
  type TaskRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ScanPageSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ScanPageFrame } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { PlanDigest } from '../../lib/plan-digest.ts';
import { decodeBatchItems, decodeScanPage } from '../plan/decode-columns.ts';
import { replacementDefault } from '../plan/destination-name.ts';
import { destinationRoot } from '../plan/destination-root.ts';
import { JoinedLedger, joinLedger } from '../plan/join-ledger.ts';
import { checkPathOrder, comparePaths } from '../plan/path-order.ts';
import { planItem, type ScannedItem } from '../plan/plan-item.ts';
import { planPage, scannedItems, type PagePlan } from '../plan/plan-page.ts';
import { ReadinessTally } from '../plan/readiness.ts';
import type { Begun, RunKey, Store, StoredEntry, Transaction } from '../store/store.ts';
import { hasPlanDigest, hasReadiness } from '../task/approval.ts';
import { plannedDigest } from '../task/run-digest.ts';
import { checkHolder } from '../task/lease-machine.ts';
import { stepRun, type PlannedPage } from '../task/run-machine.ts';
import { leaveOutInvalidNames } from '../plan/invalid-names.ts';
import { BatchWriter } from './batch-writer.ts';
import { isOfMover } from './find-moves.ts';
import { forgetDates } from './folder-dates.ts';
import { pageFacts } from './page-facts.ts';
import { readColumns } from './read-columns.ts';
import { isSwept, sweepLedger } from './sweep-ledger.ts';
import { withoutUnreported } from './unreported.ts';

/**
 * Puts a page into the store and answers with the run after it, before it is written: the next page can be put in then. A page that is
 * stored already changes nothing. What the ledger has in its range is compared first, in as many commits as that takes. Throws LEASE_LOST when the sender does not hold the scan, or when pages are
 * missing before this one, and INVALID_ARGUMENT or LIMIT_EXCEEDED when the page is malformed.
 */
export async function commitPage(
  store: Store,
  key: RunKey,
  frame: ScanPageFrame,
  nowMs: number,
): Promise<Begun<RunRow>> {
  let items: readonly ScannedItem[] | undefined;
  for (;;) {
    const { result: row, written } = await store.begin((transaction) => {
      // Taken apart when its turn has come: hundreds of agents may scan at once.
      items ??= scannedItems(
        readColumns(ScanPageSchema, frame.items, 'scan_page.items', decodeScanPage),
      );
      return storePage(transaction, { key, frame, found: items, nowMs });
    });
    if (row !== undefined) return { result: row, written };
  }
}

/** A page and what it is stored by. */
interface StoredPage {
  key: RunKey;
  frame: ScanPageFrame;
  found: readonly ScannedItem[];
  nowMs: number;
}

/** Undefined when more of the ledger has to be compared before the page can be planned. */
async function storePage(
  transaction: Transaction,
  { key, frame, found: scanned, nowMs }: StoredPage,
): Promise<RunRow | undefined> {
  const [found, before] = await Promise.all([transaction.task(key.task), transaction.run(key)]);
  if (found === undefined || before === undefined) throw lost('its task was deleted');
  const { lease, lastPage, lastPath } = before.scan!;
  checkHolder(lease!, frame.key!.generation);
  if (frame.page <= lastPage) return before;
  if (frame.page !== lastPage + 1n) throw lost(`page ${frame.page} came too early`);
  const task = lastPage === 0n ? await withoutUnreported(transaction, key.task, found) : found;
  const items = leaveOutInvalidNames(scanned, before.run!.settings);
  const paths = items.map(({ path }) => path);
  checkPathOrder(paths, lastPath);
  let row = before;
  let ledger = new JoinedLedger([]);
  if (isSwept(key, row) && items.length > 0) {
    const { hasUnreportedItems } = task;
    const swept = await sweepLedger(transaction, key, { row, items, hasUnreportedItems, nowMs });
    if (!swept.isWhole) {
      transaction.putRun(key, swept.row);
      return undefined;
    }
    ledger = await ledgerOf(transaction, key, { row, items, entries: swept.entries });
    row = swept.row;
  } else if (key.run > 1) ledger = joinedRows(paths, await transaction.ledger(key.task, paths));
  const { unchanged } = ledger;
  const facts = await pageFacts(transaction, key, { task, row, items, ledger, unchanged });
  const filling = await readFilling(transaction, key, row.fillingFolderBatch);
  const digest = hasPlanDigest(row) ? new PlanDigest(plannedDigest(row)) : undefined;
  const readiness = hasReadiness(row) ? await readinessOf(transaction, key, row, task) : undefined;
  // Before a task's second run no folder has its dates, and a run that only scans writes nothing.
  const isDated = key.run > 1 && !row.run!.scanOnly;
  const touched = isDated ? { sources: new Set<string>(), places: new Set<string>() } : undefined;
  const plan = planPage(items, ledger, filling, {
    ...facts,
    unchanged,
    digest,
    readiness,
    touched,
  });
  const undatedFolders = touched ? await forgetDates(transaction, key.task, touched) : 0;
  if (readiness !== undefined) transaction.putReadiness(key, readiness.keep());
  const taken = new Set([...facts.beingMoved, ...facts.others.own]);
  await refreshLedger(transaction, key, { items, ledger, taken });
  const planned = {
    ...countPage(plan, frame.page, row.run!.scanOnly),
    lastDestinationPath: facts.lastDestinationPath,
    otherKindFolder: facts.others.lastFolder,
    digest: digest?.keep(),
    undatedFolders,
  };
  const next = stepRun(row, { kind: 'plan-page', planned }, nowMs);
  const writer = new BatchWriter(transaction, key, row, row.run!.scanOnly);
  next.fillingFolderBatch = writer.write(plan);
  transaction.putRun(key, next);
  return next;
}

/** The rows of the page's items: the comparison has just read most, and all in an ordinary page. */
async function ledgerOf(
  transaction: Transaction,
  { task }: RunKey,
  { row, items, entries }: { row: RunRow; items: readonly ScannedItem[]; entries: readonly StoredEntry[] }, // oxfmt-ignore
): Promise<JoinedLedger> {
  const { sweptPath } = row.scan!;
  const isRead = sweptPath === '' || comparePaths(items[0]!.path, sweptPath) > 0;
  if (isRead) return joinLedger(items, entries);
  const paths = items.map(({ path }) => path);
  const earlier = paths.filter((path) => comparePaths(path, sweptPath) <= 0);
  const later = joinLedger(items.slice(earlier.length), entries);
  const rows = await transaction.ledgerRows(task, earlier);
  return joinedRows(paths, [...rows, ...paths.slice(earlier.length).map((_, at) => later.at(at))]);
}

/** Rows that were read one by one, each looked at as a whole. */
function joinedRows(
  paths: readonly string[],
  rows: readonly (LedgerRow | undefined)[],
): JoinedLedger {
  return new JoinedLedger(rows.map((row, index) => row && { path: paths[index]!, row }));
}

/**
 * What is back at the source is gone no more, and what has another file id without having changed is found by that from now on; but for those
 * rows whose paths something else has, at the indexes `taken`.
 */
async function refreshLedger(
  transaction: Transaction,
  { task, run }: RunKey,
  { items, ledger, taken }: { items: readonly ScannedItem[]; ledger: JoinedLedger; taken: ReadonlySet<number> }, // oxfmt-ignore
): Promise<void> {
  for (let index = 0; index < items.length; index += 1) {
    if (ledger.unchanged.has(index) || taken.has(index)) continue;
    const item = items[index]!;
    const row = ledger.at(index);
    if (row === undefined) continue;
    const hasOther = item.fileId !== 0n && item.fileId !== row.fileId;
    if (row.goneRun === 0 && !hasOther) continue;
    const isSame = planItem(item, row).reason === ErrorReason.UNCHANGED;
    if (row.goneRun === 0 && !isSame) continue;
    // The file that was here may have another path by now, and must be found by its id there.
    const ownId = hasOther ? (isSame ? item.fileId : 0n) : row.fileId;
    const [found] = ownId === 0n ? [] : await transaction.fileIds(task, [ownId]);
    const fileId = isOfMover(found, item.path, run) ? 0n : ownId;
    if (fileId === 0n) await forgetFileId(transaction, task, row.fileId, item.path);
    transaction.putLedger(task, item.path, create(LedgerRowSchema, { ...row, goneRun: 0, fileId }));
  }
}

/** Nothing has the id at this path any more; but what is being moved away from it is known by it until that is done. */
async function forgetFileId(
  transaction: Transaction,
  task: string,
  id: bigint,
  itemPath: string,
): Promise<void> {
  const [found] = id === 0n ? [] : await transaction.fileIds(task, [id]);
  if (found?.mover === '') await transaction.dropFileId(task, id, itemPath);
}

async function readFilling(transaction: Transaction, key: RunKey, batch: number) {
  if (batch === 0) return undefined;
  const items = await transaction.batchItems({ ...key, batch });
  return items === undefined ? undefined : decodeBatchItems(items);
}

/** What was counted up to the page. */
async function readinessOf(transaction: Transaction, key: RunKey, row: RunRow, task: TaskRow) {
  const root = destinationRoot(parseLocation(task.task!.destination, 'task.destination'));
  const { settings, createTime } = row.run!;
  return new ReadinessTally(await transaction.readiness(key), {
    rootLength: root?.length,
    isLibrary: root?.isLibrary === true,
    replacement: settings?.invalidCharacterReplacement ?? replacementDefault,
    nowMs: timestampMs(createTime!),
  });
}

/** In a run that only scans no batch is ever open: they are all settled as they are cut. */
function countPage(
  plan: PagePlan,
  page: bigint,
  scanOnly: boolean,
): Omit<PlannedPage, 'lastDestinationPath' | 'otherKindFolder'> {
  const settled = plan.settled === undefined ? 0 : 1;
  return {
    page,
    lastPath: plan.lastPath,
    scannedItems: plan.scannedItems,
    scannedBytes: plan.scannedBytes,
    plannedItems: plan.plannedItems,
    plannedBytes: plan.plannedBytes,
    filtered: plan.filtered,
    counts: plan.counts,
    skippedItems: plan.settled?.skipped ?? 0,
    failedItems: plan.settled?.failed ?? 0,
    batches: plan.transfers.length + plan.late.length + plan.folders.length + settled,
    openTransferBatches: scanOnly ? 0 : plan.transfers.length,
    openLateBatches: scanOnly ? 0 : plan.late.length,
    openFolderBatches: scanOnly ? 0 : plan.folders.length,
  };
}

function lost(why: string): DroverError {
  return new DroverError(ErrorReason.LEASE_LOST, `the lease is lost: ${why}`);
}
