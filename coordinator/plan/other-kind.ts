// Folders that became files, and files that became folders: what was migrated has to go before what has its path now can be written. PURE.
import type { LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { settleItem, type ScannedItem } from './plan-item.ts';
import type { PageLedger } from './plan-page.ts';

/** Whether what was migrated at the path of an item is a folder and the item is a file, or the reverse. */
export function isOtherKind(item: ScannedItem, row: LedgerRow | undefined): boolean {
  if (row === undefined || settleItem(item) !== undefined) return false;
  return row.folder !== (item.kind === ItemKind.FOLDER);
}

/** The items of a page that have to wait until something of another kind is gone from the destination. */
export interface OtherKinds {
  /** The indexes of those whose own path it has. */
  own: ReadonlySet<number>;
  /** The indexes of those in a folder that was a file. */
  below: ReadonlySet<number>;
  /** The last folder of the page that was a file: what is in it may go on in the next page; empty when nothing can. */
  lastFolder: string;
}

/** Finds them; `lastFolder` is that of the page before, `unchanged` has the indexes of files that are files in the ledger. */
export function otherKinds(
  items: readonly ScannedItem[],
  ledger: PageLedger,
  lastFolder: string,
  unchanged: ReadonlySet<number> = new Set(),
): OtherKinds {
  const own = new Set<number>();
  const below = new Set<number>();
  let folder = lastFolder;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index]!;
    const isBelow = folder !== '' && item.path.startsWith(`${folder}/`);
    if (isBelow) below.add(index);
    else folder = '';
    if (unchanged.has(index) || !isOtherKind(item, ledger.at(index))) continue;
    own.add(index);
    // What is in a folder comes right after it.
    if (!isBelow && item.kind === ItemKind.FOLDER) folder = item.path;
  }
  return { own, below, lastFolder: folder };
}
