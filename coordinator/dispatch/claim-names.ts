// The items of a page get their names at a destination that has rules for names: what is read and written for it.
import { create } from '@bufbuild/protobuf';
import { NameRowSchema, type LedgerRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import { replacementDefault } from '../plan/destination-name.ts';
import { destinationRoot } from '../plan/destination-root.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import { KnownNames, resolveNames, type ResolvedNames } from '../plan/resolve-names.ts';
import type { RunKey, Transaction } from '../store/store.ts';

/** A page whose items are to get their places. */
export interface NamedPage {
  key: RunKey;
  row: RunRow;
  items: readonly ScannedItem[];
  ledger: readonly (LedgerRow | undefined)[];
  destination: string;
}

/**
 * Finds where the items go at a destination that has rules for names, and puts the names they get into the transaction. Undefined,
 * and without any reading, where names stay as they are.
 */
export async function claimNames(
  transaction: Transaction,
  { key, row, items, ledger, destination }: NamedPage,
): Promise<ResolvedNames | undefined> {
  const root = destinationRoot(parseLocation(destination, 'task.destination'));
  if (root === undefined) return undefined;
  const { lastPath: path, lastDestinationPath: destinationPath } = row.scan!;
  const replacement = row.run!.settings?.invalidCharacterReplacement ?? replacementDefault;
  const last = { path, destinationPath };
  const request = { run: key.run, root, replacement, last, items, ledger };
  const known = new KnownNames();
  let resolved = resolveNames(request, known);
  while (await learn(transaction, key.task, resolved, known))
    resolved = resolveNames(request, known);
  for (const [name, claimant] of resolved.claims)
    transaction.putName(key.task, name, create(NameRowSchema, { path: claimant, run: key.run }));
  return resolved;
}

/** Reads what was missing; answers whether it is other than what was taken for it. Every round makes more known, so they end. */
async function learn(
  transaction: Transaction,
  task: string,
  { missingHolders, missingMigrated }: ResolvedNames,
  known: KnownNames,
): Promise<boolean> {
  const names = [...missingHolders];
  const paths = [...missingMigrated];
  const [holders, rows] = await Promise.all([
    names.length === 0 ? [] : transaction.names(task, names),
    paths.length === 0 ? [] : transaction.ledgerRows(task, paths),
  ]);
  for (const [index, name] of names.entries()) known.holders.set(name, holders[index] ?? 'nobody');
  for (const [index, path] of paths.entries()) known.migrated.set(path, rows[index] !== undefined);
  return holders.some((holder) => holder !== undefined) || rows.some((row) => row === undefined);
}
