// The rows of the ledger that a scan comes to next, read while the pages before are still being planned: a run in which little has changed would
// wait for LevelDB half of its time else. What is read ahead is as good as what is read when it is needed, because it is forgotten with the
// first row of the ledger that is put or deleted, even if that is not written yet.
import { comparePaths } from '../plan/path-order.ts';
import type { LedgerRange, StoredEntry } from './store.ts';

/** For so many tasks rows are read ahead; those of others are read when they are needed. */
const tasksMax = 16;
/** How many rows are read at once; up to twice as many are held of a task. */
const rowsAtOnce = 2000;

/** Reads rows of a task's ledger, as `ledgerRange` of a reader does. */
export type ReadLedger = (range: LedgerRange, limit: number) => Promise<StoredEntry[]>;

interface Ahead {
  /** The rows come after this path. */
  after: string;
  rows: readonly StoredEntry[];
  /** What comes after these, if it is being read; undefined when it could not be: whoever needs it will see why. */
  more: Promise<readonly StoredEntry[] | undefined> | undefined;
}

export class LedgerAhead {
  readonly #tasks = new Map<string, Ahead>();

  /** A row of the ledger is put or deleted. */
  forget(task: string): void {
    this.#tasks.delete(task);
  }

  /** Rows of a range, which begins where the one before of the task ended; then the next are read, without waiting for them. */
  async range(
    task: string,
    range: LedgerRange,
    { limit, read }: { limit: number; read: ReadLedger },
  ): Promise<StoredEntry[]> {
    const { after, upTo } = range;
    const known = this.#tasks.get(task);
    this.#tasks.delete(task);
    const ahead: Ahead = known?.after === after ? known : { after, rows: [], more: undefined };
    const rows = take(ahead, upTo, limit);
    while (rows.length < limit && ahead.rows.length === 0) {
      const isAhead = ahead.more !== undefined;
      const from = rows.at(-1)?.path ?? after;
      const more = (await ahead.more) ?? (await read({ after: from, upTo }, limit - rows.length));
      ahead.rows = more;
      ahead.more = undefined;
      rows.push(...take(ahead, upTo, limit - rows.length));
      // What was read for this range is all that there is of it, and what was read ahead has no end but that of the ledger.
      if (!isAhead || more.length === 0) break;
    }
    if (upTo !== '' && rows.length > 0 && this.#tasks.size < tasksMax) {
      ahead.after = rows.length < limit ? upTo : rows.at(-1)!.path;
      if (ahead.rows.length < rowsAtOnce) ahead.more ??= readOn(ahead, read);
      this.#tasks.set(task, ahead);
    }
    return rows;
  }
}

/** Takes the rows out that are not after a path; empty: all. */
function take(ahead: Ahead, upTo: string, limit: number): StoredEntry[] {
  const after = upTo === '' ? -1 : ahead.rows.findIndex(({ path }) => comparePaths(path, upTo) > 0);
  const count = Math.min(limit, after === -1 ? ahead.rows.length : after);
  const taken = ahead.rows.slice(0, count);
  ahead.rows = ahead.rows.slice(count);
  return taken;
}

function readOn({ after, rows }: Ahead, read: ReadLedger): Promise<StoredEntry[] | undefined> {
  const from = rows.at(-1)?.path ?? after;
  return read({ after: from, upTo: '' }, rowsAtOnce).catch(() => undefined);
}
