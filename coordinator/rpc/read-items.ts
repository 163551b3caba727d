// The items of a run in an order that stays as it is while the run goes on. Batches are cut then, so that neither the number of an item's batch
// nor its row in it is a place to come back to. But what was cut off a batch is read where the batch stands, and the items of all its parts
// are in path order: the number of the whole batch and the path are such a place.
import { ItemState, type Deviation, type Item } from '../../gen/drover/v1/item_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import { isPart, type BatchHeader } from '../report/batch-parts.ts';
import { deviationRows } from '../report/deviations.ts';
import { itemRows, type ItemBatch } from '../report/item-rows.ts';
import { hasResults, readBatch } from '../report/read-batch.ts';
import type { Reader, RunKey } from '../store/store.ts';

/** How many batches' headers are read at once. */
const headersRead = 200;

/** An item's place in the list. */
export interface ItemPosition {
  /** The number of its batch, or of the one that this was cut off. */
  batch: number;
  path: string;
}

/** What is shown of an item, and the item's place. */
export interface Placed<T> {
  shown: T;
  position: ItemPosition;
}

/** What is shown of the items of a run. */
export interface Selection<T> {
  /** Whether the counts of a batch leave it open that something of it is shown. */
  mayHold: (row: BatchHeader['row']) => boolean;
  rowsOf: (batch: ItemBatch) => Iterable<{ path: string; shown: T }>;
}

/** The beginning of the list. */
export const firstItem: ItemPosition = { batch: 1, path: '' };

/** The items in a state, all where it is not specified. */
export function itemsIn(state: ItemState): Selection<Item> {
  return {
    mayHold: (row) => mayHold(row, state),
    rowsOf: (batch) =>
      itemRows(batch, 0)
        .filter(({ item }) => state === ItemState.UNSPECIFIED || item.state === state)
        .map(({ item }) => ({ path: item.path, shown: item })),
  };
}

/** The items whose outcome is not what was planned. */
export const deviations: Selection<Deviation> = {
  mayHold: ({ deviatingItems }) => deviatingItems > 0,
  rowsOf: (batch) =>
    deviationRows(batch).map((deviation) => ({ path: deviation.item!.path, shown: deviation })),
};

/** What is selected of the items of a run, from a place in the list on. */
export async function* readItems<T>(
  reader: Reader,
  run: RunKey,
  start: ItemPosition,
  selection: Selection<T>,
): AsyncGenerator<Placed<T>> {
  for (let after = start.batch - 1; ;) {
    const headers = await reader.batches(run, after, headersRead);
    for (const header of headers) {
      const { batch } = header;
      after = batch;
      if (isPart(header)) continue;
      for (const { path, shown } of await readWhole(reader, run, header, selection))
        if (batch > start.batch || start.path === '' || comparePaths(path, start.path) >= 0)
          yield { shown, position: { batch, path } };
    }
    if (headers.length < headersRead) return;
  }
}

/** What is selected of a batch and of what was cut off it, in path order. */
async function readWhole<T>(
  reader: Reader,
  run: RunKey,
  whole: BatchHeader,
  selection: Selection<T>,
): Promise<{ path: string; shown: T }[]> {
  const rows: { path: string; shown: T }[] = [];
  for (let header: BatchHeader | undefined = whole; header !== undefined;) {
    const part = await readPart(reader, run, header, selection);
    rows.push(...part.rows);
    header = await headerOf(reader, run, part.nextPart);
  }
  return rows.sort((one, other) => comparePaths(one.path, other.path));
}

/** What is selected of a part, and the number of the next one as it was when these were its items. */
async function readPart<T>(
  reader: Reader,
  run: RunKey,
  { batch, row }: BatchHeader,
  selection: Selection<T>,
): Promise<{ rows: { path: string; shown: T }[]; nextPart: number }> {
  const { nextPart } = row;
  // What is left out is left out as it was when its row was read: what was cut off it since was in no other state.
  if (!selection.mayHold(row)) return { rows: [], nextPart };
  const decoded = await readBatch(reader, { ...run, batch }, row);
  if (decoded.items.path.length !== row.items) {
    // It was cut between the two reads.
    const header = await headerOf(reader, run, batch);
    return header === undefined ? { rows: [], nextPart } : await readPart(reader, run, header, selection); // oxfmt-ignore
  }
  return { rows: [...selection.rowsOf(decoded)], nextPart };
}

async function headerOf(
  reader: Reader,
  run: RunKey,
  batch: number,
): Promise<BatchHeader | undefined> {
  // oxfmt-ignore
  const row = batch === 0 ? undefined : await reader.batch({ ...run, batch });
  return row && { batch, row };
}

/** Whether the counts of a batch leave it open that an item of it is in this state. */
function mayHold(row: BatchHeader['row'], state: ItemState): boolean {
  switch (state) {
    case ItemState.PENDING:
      return !hasResults(row);
    case ItemState.SUCCEEDED:
      return row.succeededItems > 0;
    case ItemState.SKIPPED:
      return row.skippedItems > 0;
    case ItemState.FAILED:
      return row.failedItems > 0;
    default:
      return true;
  }
}
