// Why an item is at the destination, or is not: the ledger's row of it, and what the latest runs did about it.
import { create } from '@bufbuild/protobuf';
import type { LedgerRow, RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  ExplainItemResponseSchema,
  ItemAction,
  ItemInRunSchema,
  ItemKind,
  ItemSighting,
  ItemState,
  ItemVerification,
  MigratedItemSchema,
  type ExplainItemRequest,
  type ExplainItemResponse,
  type Item,
  type ItemInRun,
  type MigratedItem,
} from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { comparePaths } from '../plan/path-order.ts';
import { explanationAdvice, explanationSummary } from '../report/explanation.ts';
import { timestampFromNanoseconds } from '../report/item-rows.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { parseTaskName, runName } from '../task/names.ts';
import { isRunOpen } from '../task/run-states.ts';
import { findItem } from './find-item.ts';
import { requireTask } from './lookup.ts';

/** How many runs are told of, at most. */
const runsMax = 10;
const pathLengthMax = 32_767;

/** Throws NOT_FOUND when there is no such task, INVALID_ARGUMENT for what is no path. */
export async function explainItem(
  store: Reader,
  request: ExplainItemRequest,
): Promise<ExplainItemResponse> {
  const task = parseTaskName(request.parent, 'parent');
  const path = readPath(request.path);
  const { latestRun } = await requireTask(store, task);
  const runs: ItemInRun[] = [];
  for (let run = latestRun; run > Math.max(latestRun - runsMax, 0); run -= 1) {
    const row = await store.run({ task, run });
    if (row !== undefined) runs.push(await itemInRun(store, { task, run }, row, path));
  }
  const [ledger] = await store.ledger(task, [path]);
  const migrated = ledger && (await migratedItem(store, task, path, ledger));
  const facts = { path, migrated, runs };
  return create(ExplainItemResponseSchema, {
    summary: explanationSummary(facts),
    advice: explanationAdvice(facts),
    ...(migrated === undefined ? {} : { migrated }),
    runs,
  });
}

/** People copy paths with slashes at their ends. */
function readPath(text: string): string {
  const path = text.replaceAll(/^\/+|\/+$/g, '');
  if (path === '') throw DroverError.invalid('path', 'is missing');
  if (path.length <= pathLengthMax) return path;
  throw DroverError.invalid('path', `has more than ${pathLengthMax} characters`);
}

async function itemInRun(
  store: Reader,
  key: RunKey,
  row: RunRow,
  path: string,
): Promise<ItemInRun> {
  const told = create(ItemInRunSchema, {
    run: runName(key),
    runState: row.run!.state,
    scanOnly: row.run!.scanOnly,
  });
  const found = await findItem(store, key, row, path);
  if (found !== undefined)
    return Object.assign(told, { sighting: ItemSighting.FOUND, item: found });
  const above = await folderAbove(store, key, row, path);
  if (above !== undefined)
    return Object.assign(told, { sighting: ItemSighting.FOLDER_ABOVE, item: above });
  const isLookedAt = await isInList(store, key, row, path);
  const sighting = isLookedAt ? sightingOf(row, path) : ItemSighting.NOT_RETRIED;
  return Object.assign(told, { sighting });
}

/** Whether the run looks for the item at all: one that tries again looks for what had failed only. */
async function isInList(store: Reader, key: RunKey, row: RunRow, path: string): Promise<boolean> {
  const { retry } = row.scan!;
  if (retry === undefined) return true;
  const retried = { ...key, run: retry.run };
  const before = await store.run(retried);
  const item = before && (await findItem(store, retried, before, path));
  return item?.state === ItemState.FAILED;
}

/** The nearest folder above that the scan found, if it did not go into it. */
async function folderAbove(
  store: Reader,
  key: RunKey,
  row: RunRow,
  path: string,
): Promise<Item | undefined> {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const item = await findItem(store, key, row, path.slice(0, cut));
    if (item === undefined) continue;
    const isLeftOut = item.action === ItemAction.SKIP || item.action === ItemAction.FAIL;
    return isLeftOut ? item : undefined;
  }
  return undefined;
}

function sightingOf({ run, scan }: RunRow, path: string): ItemSighting {
  const lastPath = scan?.lastPath ?? '';
  const hasPassed = lastPath !== '' && comparePaths(path, lastPath) < 0;
  if (run!.progress!.scanComplete || hasPassed) return ItemSighting.NOT_AT_SOURCE;
  return isRunOpen(run!.state) ? ItemSighting.NOT_YET : ItemSighting.ENDED_BEFORE;
}

async function migratedItem(
  store: Reader,
  task: string,
  path: string,
  ledger: LedgerRow,
): Promise<MigratedItem> {
  const key = { task, run: ledger.run };
  const row = await store.run(key);
  const item = row && (await findItem(store, key, row, path));
  const runTime = row?.run!.endTime ?? row?.run!.startTime;
  // Older rows do not say how they were proved, but their runs do.
  const verification = ledger.verification || (item?.verification ?? ItemVerification.UNSPECIFIED);
  const wasHashed = !ledger.folder;
  return create(MigratedItemSchema, {
    run: runName(key),
    ...(runTime === undefined ? {} : { runTime }),
    kind: ledger.folder ? ItemKind.FOLDER : ItemKind.FILE,
    size: ledger.folder ? 0n : ledger.size,
    modifiedTime: timestampFromNanoseconds(ledger.modifiedNs),
    destinationPath: ledger.destinationPath || path,
    destinationId: ledger.destinationId,
    destinationVersion: ledger.destinationVersion,
    destinationModifiedTime: timestampFromNanoseconds(ledger.destinationModifiedNs),
    sha256: wasHashed ? Buffer.from(ledger.sha256).toString('hex') : '',
    quickXorHash: wasHashed ? Buffer.from(ledger.quickXorHash).toString('base64') : '',
    verification,
  });
}
