// ItemService: the items of a run; explain-item.ts tells of one of them.
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ItemStateSchema,
  type ItemService,
  type ListDeviationsRequest,
  type ListItemsRequest,
} from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { parseRunName } from '../task/names.ts';
import { explainItem } from './explain-item.ts';
import { requireRun } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import {
  deviations,
  firstItem,
  itemsIn,
  readItems,
  type ItemPosition,
  type Selection,
} from './read-items.ts';

export function createItemService(store: Reader): ServiceImpl<typeof ItemService> {
  return {
    listItems: (request) => listItems(store, request),
    listDeviations: (request) => listDeviations(store, request),
    explainItem: (request) => explainItem(store, request),
  };
}

/** A page of the items; see `read-items.ts` for their order. */
export async function listItems(store: Reader, request: ListItemsRequest) {
  const { parent, state } = request;
  if (ItemStateSchema.value[state] === undefined)
    throw DroverError.invalid('state', `${state} is not a state that is known`);
  const scope = ['items', parent, String(state)];
  const { shown, nextPageToken } = await listSelected(store, request, scope, itemsIn(state));
  return { items: shown, nextPageToken };
}

async function listDeviations(store: Reader, request: ListDeviationsRequest) {
  const scope = ['deviations', request.parent];
  const { shown, nextPageToken } = await listSelected(store, request, scope, deviations);
  return { deviations: shown, nextPageToken };
}

async function listSelected<T>(
  store: Reader,
  request: ListItemsRequest | ListDeviationsRequest,
  scope: readonly string[],
  selection: Selection<T>,
): Promise<{ shown: T[]; nextPageToken: string }> {
  const run = parseRunName(request.parent, 'parent');
  const { size, cursor } = readPageRequest(request, scope);
  await requireRun(store, run);
  const page: T[] = [];
  for await (const { shown, position } of readItems(store, run, readPosition(cursor), selection)) {
    if (page.length === size) {
      const nextPageToken = writePageToken(`${position.batch}:${position.path}`, scope);
      return { shown: page, nextPageToken };
    }
    page.push(shown);
  }
  return { shown: page, nextPageToken: '' };
}

function readPosition(cursor: string): ItemPosition {
  if (cursor === '') return firstItem;
  const [, batch, path] = /^(\d{1,9}):(.+)$/s.exec(cursor) ?? [];
  if (batch === undefined || path === undefined)
    throw DroverError.invalid('page_token', 'cannot be read');
  return { batch: Number(batch), path };
}
