// Files that were written beside what had their place: the numbered name an agent chose is from then on the item's own, and nobody
// else's. An agent sees what stands at the destination, but not to which item of the task it belongs; that is known here.
import { create } from '@bufbuild/protobuf';
import { NameRowSchema, TaskRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { ItemRemarkSchema, type BatchItems, type BatchResults } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isInside } from '../../lib/inside-path.ts';
import { parseLocation } from '../../lib/location.ts';
import { numberedName } from '../../lib/numbered-name.ts';
import type { ItemPlace } from '../plan/item-place.ts';
import { foldPath } from '../plan/name-twins.ts';
import type { ScannedItem } from '../plan/plan-item.ts';
import type { PageLedger } from '../plan/plan-page.ts';
import { nameNumberMax } from '../plan/resolve-names.ts';
import type { BatchKey, RunKey, Transaction } from '../store/store.ts';

/**
 * Gives the items of a batch the places that they were written to beside others. An item that turns out to stand in the place of
 * another one of the task, because both have the same content, is made a failure in `results`. Answers whether there was one.
 */
export async function claimKeptPlaces(
  transaction: Transaction,
  key: BatchKey,
  { items, results }: { items: BatchItems; results: BatchResults },
): Promise<boolean> {
  const task = await transaction.task(key.task);
  if (task === undefined || (!task.hasKeptItems && results.keptPath.length === 0)) return false;
  checkInside(results);
  const places = new Places(transaction, key.task, task);
  const rows = results.state.keys().filter((index) => isMigratedFile(items, results, index));
  let refused = false;
  let kept = false;
  for (const index of rows) {
    const path = items.path[index]!;
    const keptPath = results.keptPath[index] ?? '';
    const place = keptPath || items.destinationPath[index] || path;
    const holder = await places.holder(place);
    if (holder !== undefined && holder !== path) {
      refuse(results, index, { place, holder });
      refused = true;
    } else if (keptPath !== '') {
      places.claim(place, path, key.run);
      kept = true;
    }
  }
  if (kept && !task.hasKeptItems)
    transaction.putTask(key.task, create(TaskRowSchema, { ...task, hasKeptItems: true }));
  return refused;
}

/**
 * Where the items of a page go at a destination that has no rules for names: to the path they have at the source, unless another
 * item of the task is kept there. Undefined, and without any reading, for tasks that have no such items.
 */
export async function avoidKeptPlaces(
  transaction: Transaction,
  { task: id }: RunKey,
  task: TaskRow,
  page: { items: readonly ScannedItem[]; ledger: PageLedger },
): Promise<(ItemPlace | undefined)[] | undefined> {
  if (!task.hasKeptItems) return undefined;
  const isNew = (index: number) => page.ledger.at(index) === undefined;
  const paths = page.items.filter((_item, index) => isNew(index)).map(({ path }) => path);
  const holders = paths.length === 0 ? [] : await transaction.names(id, paths);
  const taken = new Map(paths.map((path, index) => [path, holders[index]?.path ?? path]));
  const places = new Places(transaction, id, task);
  return await Promise.all(
    page.items.map(async ({ path, kind }, index) => {
      if (kind !== ItemKind.FILE || !isNew(index) || taken.get(path) === path) return undefined;
      return await places.free(path);
    }),
  );
}

/**
 * The key of the row that says who has a place at the destination; undefined where there are no such rows, because every item is at
 * the path that it has at the source.
 */
export function nameKeyOf({ task, hasKeptItems }: TaskRow, place: string): string | undefined {
  if (parseLocation(task!.destination, 'task.destination').kind === 'sharepoint')
    return foldPath(place);
  return hasKeptItems ? place : undefined;
}

/** Who has which place, where some items are not at the path that they have at the source. */
class Places {
  readonly #transaction: Transaction;
  readonly #task: string;
  readonly #hasNames: boolean;
  readonly #claimed = new Map<string, string>();

  constructor(transaction: Transaction, task: string, { task: shown }: TaskRow) {
    this.#transaction = transaction;
    this.#task = task;
    this.#hasNames = parseLocation(shown!.destination, 'task.destination').kind === 'sharepoint';
  }

  /** The item of the task that was migrated to a place; undefined when none was. */
  async holder(place: string): Promise<string | undefined> {
    const name = this.#name(place);
    const claimed = this.#claimed.get(name);
    if (claimed !== undefined) return claimed;
    const [row] = await this.#transaction.names(this.#task, [name]);
    for (const path of [row?.path, this.#hasNames ? undefined : place]) {
      if (path === undefined) continue;
      const [ledger] = await this.#transaction.ledger(this.#task, [path]);
      const stands = ledger !== undefined && this.#name(ledger.destinationPath || path) === name;
      if (stands) return path;
    }
    return undefined;
  }

  claim(place: string, path: string, run: number): void {
    const name = this.#name(place);
    this.#claimed.set(name, path);
    this.#transaction.putName(this.#task, name, create(NameRowSchema, { path, run }));
  }

  /** The path itself, or the first numbered name beside it, that no other item has. */
  async free(path: string): Promise<ItemPlace> {
    const cut = path.lastIndexOf('/') + 1;
    for (let number = 1; number <= nameNumberMax; number++) {
      const name = path.slice(cut);
      const place = path.slice(0, cut) + (number === 1 ? name : numberedName(name, 'file', number));
      const holder = await this.holder(place);
      if (holder === undefined || holder === path) return { path: place };
    }
    const message = `other items of the task have its name at the destination and ${nameNumberMax - 1} beside it`;
    return { refused: ErrorReason.NAME_INVALID, message };
  }

  #name(place: string): string {
    return this.#hasNames ? foldPath(place) : place;
  }
}

function isMigratedFile(items: BatchItems, results: BatchResults, index: number): boolean {
  return results.state[index] === ItemState.SUCCEEDED && items.kind[index] === ItemKind.FILE;
}

/** Makes a failure of an item that stands in the place of another one of the task, because both have the same content. */
export function refuse(
  results: BatchResults,
  index: number,
  { place, holder }: { place: string; holder: string },
): void {
  const message = `"${place}" at the destination has the same content, but is where "${holder}" of this task was migrated to`;
  const reason = ErrorReason.DESTINATION_CONFLICT;
  results.state[index] = ItemState.FAILED;
  if (results.keptPath.length > 0) results.keptPath[index] = '';
  results.remark = [...results.remark, create(ItemRemarkSchema, { index, reason, message })];
  results.remark.sort((one, other) => one.index - other.index);
}

function checkInside({ keptPath }: BatchResults): void {
  if (keptPath.every((path) => path === '' || isInside(path))) return;
  throw DroverError.invalid('batch_done.results', 'name a path outside the destination');
}
