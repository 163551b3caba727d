// The items of a run in an order that stays as it is while the run goes on. Batches are cut then, so that neither the number of an item's batch
// nor its row in it is a place to come back to. But what was cut off a batch is read where the batch stands, and the items of all its parts
// are in path order: the number of the whole batch and the path are such a place.
import { ItemState, type Item } from '../../gen/drover/v1/item_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import { isPart, type BatchHeader } from '../report/batch-parts.ts';
import { itemRows } from '../report/item-rows.ts';
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

/** An item of a run and its place. */
export interface PlacedItem {
  item: Item;
  position: ItemPosition;
}

/** The beginning of the list. */
export const firstItem: ItemPosition = { batch: 1, path: '' };

/** The items of a run in a state, all where it is not specified, from a place in the list on. */
export async function* readItems(
  reader: Reader,
  run: RunKey,
  start: ItemPosition,
  state: ItemState,
): AsyncGenerator<PlacedItem> {
  for (let after = start.batch - 1; ;) {
    const headers = await reader.batches(run, after, headersRead);
    for (const header of headers) {
      const { batch } = header;
      after = batch;
      if (isPart(header)) continue;
      for (const item of await readWhole(reader, run, header, state))
        if (batch > start.batch || start.path === '' || comparePaths(item.path, start.path) >= 0)
          yield { item, position: { batch, path: item.path } };
    }
    if (headers.length < headersRead) return;
  }
}

/** The items of a batch and of what was cut off it, in path order. */
async function readWhole(
  reader: Reader,
  run: RunKey,
  whole: BatchHeader,
  state: ItemState,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let header: BatchHeader | undefined = whole; header !== undefined;) {
    const part = await readPart(reader, run, header, state);
    items.push(...part.items);
    header = await headerOf(reader, run, part.nextPart);
  }
  return items.sort((one, other) => comparePaths(one.path, other.path));
}

/** The items of a part, and the number of the next one as it was when these were its items. */
async function readPart(
  reader: Reader,
  run: RunKey,
  { batch, row }: BatchHeader,
  state: ItemState,
): Promise<{ items: Item[]; nextPart: number }> {
  const { nextPart } = row;
  // What is left out is left out as it was when its row was read: what was cut off it since was in no other state.
  if (!mayHold(row, state)) return { items: [], nextPart };
  const decoded = await readBatch(reader, { ...run, batch }, row);
  if (decoded.items.path.length !== row.items) {
    // It was cut between the two reads.
    const header = await headerOf(reader, run, batch);
    return header === undefined ? { items: [], nextPart } : await readPart(reader, run, header, state); // prettier-ignore
  }
  const items: Item[] = [];
  for (const { item } of itemRows(decoded, 0))
    if (state === ItemState.UNSPECIFIED || item.state === state) items.push(item);
  return { items, nextPart };
}

async function headerOf(
  reader: Reader,
  run: RunKey,
  batch: number,
): Promise<BatchHeader | undefined> {
  // prettier-ignore
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
