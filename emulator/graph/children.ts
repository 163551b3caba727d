// Listing a folder page by page, and making folders in it.
import { isVisible } from '../drive/check-writable.ts';
import { DriveError } from '../drive/drive-error.ts';
import { makeFolder } from '../drive/folder.ts';
import { sortedChildren, type Folder, type Item } from '../drive/item.ts';
import { foldName } from '../drive/name-rules.ts';
import type { Reply } from '../http/exchange.ts';
import { apiRoot, json, needWrite, type Call } from './call.ts';
import { conflictOf, conflictOfQuery, fileTimes } from './file-facts.ts';
import { findFolder } from './find-item.ts';
import { entityJson, itemJson, selectionOf } from './item-json.ts';
import { objectOf, readJson, textOf } from './request-body.ts';
import type { ItemTarget } from './resolve.ts';

const pageSizeDefault = 200;
const pageSizeMax = 5000;

/** GET …/children */
export function listChildren(call: Call, target: ItemTarget): Reply {
  const folder = findFolder(call, target);
  const { query, exchange, services } = call;
  if (query.has('$filter'))
    throw new DriveError('notBuilt', 'The emulator does not filter children.');
  const size = pageSize(query);
  const { items, start } = orderedChildren(folder, query);
  const youngestMs = services.now() - (exchange.effects.hideYoungerThanMs ?? -Infinity);
  const page: Item[] = [];
  let at = start;
  for (; at < items.length && page.length < size; at++) {
    const item = items[at]!;
    if (isVisible(item, call.by) && item.createdMs <= youngestMs) page.push(item);
  }
  const selection = selectionOf(query);
  return json(200, {
    '@odata.context': `${apiRoot(call)}/$metadata#drives('${encodeURIComponent(target.drive.id)}')/items('${folder.id}')/children`,
    ...(query.get('$count') === 'true' ? { '@odata.count': folder.children.size } : {}),
    ...(at < items.length ? { '@odata.nextLink': nextLink(call, items, at) } : {}),
    value: page.map((item) => itemJson(call, target.drive, item, selection)),
  });
}

/** The `$top` of a query within its limits. */
export function pageSize(query: URLSearchParams): number {
  const text = query.get('$top') ?? query.get('top');
  if (text === null) return pageSizeDefault;
  const size = Number(text);
  if (!Number.isSafeInteger(size) || size < 1)
    throw new DriveError('invalidRequest', `Invalid value '${text}' for $top.`);
  return Math.min(size, pageSizeMax);
}

function nextLink(call: Call, items: readonly Item[], at: number): string {
  // A page begins behind a name, so that what comes and goes before it moves nothing; other orders count.
  const token = isNameOrder(call.query) ? foldName(items[at - 1]!.name) : String(at);
  const query = new URLSearchParams(call.query);
  query.set('$skiptoken', Buffer.from(token).toString('base64url'));
  return `${call.exchange.url.origin}${call.exchange.url.pathname}?${queryText(query)}`;
}

/** A query as the service writes it: the dollar signs stay. */
export function queryText(query: URLSearchParams): string {
  return query.toString().replaceAll('%24', '$').replaceAll('%2C', ',');
}

const orders: Record<string, (item: Item) => number> = {
  lastmodifieddatetime: (item) => item.modifiedMs,
  createddatetime: (item) => item.createdMs,
  size: (item) => item.size,
};

function orderOf(query: URLSearchParams): { by: string; descending: boolean } {
  const [by = '', direction = 'asc'] = (query.get('$orderby') ?? 'name').toLowerCase().split(/\s+/);
  return { by, descending: direction === 'desc' };
}

function isNameOrder(query: URLSearchParams): boolean {
  return orderOf(query).by === 'name' && !orderOf(query).descending;
}

function orderedChildren(folder: Folder, query: URLSearchParams) {
  const { by, descending } = orderOf(query);
  const sorted = sortedChildren(folder);
  const token = query.get('$skiptoken');
  const key = token === null ? undefined : Buffer.from(token, 'base64url').toString();
  if (isNameOrder(query))
    return { items: sorted, start: key === undefined ? 0 : indexAfter(sorted, key) };
  const measure = orders[by];
  if (measure === undefined && by !== 'name')
    throw new DriveError('invalidRequest', `Children cannot be ordered by ${by}.`);
  const items =
    measure === undefined
      ? [...sorted]
      : sorted.toSorted((left, right) => measure(left) - measure(right));
  return { items: descending ? items.reverse() : items, start: Number(key ?? 0) || 0 };
}

function indexAfter(sorted: readonly Item[], key: string): number {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >> 1;
    if (foldName(sorted[middle]!.name) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** POST …/children: a folder */
export async function createChild(call: Call, target: ItemTarget): Promise<Reply> {
  needWrite(call, target.drive);
  const body = await readJson(call.exchange.body);
  const name = textOf(body, 'name');
  if (name === undefined) throw new DriveError('invalidRequest', 'The name is missing.');
  if (objectOf(body, 'folder') === undefined)
    throw new DriveError('notBuilt', 'The emulator makes only folders this way.');
  const parent = findFolder(call, target);
  const conflict = conflictOf(body) ?? conflictOfQuery(call.query) ?? 'fail';
  const folder = makeFolder(target.drive, parent, name, conflict, call.by, fileTimes(body));
  return json(201, entityJson(call, target.drive, folder));
}
