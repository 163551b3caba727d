// Which new items of a page are old ones at new paths. PURE.
//
// The source's own id of a file stays when it is renamed. A second name of the same file has the same id, so an item is only moved
// when its old path is gone. Of paths that the scan has passed it is known whether they are; of a path that it comes to later, the
// agent looks. Each old path is moved to one new one at most, and as long as that is not done, no other file is written there.
import type { FileIdRow, LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { comparePaths } from './path-order.ts';
import { settleItem, type ScannedItem } from './plan-item.ts';

/** Where an item was when it was migrated. */
export interface Origin {
  path: string;
  row: LedgerRow;
  /** The scan has passed the path, and it was not there. */
  isGone: boolean;
}

/** What the index of file ids has of an item. */
export interface FoundId {
  index: FileIdRow;
  /** The ledger's row of the path in it; undefined when there is none. */
  row: LedgerRow | undefined;
}

/** Whether an item may be one that was renamed or moved: it is new, and has an id that it can be found by. */
export function mayBeMoved(item: ScannedItem, ledger: LedgerRow | undefined): boolean {
  return ledger === undefined && item.fileId !== 0n && settleItem(item) === undefined;
}

/** Whether the path of an item has another file now than the one that was migrated. */
export function isReplaced(item: ScannedItem, ledger: LedgerRow | undefined): boolean {
  if (ledger === undefined || ledger.folder || item.kind !== ItemKind.FILE) return false;
  return item.fileId !== 0n && ledger.fileId !== 0n && item.fileId !== ledger.fileId;
}

/** Finds the origins of the new items of one page, one after the other. */
export class MoveFinder {
  readonly #run: number;
  readonly #isSwept: boolean;
  readonly #items: readonly ScannedItem[];
  readonly #lastPath: string;
  #paths: ReadonlySet<string> | undefined;
  readonly #taken = new Set<string>();

  /** `isSwept` is whether the run looks for what is gone; else nothing is known of any old path, and agents look. */
  constructor(run: number, items: readonly ScannedItem[], isSwept: boolean) {
    this.#run = run;
    this.#isSwept = isSwept;
    this.#items = items;
    this.#lastPath = items.at(-1)?.path ?? '';
  }

  /** Where the item was; undefined when it is a new one. */
  find(item: ScannedItem, { index, row }: FoundId): Origin | undefined {
    const { path } = index;
    if (row === undefined || row.fileId !== item.fileId || !isSame(item, row)) return undefined;
    const isOfRun = index.run === this.#run;
    const isTaken = this.#taken.has(path) || (isOfRun && index.mover !== '');
    // Most pages have nothing that was moved.
    this.#paths ??= new Set(this.#items.map((one) => one.path));
    if (isTaken || this.#paths.has(path)) return undefined;
    const isGone = (isOfRun && index.gone) || row.goneRun !== 0;
    const isPassed = this.#isSwept && comparePaths(path, this.#lastPath) <= 0;
    if (!isGone && isPassed) return undefined;
    this.#taken.add(path);
    return { path, row, isGone };
  }
}

/** Whether the run is about to move away what stands at the destination for this path. */
export function isBeingMoved(path: string, index: FileIdRow | undefined, run: number): boolean {
  if (index?.path !== path || index.run !== run) return false;
  return index.mover !== '' && !index.moveFailed;
}

/** Whether two items with the same id may be one by when they were created: ids are given again once they are free. */
export function isSameAge(oneNs: bigint, otherNs: bigint): boolean {
  return oneNs === 0n || otherNs === 0n || oneNs === otherNs;
}

/** Whether the scan's facts prove that an item is the same file as before. */
export function isCertain({ createdNs }: ScannedItem, { row }: Origin): boolean {
  return createdNs !== 0n && createdNs === row.createdNs;
}

function isSame({ kind, size, modifiedNs, createdNs }: ScannedItem, row: LedgerRow): boolean {
  if (kind === ItemKind.FOLDER) return row.folder && isSameAge(createdNs, row.createdNs);
  return !row.folder && row.size === size && row.modifiedNs === modifiedNs;
}
