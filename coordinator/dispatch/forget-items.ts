// Items that are no longer at the destination leave the ledger, and free the names that they had. The folders that they were in stay
// known: writing a file makes the folders above it, also those whose own turn never came.
import { create } from '@bufbuild/protobuf';
import {
  LedgerRowSchema,
  type LedgerRow,
  type TaskRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import { nameKeyOf } from './kept-places.ts';

/** An item of the ledger; one without a row is not in it any more. */
export interface ForgottenItem {
  path: string;
  row: LedgerRow | undefined;
}

/** Deletes the ledger's rows of these items, and frees their names; the folders above that have no row get one. */
export async function forgetItems(
  transaction: Transaction,
  key: RunKey,
  items: readonly ForgottenItem[],
): Promise<void> {
  if (items.length === 0) return;
  const task = await transaction.task(key.task);
  for (const item of items) await forgetItem(transaction, key, task, item);
  await keepFolders(transaction, key, task, items);
}

async function forgetItem(
  transaction: Transaction,
  { task: taskId, run }: RunKey,
  task: TaskRow | undefined,
  { path, row }: ForgottenItem,
): Promise<void> {
  await transaction.deleteLedger(taskId, path);
  const name = task && nameKeyOf(task, row?.destinationPath || path);
  if (name === undefined) return;
  const [holder] = await transaction.names(taskId, [name]);
  // A name that the run gave to the path is that of what has the path now, and waits until its place is vacated.
  if (holder?.path === path && holder.run !== run) transaction.deleteName(taskId, name);
}

async function keepFolders(
  transaction: Transaction,
  { task, run }: RunKey,
  taskRow: TaskRow | undefined,
  items: readonly ForgottenItem[],
): Promise<void> {
  const forgotten = new Set(items.map(({ path }) => path));
  const places = new Map(items.flatMap(foldersAbove).filter(([path]) => !forgotten.has(path)));
  const paths = [...places.keys()];
  for (const [index, row] of (await transaction.ledgerRows(task, paths)).entries()) {
    if (row !== undefined) continue;
    const path = paths[index]!;
    const place = places.get(path)!;
    if (await isOfAnother(transaction, task, { row: taskRow, path, place })) continue;
    const destinationPath = place === path ? '' : place;
    transaction.putLedger(task, path, create(LedgerRowSchema, { folder: true, run, destinationPath })); // oxfmt-ignore
  }
}

/** Whether the place is that of a folder which is in the ledger by another name: only the case of its name was changed since. */
async function isOfAnother(
  transaction: Transaction,
  task: string,
  { row, path, place }: { row: TaskRow | undefined; path: string; place: string },
): Promise<boolean> {
  const name = row && nameKeyOf(row, place);
  if (row === undefined || name === undefined) return false;
  const [holder] = await transaction.names(task, [name]);
  if (holder === undefined || holder.path === path) return false;
  const [other] = await transaction.ledgerRows(task, [holder.path]);
  return other?.folder === true && nameKeyOf(row, other.destinationPath || holder.path) === name;
}

/** The folders above an item, each with its path at the destination; none where that is not told part for part. */
function foldersAbove({ path, row }: ForgottenItem): [path: string, place: string][] {
  const parts = path.split('/');
  const places = (row?.destinationPath || path).split('/');
  if (row === undefined || places.length !== parts.length) return [];
  return parts
    .slice(1)
    .map((_part, count) => [
      parts.slice(0, count + 1).join('/'),
      places.slice(0, count + 1).join('/'),
    ]);
}
