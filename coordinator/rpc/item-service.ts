// ItemService: the items of a run, read batch by batch; explain-item.ts tells of one of them.
import type { ServiceImpl } from '@connectrpc/connect';
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  ItemState,
  ItemStateSchema,
  type Item,
  type ItemService,
  type ListItemsRequest,
} from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { itemRows } from '../report/item-rows.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { parseRunName } from '../task/names.ts';
import { explainItem } from './explain-item.ts';
import { requireRun } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { hasResults, readBatch } from '../report/read-batch.ts';

/** How many batches' headers are read at once. */
const headersRead = 200;

/** Which row of which batch; the next one that could be shown. */
interface Position {
  batch: number;
  index: number;
}

export function createItemService(store: Reader): ServiceImpl<typeof ItemService> {
  return {
    listItems: (request) => listItems(store, request),
    explainItem: (request) => explainItem(store, request),
  };
}

async function listItems(store: Reader, request: ListItemsRequest) {
  const { parent, state } = request;
  const scope = ['items', parent, String(state)];
  const run = parseRunName(parent, 'parent');
  if (ItemStateSchema.value[state] === undefined)
    throw DroverError.invalid('state', `${state} is not a state that is known`);
  const { size, cursor } = readPageRequest(request, scope);
  await requireRun(store, run);
  const items: Item[] = [];
  for await (const { item, position } of readItems(store, run, readPosition(cursor), state)) {
    if (items.length === size)
      return { items, nextPageToken: writePageToken(`${position.batch}.${position.index}`, scope) };
    items.push(item);
  }
  return { items, nextPageToken: '' };
}

function readPosition(cursor: string): Position {
  if (cursor === '') return { batch: 1, index: 0 };
  const [, batch, index] = /^(\d{1,9})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (batch === undefined) throw DroverError.invalid('page_token', 'cannot be read');
  return { batch: Number(batch), index: Number(index) };
}

async function* readItems(store: Reader, run: RunKey, start: Position, state: ItemState) {
  let after = start.batch - 1;
  for (;;) {
    const headers = await store.batches(run, after, headersRead);
    for (const { batch, row } of headers) {
      after = batch;
      if (!mayHold(row, state)) continue;
      const decoded = await readBatch(store, { ...run, batch }, row);
      for (const { index, item } of itemRows(decoded, batch === start.batch ? start.index : 0))
        if (state === ItemState.UNSPECIFIED || item.state === state)
          yield { item, position: { batch, index } };
    }
    if (headers.length < headersRead) return;
  }
}

/** Whether the counts of a batch leave it open that an item of it is in this state. */
function mayHold(row: BatchRow, state: ItemState): boolean {
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
