// The rows that the work on a run reads again and again, kept as they were last read or written: LevelDB looks for a row in one table after the
// other, of which it does not keep all open, and that takes longer than all else that is done with the row.

/** How many rows are kept: those of more batches than agents hold. */
const rowsMax = 4096;
/** How many bytes they have together. */
const bytesMax = 4 * 1024 * 1024;
/** A larger row is not kept. */
const rowBytesMax = 64 * 1024;

/** Rows that are in the database just so; those that were not used for longest make room. */
export class KnownRows {
  readonly #rows = new Map<string, Uint8Array>();
  #bytes = 0;

  get(key: string): Uint8Array | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    // The last in the map is the one that was used last.
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  /** What a key has in the database. Whoever read it knows that nobody has written it since. */
  set(key: string, row: Uint8Array | undefined): void {
    this.#drop(key);
    if (row === undefined || row.length > rowBytesMax || !isKept(key)) return;
    this.#rows.set(key, row);
    this.#bytes += row.length;
    while (this.#rows.size > rowsMax || this.#bytes > bytesMax)
      this.#drop(this.#rows.keys().next().value!);
  }

  #drop(key: string): void {
    this.#bytes -= this.#rows.get(key)?.length ?? 0;
    this.#rows.delete(key);
  }

  /** What was written. */
  wrote(writes: ReadonlyMap<string, Uint8Array | undefined>): void {
    // There are thousands: a callback makes no pair for each.
    writes.forEach((row, key) => {
      if (isKept(key)) this.set(key, row);
    });
  }

  /** Nothing is certain any more. */
  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }
}

/** Of tasks, runs and batches, which are few; a commit has a thousand times as many rows of other kinds. */
function isKept(key: string): boolean {
  return key.startsWith('batch!') || key.startsWith('run!') || key.startsWith('task!');
}
