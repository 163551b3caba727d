// What is known of the items of a page beside the scan and the ledger: where they go, where they were, and what may stand there.
import type { RunRow, TaskRow, UnreportedRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { ItemPlace } from '../plan/item-place.ts';
import { otherKinds, type OtherKinds } from '../plan/other-kind.ts';
import type { Origin } from '../plan/moves.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import type { PageLedger } from '../plan/plan-page.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import { claimNames } from './claim-names.ts';
import { findMoves, type PageMoves } from './find-moves.ts';
import { avoidKeptPlaces } from './kept-places.ts';
import { claimVacated, type LateItems } from './late-items.ts';

/** The page, and the rows it belongs to. */
export interface PageParts {
  task: TaskRow;
  row: RunRow;
  items: readonly ScannedItem[];
  ledger: PageLedger;
  /** The indexes of files of which it is known that nothing has changed. */
  unchanged: ReadonlySet<number>;
}

/** See PageFacts of the plan. */
export interface StoredFacts extends PageMoves, LateItems {
  places: (ItemPlace | undefined)[] | undefined;
  unreported: (UnreportedRow | undefined)[][];
  /** What the last path became below the destination; empty where names stay as they are. */
  lastDestinationPath: string;
  /** Of another kind than what was migrated at their paths, and what is in them; see there. */
  others: OtherKinds;
}

/** Reads them; names that are given away and moves that are begun are put into the transaction. */
export async function pageFacts(
  transaction: Transaction,
  key: RunKey,
  { task, row, items, ledger, unchanged }: PageParts,
): Promise<StoredFacts> {
  const others = otherKinds(items, ledger, row.scan!.otherKindFolder, unchanged);
  const moves =
    key.run > 1
      ? await findMoves(transaction, key, { row, items, ledger, unchanged, waiting: others.below })
      : { origins: [], beingMoved: new Set<number>() };
  const { origins } = moves;
  const { destination } = task.task!;
  const names = await claimNames(transaction, { key, row, items, ledger, origins, destination });
  const places =
    names?.places ?? (await avoidKeptPlaces(transaction, key, task, { items, ledger }));
  const vacated = await claimVacated(transaction, key, {
    task,
    items,
    places,
    indexes: new Set([...moves.beingMoved, ...others.own]),
  });
  const unreported = task.hasUnreportedItems
    ? await unreportedOf(transaction, key, items, origins)
    : [];
  const lastDestinationPath = names?.lastDestinationPath ?? '';
  const { held } = vacated;
  const late = new Set([...vacated.late, ...others.below]);
  return { ...moves, held, late, others, places, unreported, lastDestinationPath };
}

/** What was noted of each item, and of what it was before it moved. Planning needs it: an item with a note is never taken for unchanged. */
async function unreportedOf(
  transaction: Transaction,
  { task }: RunKey,
  items: readonly ScannedItem[],
  origins: readonly (Origin | undefined)[],
) {
  const paths = items.map(({ path }) => path);
  const moved = origins.filter((origin) => origin !== undefined).map(({ path }) => path);
  const rows = await transaction.unreported(task, [...paths, ...moved]);
  const ofOrigin = new Map(moved.map((path, index) => [path, rows[paths.length + index]]));
  return paths.map((_, index) => {
    const origin = origins[index];
    return origin === undefined ? [rows[index]] : [rows[index], ofOrigin.get(origin.path)];
  });
}
