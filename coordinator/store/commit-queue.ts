// Commits, one after the other, and their writes, several at once. A synced write takes as long as the disk needs, a change only as long
// as it computes; so while one write is going the next changes are made, each on top of what those before it put, and all of them are
// then written together. Nobody hears of a commit before it is written, with all that it saw. When a write fails, so does everything that
// was built on it.
import type { Writes } from './safe-writer.ts';
import type { Begun } from './store.ts';

/** How many commits, and about how many bytes of them, wait for a write that is going. Further ones wait before they change anything. */
const waitingCommitsMax = 16;
const waitingBytesMax = 4 * 1024 * 1024;

/** What was put by commits that are not written yet. */
export interface UnwrittenRows {
  has(key: string): boolean;
  /** Whether there is any row whose key begins with the prefix. */
  hasUnder(prefix: string): boolean;
  /** Undefined for a row that was deleted, too. */
  get(key: string): Uint8Array | undefined;
  /** Resolves when all of it is written; rejects when that fails. */
  written(): Promise<void>;
}

/** Where commits are written. */
export interface CommitWriter {
  /** Called before a change while nothing is being written, to mend what a write that failed left; what it throws, the write will throw. */
  mend(): Promise<void>;
  /** Makes all writes at once, or none. */
  write(writes: Writes): Promise<void>;
}

/** A change, and what it puts. */
export type Change<T> = () => Promise<{ result: T; writes: Writes }>;

export class CommitQueue implements UnwrittenRows {
  readonly #writer: CommitWriter;
  /** Settles when the changes before are made; never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #writing: Group | undefined;
  #waiting = new Group();
  /** What all changes since the last failure have in common: they fail when a write of it does. */
  #line: Line = {};

  /** The writer is never asked to write before its last write has settled. */
  constructor(writer: CommitWriter) {
    this.#writer = writer;
  }

  /**
   * Makes a change when those before it are made; resolves when it is written. What the change saw is written by then as well, also when
   * it writes nothing itself or throws.
   */
  async commit<T>(change: Change<T>): Promise<T> {
    const { result, written } = await this.begin(change);
    await written;
    return result;
  }

  /** The same, but resolves when the change is made: the next can be begun while it is written. */
  async begin<T>(change: Change<T>): Promise<Begun<T>> {
    const changed = this.#last.then(() => this.#change(change));
    this.#last = changed;
    const { made, written } = await changed;
    try {
      return { result: (await made).result, written };
    } catch (error) {
      await written;
      throw error;
    }
  }

  has(key: string): boolean {
    return this.#waiting.writes.has(key) || this.#writing?.writes.has(key) === true;
  }

  hasUnder(prefix: string): boolean {
    return this.#waiting.hasUnder(prefix) || this.#writing?.hasUnder(prefix) === true;
  }

  get(key: string): Uint8Array | undefined {
    const { writes } = this.#waiting;
    return writes.has(key) ? writes.get(key) : this.#writing?.writes.get(key);
  }

  async written(): Promise<void> {
    await (this.#waiting.commits > 0 ? this.#waiting : this.#writing)?.done.promise;
  }

  /** Waits until all that was begun has ended. */
  async idle(): Promise<void> {
    await this.#last;
    await this.written().catch(() => undefined);
  }

  /** Never rejects: what the change threw is in `made`, and whether all that it saw could be written in `written`. */
  async #change<T>(change: Change<T>) {
    while (this.#writing !== undefined && this.#waiting.isFull)
      await this.#writing.done.promise.catch(() => undefined);
    if (this.#writing === undefined) await this.#writer.mend().catch(() => undefined);
    const line = this.#line;
    const made = handled(change());
    const writes = await made.then(
      (answer) => answer.writes,
      () => undefined,
    );
    if (line.failure !== undefined)
      return { made, written: handled(Promise.reject<void>(line.failure.error)) };
    if (writes !== undefined && writes.size > 0) this.#waiting.add(writes);
    const written = handled(this.written());
    this.#writeNext();
    return { made, written };
  }

  #writeNext(): void {
    if (this.#writing !== undefined || this.#waiting.commits === 0) return;
    const group = this.#waiting;
    this.#writing = group;
    this.#waiting = new Group();
    this.#writer.write(group.writes).then(
      () => {
        this.#writing = undefined;
        group.done.resolve();
        this.#writeNext();
      },
      (error: unknown) => {
        const built = this.#waiting;
        this.#writing = undefined;
        this.#waiting = new Group();
        this.#line.failure = { error };
        this.#line = {};
        for (const { done } of [group, built]) done.reject(error);
      },
    );
  }
}

interface Line {
  failure?: { error: unknown };
}

/** Commits that are written together. */
class Group {
  readonly writes: Writes = new Map();
  readonly done = Promise.withResolvers<void>();
  commits = 0;
  #bytes = 0;

  constructor() {
    void handled(this.done.promise);
  }

  get isFull(): boolean {
    return this.commits >= waitingCommitsMax || this.#bytes >= waitingBytesMax;
  }

  hasUnder(prefix: string): boolean {
    return this.writes.keys().some((key) => key.startsWith(prefix));
  }

  add(writes: Writes): void {
    this.commits += 1;
    // There are thousands: a callback makes no pair for each.
    writes.forEach((value, key) => {
      this.writes.set(key, value);
      this.#bytes += key.length + (value?.length ?? 0);
    });
  }
}

/** Whoever committed awaits it, but perhaps not before it is rejected. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
