// What the ledger has and the scan has not: it is gone from the source, unless the scan could not see it. So is a folder that became a file,
// and the reverse. PURE.
//
// A scan says of every folder that it did not look into that it did not, by giving it a reason. Of the folders that lead down to where
// a broken scan goes on, it says nothing, because it told of them before: of these, only those count as looked into below which
// something comes after all.
import type { LedgerEntry, StoredEntry } from '../store/store.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isOtherKind } from './other-kind.ts';
import { comparePaths } from './path-order.ts';
import type { ScannedItem } from './plan-item.ts';

/** A row; one that was read from the store can be compared without being taken apart. */
type SweptEntry = LedgerEntry & Partial<Pick<StoredEntry, 'isSameFile'>>;

/** A part of the ledger, and what the scan found in the same range of paths. */
export interface SweepRequest {
  /** The rows, in path order. */
  rows: readonly SweptEntry[];
  /** The page, whose first path comes next after `lastPath`; empty at the end of the scan. */
  items: readonly ScannedItem[];
  /** The last path of the page before; empty before the first. */
  lastPath: string;
  /** See ScanRow. */
  unlistedPath: string;
}

/** Those rows whose paths are gone from the source. */
export function goneEntries({ rows, items, lastPath, unlistedPath }: SweepRequest): LedgerEntry[] {
  const before = unlistedBefore(lastPath, unlistedPath, items[0]?.path);
  let next = 0;
  let unlisted = before;
  return rows.filter((entry) => {
    const { path } = entry;
    // The nearest item at or before the row: what is below an item comes right after it.
    for (let isFound = false; !isFound && next < items.length; next += 1) {
      const item = items[next]!;
      isFound = item.path === path;
      if (!isFound && comparePaths(item.path, path) > 0) break;
      unlisted = mayHide(item) ? item.path : '';
    }
    const isFound = next > 0 && items[next - 1]!.path === path;
    return isFound ? isReplaced(items[next - 1]!, entry) : !isBelow(path, unlisted);
  });
}

/** Of nearly all files it is seen without taking the row apart that they are files still. */
function isReplaced(item: ScannedItem, entry: SweptEntry): boolean {
  const isFile = item.kind === ItemKind.FILE && entry.isSameFile?.(item) === true;
  return !isFile && isOtherKind(item, entry.row);
}

/** The path of the last item of a page if there may be something in it that the scan did not list; else empty. */
export function unlistedAfter(items: readonly ScannedItem[]): string {
  const last = items.at(-1);
  return last !== undefined && mayHide(last) ? last.path : '';
}

/** A file that was found as such has nothing in it any more, and what is in a folder that was looked into comes after it. */
function mayHide({ kind, reason }: ScannedItem): boolean {
  return reason !== ErrorReason.UNSPECIFIED || (kind !== ItemKind.FILE && kind !== ItemKind.FOLDER);
}

/** Of the last path and the folders above it, the topmost that may not have been looked into; empty when there is none. */
function unlistedBefore(lastPath: string, unlistedPath: string, nextPath = ''): string {
  if (unlistedPath !== lastPath && !isBelow(lastPath, unlistedPath)) return '';
  let folder = unlistedPath;
  while (isBelow(nextPath, folder)) {
    if (folder === lastPath) return '';
    const end = lastPath.indexOf('/', folder.length + 1);
    folder = end < 0 ? lastPath : lastPath.slice(0, end);
  }
  return folder;
}

function isBelow(path: string, folder: string): boolean {
  return folder !== '' && path.startsWith(folder) && path[folder.length] === '/';
}
