// What the index of file ids says of a page: which new items are old ones at new paths, and which paths have another file now.
import { create } from '@bufbuild/protobuf';
import { FileIdRowSchema, type FileIdRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { isBeingMoved, isReplaced, mayBeMoved, MoveFinder, type Origin } from '../plan/moves.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import type { PageLedger } from '../plan/plan-page.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import { isSwept } from './sweep-ledger.ts';

/** What was found of the items of a page. */
export interface PageMoves {
  /** Where each item was before it was renamed or moved; undefined for all others. */
  origins: (Origin | undefined)[];
  /** The indexes of the items whose place is being vacated by a move of this run. */
  beingMoved: ReadonlySet<number>;
}

/** A page, and what the ledger has of it. */
export interface MoveParts {
  row: RunRow;
  items: readonly ScannedItem[];
  ledger: PageLedger;
  /** The indexes of files of which it is known that they were not moved. */
  unchanged: ReadonlySet<number>;
  /** The indexes of items that wait for something to be recycled, what they were moved from among it. */
  waiting: ReadonlySet<number>;
}

/** Finds the moves of a page, but for items that wait, and notes them in the index, so that nothing is moved twice. */
export async function findMoves(
  transaction: Transaction,
  key: RunKey,
  { row, items, ledger, unchanged, waiting }: MoveParts,
): Promise<PageMoves> {
  const indexes = [...items.keys()].filter((index) => !unchanged.has(index));
  const origins = new Array<Origin | undefined>(items.length).fill(undefined);
  const fresh = indexes.filter(
    (index) => !waiting.has(index) && mayBeMoved(items[index]!, ledger.at(index)),
  );
  const finder = new MoveFinder(key.run, items, isSwept(key, row));
  await findOrigins(transaction, key, { items, indexes: fresh, origins, finder });
  const replaced = indexes.filter((index) => isReplaced(items[index]!, ledger.at(index)));
  return { origins, beingMoved: await vacate(transaction, key, { items, ledger, replaced }) };
}

/**
 * Whether a file id is that of an item which the run moves, and which is not this one: a file with several names has one id, and until the move is
 * done the index has to lead to it.
 */
export function isOfMover(found: FileIdRow | undefined, itemPath: string, run: number): boolean {
  if (found === undefined || found.run !== run || found.mover === '') return false;
  return found.path !== itemPath && found.mover !== itemPath;
}

async function findOrigins(
  transaction: Transaction,
  { task, run }: RunKey,
  { items, indexes, origins, finder }: { items: readonly ScannedItem[]; indexes: readonly number[]; origins: (Origin | undefined)[]; finder: MoveFinder }, // oxfmt-ignore
): Promise<void> {
  const ids = indexes.map((index) => items[index]!.fileId);
  const found = await transaction.fileIds(task, ids);
  const rows = await transaction.ledgerRows(
    task,
    found.flatMap((row) => row?.path ?? []),
  );
  let next = 0;
  for (const [at, index] of found.entries()) {
    if (index === undefined) continue;
    const item = items[indexes[at]!]!;
    const origin = finder.find(item, { index, row: rows[next++] });
    if (origin === undefined) continue;
    origins[indexes[at]!] = origin;
    const gone = index.run === run && index.gone;
    const mark = create(FileIdRowSchema, { path: origin.path, run, gone, mover: item.path });
    transaction.putFileId(task, item.fileId, mark);
  }
}

/** A path that has another file now is not where anything is moved from, unless that was begun already. */
async function vacate(
  transaction: Transaction,
  { task, run }: RunKey,
  { items, ledger, replaced }: { items: readonly ScannedItem[]; ledger: PageLedger; replaced: readonly number[] }, // oxfmt-ignore
): Promise<Set<number>> {
  const ids = replaced.map((index) => ledger.at(index)!.fileId);
  const beingMoved = new Set<number>();
  for (const [at, found] of (await transaction.fileIds(task, ids)).entries()) {
    const index = replaced[at]!;
    const { path } = items[index]!;
    if (isBeingMoved(path, found, run)) beingMoved.add(index);
    else if (found?.path === path) await transaction.dropFileId(task, ids[at]!, path);
  }
  return beingMoved;
}
