// A page of the scan beside the rows of the ledger in the same range, both in path order: which item has which row, and of which files a
// look at the row is all that is needed. PURE.
import type { LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { LedgerEntry, StoredEntry } from '../store/store.ts';
import { comparePaths } from './path-order.ts';
import type { ScannedItem } from './plan-item.ts';
import type { PageLedger } from './plan-page.ts';

/** The ledger's rows of the items of a page. */
export class JoinedLedger implements PageLedger {
  /** The indexes of files that are as their rows say, and at the destination under their own paths. */
  readonly unchanged: ReadonlySet<number>;
  readonly #entries: readonly (LedgerEntry | undefined)[];

  constructor(
    entries: readonly (LedgerEntry | undefined)[],
    unchanged: ReadonlySet<number> = new Set(),
  ) {
    this.#entries = entries;
    this.unchanged = unchanged;
  }

  at(index: number): LedgerRow | undefined {
    return this.#entries[index]?.row;
  }
}

/** Finds the row of each item among these, which are in path order as the items are. */
export function joinLedger(
  items: readonly ScannedItem[],
  entries: readonly StoredEntry[],
): JoinedLedger {
  const unchanged = new Set<number>();
  let next = 0;
  const joined = items.map((item, index) => {
    const { path } = item;
    for (; next < entries.length; next += 1) {
      const entry = entries[next]!;
      if (entry.path === path) {
        next += 1;
        if (isPlainFile(item) && entry.isSameFile(item)) unchanged.add(index);
        return entry;
      }
      if (comparePaths(entry.path, path) > 0) return undefined;
    }
    return undefined;
  });
  return new JoinedLedger(joined, unchanged);
}

function isPlainFile({ kind, reason }: ScannedItem): boolean {
  return kind === ItemKind.FILE && reason === ErrorReason.UNSPECIFIED;
}
