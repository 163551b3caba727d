// Files whose place at the destination is vacated by the run itself: they wait until that is done, and are written then. Meanwhile their
// names are kept for them.
import { create } from '@bufbuild/protobuf';
import { NameRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemAction } from '../../gen/drover/v1/item_pb.ts';
import { decodeBatchItems } from '../plan/decode-columns.ts';
import { encodeBatchItems } from '../plan/encode-columns.ts';
import type { ItemPlace } from '../plan/item-place.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import type { BatchKey, RunKey, Transaction } from '../store/store.ts';
import { nameKeyOf } from './kept-places.ts';

/** The items of a page that cannot be written at once, by their indexes. */
export interface LateItems {
  /** They wait. */
  late: ReadonlySet<number>;
  /** Another item has their names already, so that there is nothing to wait for. */
  held: ReadonlySet<number>;
}

/** Gives the items of these indexes their names at the destination once more, so that nobody else gets them when they are vacated. */
export async function claimVacated(
  transaction: Transaction,
  { task: id, run }: RunKey,
  { task, items, places, indexes }: { task: TaskRow; items: readonly ScannedItem[]; places: readonly (ItemPlace | undefined)[] | undefined; indexes: ReadonlySet<number> }, // oxfmt-ignore
): Promise<LateItems> {
  const late = new Set<number>();
  const held = new Set<number>();
  for (const index of indexes) {
    const { path } = items[index]!;
    const place = places?.[index];
    const key = nameKeyOf(task, place !== undefined && 'path' in place ? place.path : path);
    const [holder] = key === undefined ? [] : await transaction.names(id, [key]);
    const isOwn = holder === undefined || holder.path === path;
    (isOwn ? late : held).add(index);
    if (isOwn && key !== undefined) transaction.putName(id, key, create(NameRowSchema, { path, run })); // oxfmt-ignore
  }
  return { late, held };
}

/**
 * The items of a batch that has waited, encoded: what was moved or recycled meanwhile is expected at the destination no more. They are
 * put into the transaction.
 */
export async function takeLate(
  transaction: Transaction,
  key: BatchKey,
  encoded: Uint8Array,
): Promise<Uint8Array> {
  const items = decodeBatchItems(encoded);
  const rows = await transaction.ledgerRows(key.task, items.path);
  const vacated = new Set([...rows.keys()].filter((index) => rows[index] === undefined && items.action[index] === ItemAction.UPDATE)); // oxfmt-ignore
  if (vacated.size === 0) return encoded;
  items.action = items.action.map((action, index) => (vacated.has(index) ? ItemAction.CREATE : action)); // oxfmt-ignore
  items.expected = items.expected.filter(({ index }) => !vacated.has(index));
  const bytes = encodeBatchItems(items);
  transaction.putBatchItems(key, bytes);
  return bytes;
}
