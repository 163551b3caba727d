// Writing to LevelDB so that a full disk does no harm. When a write fails, LevelDB leaves a part of it in its log and goes on behind it once
// there is room; when it is opened again it stops reading at that part, and everything that was acknowledged since would be gone. And
// what failed may be there all the same. So after a write that failed nothing is written before the database was opened anew, which begins
// a new log, and the rows of that write are put back as they were.
//
//   sound     writes are made                                             -> doubtful by a write that fails
//   doubtful  nothing is written; mending is tried before the next write  -> sound when it succeeds
//
// Reads go on in both: the database shows no row of a write that failed, and mending makes that true on the disk as well.
import { statfs } from 'node:fs/promises';
import type { CommitWriter } from './commit-queue.ts';
import { openAgain, type Database } from './open-database.ts';
import { openError, readError, writeError } from './store-errors.ts';

/** Rows to write, by their keys; undefined deletes. */
export type Writes = Map<string, Uint8Array | undefined>;

/** Opening a database writes its log into a table and begins another; without so much room it would be closed, and not be open again. */
const roomMinBytes = 16 * 1024 * 1024;

type State = { kind: 'sound' } | { kind: 'doubtful'; before: Writes; cause: unknown };

export class SafeWriter implements CommitWriter {
  readonly #database: Database;
  readonly #folder: string;
  #state: State = { kind: 'sound' };

  constructor(database: Database, folder: string) {
    this.#database = database;
    this.#folder = folder;
  }

  /** Makes all writes at once and forces them to the disk. Throws UNAVAILABLE, and nothing of them is kept, when they cannot be made. */
  async write(writes: Writes): Promise<void> {
    if (writes.size === 0) return;
    await this.mend();
    try {
      await this.#put(writes);
    } catch (cause) {
      const doubtful: State = { kind: 'doubtful', before: new Map(), cause };
      this.#state = doubtful;
      // What the database shows is without the write that failed, until it is opened again.
      doubtful.before = await this.#current([...writes.keys()]);
      throw writeError(this.#folder, cause);
    }
  }

  /** Undoes what a write that failed may have left; nothing to do after one that succeeded. Throws UNAVAILABLE while that cannot be done. */
  async mend(): Promise<void> {
    if (this.#state.kind === 'sound') return;
    const { before, cause } = this.#state;
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < roomMinBytes) throw writeError(this.#folder, cause);
    await this.#database.close();
    try {
      await openAgain(this.#database, this.#folder);
      await this.#put(before);
    } catch (error) {
      throw this.#database.status === 'open'
        ? writeError(this.#folder, error)
        : openError(this.#folder, error);
    }
    this.#state = { kind: 'sound' };
  }

  async #put(writes: Writes): Promise<void> {
    const batch = this.#database.batch();
    // There are thousands: a callback makes no pair for each.
    writes.forEach((value, key) => {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    });
    await batch.write({ sync: true });
  }

  async #current(rowKeys: string[]): Promise<Writes> {
    try {
      const rows = await this.#database.getMany(rowKeys);
      return new Map(rowKeys.map((key, index) => [key, rows[index]]));
    } catch (error) {
      throw readError(this.#folder, error);
    }
  }
}
