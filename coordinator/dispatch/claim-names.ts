// The items of a page get their names at a destination that has rules for names: what is read and written for it.
import { create } from '@bufbuild/protobuf';
import { NameRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import { replacementDefault } from '../plan/destination-name.ts';
import { destinationRoot } from '../plan/destination-root.ts';
import { leavesOutInvalidNames } from '../plan/invalid-names.ts';
import type { Origin } from '../plan/moves.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import type { PageLedger } from '../plan/plan-page.ts';
import { KnownNames, resolveNames, type ResolvedNames } from '../plan/resolve-names.ts';
import type { RunKey, Transaction } from '../store/store.ts';

/** A page whose items are to get their places. */
export interface NamedPage {
  key: RunKey;
  row: RunRow;
  items: readonly ScannedItem[];
  ledger: PageLedger;
  /** Where each item was before it was renamed or moved. */
  origins: readonly (Origin | undefined)[];
  destination: string;
}

/**
 * Finds where the items go at a destination that has rules for names, and puts the names they get into the transaction. Undefined,
 * and without any reading, where names stay as they are.
 */
export async function claimNames(
  transaction: Transaction,
  { key, row, items, ledger, origins, destination }: NamedPage,
): Promise<ResolvedNames | undefined> {
  const root = destinationRoot(parseLocation(destination, 'task.destination'));
  if (root === undefined) return undefined;
  const { lastPath: path, lastDestinationPath: destinationPath } = row.scan!;
  const replacement = row.run!.settings?.invalidCharacterReplacement ?? replacementDefault;
  const last = { path, destinationPath };
  const leavesOutInvalid = leavesOutInvalidNames(row.run!.settings);
  const request = {
    run: key.run,
    root,
    replacement,
    leavesOutInvalid,
    last,
    items,
    ledger,
    origins,
  };
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
  { missingHolders, missingMigrated, missingFolders }: ResolvedNames,
  known: KnownNames,
): Promise<boolean> {
  const names = [...missingHolders];
  const paths = [...missingMigrated, ...missingFolders];
  const [holders, places] = await Promise.all([
    names.length === 0 ? [] : transaction.names(task, names),
    Promise.all(paths.map((path) => migratedPlace(transaction, task, path))),
  ]);
  for (const [index, name] of names.entries()) known.holders.set(name, holders[index] ?? 'nobody');
  for (const [index, path] of paths.entries()) known.migrated.set(path, places[index]!);
  return (
    holders.some((holder) => holder !== undefined) ||
    [...missingMigrated].some((path) => known.migrated.get(path) === null) ||
    [...missingFolders].some((path) => known.migrated.get(path) !== null)
  );
}

/** Where the path is at the destination; what is known of something below it tells that as well, part for part. */
async function migratedPlace(
  transaction: Transaction,
  task: string,
  path: string,
): Promise<string | null> {
  const first = await transaction.firstMigrated(task, path);
  if (first === undefined) return null;
  const place = first.row.destinationPath || first.path;
  return place.split('/').slice(0, path.split('/').length).join('/');
}
