// ItemService: the items of a run; explain-item.ts tells of one of them.
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ItemStateSchema,
  type Item,
  type ItemService,
  type ListItemsRequest,
} from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { parseRunName } from '../task/names.ts';
import { explainItem } from './explain-item.ts';
import { requireRun } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { firstItem, readItems, type ItemPosition } from './read-items.ts';

export function createItemService(store: Reader): ServiceImpl<typeof ItemService> {
  return {
    listItems: (request) => listItems(store, request),
    explainItem: (request) => explainItem(store, request),
  };
}

/** A page of the items; see `read-items.ts` for their order. */
export async function listItems(store: Reader, request: ListItemsRequest) {
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
      return { items, nextPageToken: writePageToken(`${position.batch}:${position.path}`, scope) };
    items.push(item);
  }
  return { items, nextPageToken: '' };
}

function readPosition(cursor: string): ItemPosition {
  if (cursor === '') return firstItem;
  const [, batch, path] = /^(\d{1,9}):(.+)$/s.exec(cursor) ?? [];
  if (batch === undefined || path === undefined)
    throw DroverError.invalid('page_token', 'cannot be read');
  return { batch: Number(batch), path };
}
