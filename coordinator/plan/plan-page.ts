// A page of the scan becomes batches: those that agents work on, and one of what the plan settles itself. PURE.
import { parentFolder } from '../../lib/parent-folder.ts';
import type { LedgerRow, PlanCounts, UnreportedRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchItems, ItemRemark, ScanPage } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { PlanDigest, RecordedItem } from '../../lib/plan-digest.ts';
import {
  BatchBuilder,
  batchBytesMax,
  batchItemsMax,
  weightOf,
  type BatchItem,
} from './batch-builder.ts';
import { encodeSettledResults } from './encode-columns.ts';
import type { Origin } from './moves.ts';
import { PlanCounter } from './plan-counts.ts';
import { planItem, unchangedDecision, type Decision, type ItemFacts, type ScannedItem } from './plan-item.ts'; // oxfmt-ignore
import type { ItemPlace } from './item-place.ts';
import { tally, type RuleTally } from './rule-tally.ts';
import type { ReadinessTally } from './readiness.ts';

/** Actions that agents have to do something for. */
const writes = new Set<ItemAction>([ItemAction.CREATE, ItemAction.UPDATE, ItemAction.MOVE]);

/** The most items in a page of a scan. */
export const scanPageItemsMax = 2000;

/** A batch for agents. */
export interface PlannedBatch {
  phase: BatchPhase;
  items: Uint8Array;
  count: number;
  bytes: bigint;
}

/** What the plan settled: encoded items and results, and how many of each. */
export interface SettledBatch {
  items: Uint8Array;
  results: Uint8Array;
  count: number;
  skipped: number;
  failed: number;
}

export interface PagePlan {
  lastPath: string;
  scannedItems: number;
  scannedBytes: bigint;
  plannedItems: number;
  plannedBytes: bigint;
  transfers: PlannedBatch[];
  /** What has to wait until its place at the destination was vacated. */
  late: PlannedBatch[];
  /** The folder batch that was being filled, with more folders in it; undefined when nothing was added. */
  filledFolders: PlannedBatch | undefined;
  /** Folder batches beside it, all full but perhaps the last. */
  folders: PlannedBatch[];
  settled: SettledBatch | undefined;
  /** What filters left out, by rule. */
  filtered: ReadonlyMap<string, RuleTally>;
  /** What is planned, by what it costs. */
  counts: PlanCounts;
}

/** What is known of the items of a page beside scan and ledger; what is absent is known of none. */
export interface PageFacts {
  /** Where each goes at a destination that has rules for names; absent where names stay as they are. */
  places?: readonly (ItemPlace | undefined)[] | undefined;
  /** Where each was before it was renamed or moved. */
  origins?: readonly (Origin | undefined)[];
  /** The indexes of those that have to wait until their place at the destination was vacated. */
  late?: ReadonlySet<number>;
  /** The indexes of those whose name at the destination is that of another item, which is being moved. */
  held?: ReadonlySet<number>;
  /** What agents may have written of each and not reported; several rows where it had another path. */
  unreported?: readonly (readonly (UnreportedRow | undefined)[] | undefined)[];
  /** The indexes of files that are known to be those of the ledger's rows, which need not be looked at then: most, in most runs. */
  unchanged?: ReadonlySet<number>;
  /** Gets a record of each item, where the plan has a digest. */
  digest?: PlanDigest | undefined;
  /** Counts each item, where the run has a readiness. */
  readiness?: ReadinessTally | undefined;
  /** Gets the folders that something is to be written into or moved out of. */
  touched?: TouchedFolders | undefined;
}

/** Folders of which the dates change at the destination. */
export interface TouchedFolders {
  /** Their paths at the source. */
  sources: Set<string>;
  /** What something is taken out of, by its path at the destination: the folder at the source may have another name by now. */
  places: Set<string>;
}

/** The ledger's rows of the items of a page by their indexes; undefined where there is none. An array is one. */
export interface PageLedger {
  at(index: number): LedgerRow | undefined;
}

/** Plans the items of a page. `filling` is the folder batch that has room left, if any. */
export function planPage(
  items: readonly ScannedItem[],
  ledger: PageLedger,
  filling: BatchItems | undefined,
  {
    places,
    origins,
    late,
    held,
    unreported,
    unchanged,
    digest,
    readiness,
    touched,
  }: PageFacts = {},
): PagePlan {
  const planner = new PagePlanner(filling, { digest, readiness, touched });
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index]!;
    const place = places?.[index];
    const isLate = late?.has(index) === true;
    const isHeld = held?.has(index) === true;
    // Also what looks unchanged has to be written where something else is moved away.
    const isUncertain = isLate || unreported?.[index]?.some((row) => row !== undefined) === true;
    const isRefused = isHeld || (place !== undefined && 'refused' in place);
    if (unchanged?.has(index) === true && !isUncertain && !isRefused) {
      planner.addUnchanged(item);
      continue;
    }
    planner.add(item, ledger.at(index), {
      place,
      origin: origins?.[index],
      isHeld,
      isUncertain,
      unreported: unreported?.[index],
      isLate,
    });
  }
  return planner.finish();
}

/**
 * The items of a page. Throws LIMIT_EXCEEDED when the page has too many, INVALID_ARGUMENT when its columns do not fit together; only a
 * broken agent sends such a page.
 */
export function scannedItems(page: ScanPage): ScannedItem[] {
  checkColumns(page);
  const remarks = new Map(page.remark.map((remark) => [remark.index, remark]));
  return page.path.map((_path, index) => itemAt(page, index, remarks.get(index)));
}

class PagePlanner {
  readonly #transfers = new BatchCutter();
  readonly #late = new BatchCutter();
  readonly #folders: BatchBuilder[] = [];
  readonly #settled = new BatchBuilder();
  readonly #decisions: Decision[] = [];
  readonly #filtered = new Map<string, RuleTally>();
  readonly #filling: BatchBuilder | undefined;
  #lastPath = '';
  #scannedItems = 0;
  #scannedBytes = 0n;
  #plannedItems = 0;
  #plannedBytes = 0n;
  #filled = false;
  readonly #counter = new PlanCounter();
  readonly #learners: Learners;

  constructor(filling: BatchItems | undefined, learners: Learners) {
    this.#learners = learners;
    this.#filling = filling === undefined ? undefined : new BatchBuilder(filling);
  }

  add(
    item: ScannedItem,
    ledger: LedgerRow | undefined,
    facts: ItemFacts & Pick<BatchItem, 'unreported'> & { isLate: boolean },
  ): void {
    const { place, isLate } = facts;
    this.#count(item);
    const decision = planItem(item, ledger, facts);
    const path = place !== undefined && 'path' in place ? place.path : migratedPath(item, ledger);
    const { action } = decision;
    this.#learners.digest?.add(recorded(item, decision, path, facts.origin));
    this.#learners.readiness?.add(item, decision, path);
    if (!writes.has(action)) {
      this.#settle(item, decision, path);
      tally(this.#filtered, item, decision);
      return;
    }
    this.#plannedItems += 1;
    const isSame = !isLate && isSameFolder(item, path, ledger);
    this.#counter.add(item, action, isSame, ledger?.dated);
    this.#touch(item, action, facts.origin);
    const added = addition(item, action, { path, ledger, facts });
    if (item.kind === ItemKind.FILE) this.#plannedBytes += item.size;
    if (item.kind === ItemKind.FOLDER) this.#addFolder(added);
    if (isLate) this.#late.add(added);
    else if (item.kind !== ItemKind.FOLDER || action === ItemAction.CREATE) this.#transfers.add(added); // oxfmt-ignore
  }

  /** What is written or made anew changes the date of the folder it is in, and what is moved that of the one it was in, too. */
  #touch({ kind, path }: ScannedItem, action: ItemAction, origin: Origin | undefined): void {
    const { touched } = this.#learners;
    if (touched === undefined || (kind === ItemKind.FOLDER && action !== ItemAction.CREATE)) return;
    touched.sources.add(parentFolder(path));
    if (action !== ItemAction.MOVE || origin === undefined) return;
    touched.sources.add(parentFolder(origin.path));
    touched.places.add(parentFolder(origin.row.destinationPath || origin.path));
  }

  /** A file that is at the destination under its own path, as the source has it. */
  addUnchanged(item: ScannedItem): void {
    this.#count(item);
    this.#learners.digest?.add(recorded(item, unchangedDecision, item.path));
    this.#learners.readiness?.add(item, unchangedDecision, item.path);
    this.#settle(item, unchangedDecision, item.path);
  }

  #count(item: ScannedItem): void {
    this.#lastPath = item.path;
    this.#scannedItems += 1;
    this.#scannedBytes += item.size;
  }

  #settle(item: ScannedItem, decision: Decision, destinationPath: string): void {
    this.#settled.add({ item, action: decision.action, destinationPath });
    this.#decisions.push(decision);
  }

  /**
   * A folder is dated and reported in the folder phase. A new one is made in the transfer phase before, so that it is the task's own; one that was
   * there is no work in that phase, and is made again in the folder phase if it is gone.
   */
  #addFolder(added: BatchItem): void {
    if (this.#filling !== undefined && this.#filling.count < batchItemsMax) {
      this.#filling.add(added);
      this.#filled = true;
      return;
    }
    const last = this.#folders.at(-1);
    const target = last !== undefined && last.count < batchItemsMax ? last : new BatchBuilder();
    if (target !== last) this.#folders.push(target);
    target.add(added);
  }

  finish(): PagePlan {
    return {
      counts: this.#counter.finish(),
      lastPath: this.#lastPath,
      scannedItems: this.#scannedItems,
      scannedBytes: this.#scannedBytes,
      plannedItems: this.#plannedItems,
      plannedBytes: this.#plannedBytes,
      transfers: this.#transfers.finish().map((batch) => planned(batch, BatchPhase.TRANSFER)),
      late: this.#late.finish().map((batch) => planned(batch, BatchPhase.LATE)),
      filledFolders: this.#filled ? planned(this.#filling!, BatchPhase.FOLDERS) : undefined,
      folders: this.#folders.map((batch) => planned(batch, BatchPhase.FOLDERS)),
      settled: this.#settled.count === 0 ? undefined : this.#finishSettled(),
      filtered: this.#filtered,
    };
  }

  #finishSettled(): SettledBatch {
    const failed = this.#decisions.filter(({ action }) => action === ItemAction.FAIL).length;
    return {
      items: this.#settled.encode(),
      results: encodeSettledResults(this.#decisions),
      count: this.#decisions.length,
      skipped: this.#decisions.length - failed,
      failed,
    };
  }
}

/** What learns of each item as it is planned. */
type Learners = Pick<PageFacts, 'digest' | 'readiness' | 'touched'>;

/** Cuts items into batches; a large file is a batch of its own. */
class BatchCutter {
  readonly #batches: BatchBuilder[] = [];
  #current = new BatchBuilder();

  add(added: BatchItem): void {
    const weight = weightOf(added);
    if (weight >= batchBytesMax) {
      const alone = new BatchBuilder();
      alone.add(added);
      this.#batches.push(alone);
      return;
    }
    if (!this.#current.hasRoom(weight)) this.#cut();
    this.#current.add(added);
  }

  #cut(): void {
    if (this.#current.count === 0) return;
    this.#batches.push(this.#current);
    this.#current = new BatchBuilder();
  }

  /** All batches; nothing is added after it. */
  finish(): readonly BatchBuilder[] {
    this.#cut();
    return this.#batches;
  }
}

function recorded(
  { path, kind, size, modifiedNs }: ScannedItem,
  { action, reason }: Decision,
  destinationPath: string,
  origin?: Origin,
): RecordedItem {
  const movedFrom = action === ItemAction.MOVE ? (origin?.path ?? '') : '';
  return { path, kind, action, size, modifiedNs, destinationPath, movedFrom, reason };
}

/** Where names stay as they are, only what was kept beside something else is not at the path that it has at the source. */
function migratedPath({ path, kind }: ScannedItem, ledger: LedgerRow | undefined): string {
  const isSameKind = ledger?.folder === (kind === ItemKind.FOLDER);
  return (isSameKind && ledger?.destinationPath) || path;
}

/** A folder that is as it was when it was written, and is to be where it was. */
export function isSameFolder(
  item: Pick<ScannedItem, 'kind' | 'path' | 'modifiedNs' | 'createdNs'>,
  path: string,
  ledger: LedgerRow | undefined,
): boolean {
  if (item.kind !== ItemKind.FOLDER || ledger?.folder !== true) return false;
  const isDated = ledger.modifiedNs === item.modifiedNs && ledger.createdNs === item.createdNs;
  return isDated && path === (ledger.destinationPath || item.path);
}

/** An item as it goes into a batch; one that is no folder with what is expected to stand at the destination, and what else may stand there and is ours. */
function addition(
  item: ScannedItem,
  action: ItemAction,
  { path: destinationPath, ledger, facts }: { path: string; ledger: LedgerRow | undefined; facts: ItemFacts & Pick<BatchItem, 'unreported'> }, // oxfmt-ignore
): BatchItem {
  const isFolder = item.kind === ItemKind.FOLDER;
  const isMove = action === ItemAction.MOVE;
  const before = action === ItemAction.UPDATE ? ledger : undefined;
  return {
    item,
    action,
    destinationPath,
    expected: isFolder ? undefined : isMove ? facts.origin!.row : before,
    origin: !isFolder && isMove ? facts.origin : undefined,
    unreported: isFolder ? undefined : facts.unreported,
  };
}

function planned(batch: BatchBuilder, phase: BatchPhase): PlannedBatch {
  return { phase, items: batch.encode(), count: batch.count, bytes: batch.bytes };
}

function itemAt(page: ScanPage, index: number, remark: ItemRemark | undefined): ScannedItem {
  return {
    path: page.path[index]!,
    kind: page.kind[index]!,
    size: page.size[index]!,
    modifiedNs: page.modifiedNs[index]!,
    createdNs: page.createdNs[index]!,
    fileId: page.fileId[index]!,
    reason: remark?.reason ?? ErrorReason.UNSPECIFIED,
    message: remark?.message ?? '',
    rule: remark?.rule,
  };
}

function checkColumns(page: ScanPage): void {
  if (page.path.length > scanPageItemsMax)
    throw new DroverError(
      ErrorReason.LIMIT_EXCEEDED,
      `a scan page has ${page.path.length} items, more than ${scanPageItemsMax}`,
    );
  const columns = [page.kind, page.size, page.modifiedNs, page.createdNs, page.fileId];
  if (columns.every((column) => column.length === page.path.length)) return;
  throw DroverError.invalid('scan_page.items', 'has columns that differ in length');
}
