// What hooks and serial tests are in a file that shares a process with others, as Ava knows them only for a whole process: before the
// first test of the file come its hooks, then its serial tests one after another, then the others at once, and after the last of them what
// is to come after. With that, files of which each starts processes of its own take turns.
import type { ExecutionContext, ImplementationFn } from 'ava';

type Run = ImplementationFn<[], unknown>;

/** Lets so many files at once begin; the others wait, in order. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(filesAtOnce: number) {
    this.#free = filesAtOnce;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** The tests of one file. */
export class FileTurn {
  readonly #turns: Turns;
  readonly #before: Run[] = [];
  readonly #after: (() => unknown)[] = [];
  /** Tests that have not ended. */
  #left = 0;
  #begun: Promise<void> | undefined;
  /** The end of the last serial test that was declared. */
  #serial: Promise<void> = Promise.resolve();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  addBefore(run: Run): void {
    this.#before.push(run);
  }

  /** Called whether or not the tests have passed. */
  addAfter(run: () => unknown): void {
    this.#after.push(run);
  }

  /** A test, as it is to be declared in its place. */
  test(run: Run): Run {
    this.#left += 1;
    return async (t) => {
      // The first that is declared is the last that is done.
      t.teardown(() => this.#leave());
      await this.#enter(t);
      await this.#serial;
      await run(t);
    };
  }

  /** The same of a test that no other test of the file may run beside. */
  serialTest(run: Run): Run {
    this.#left += 1;
    const before = this.#serial;
    const ended = Promise.withResolvers<void>();
    this.#serial = ended.promise;
    return async (t) => {
      t.teardown(() => {
        ended.resolve();
        return this.#leave();
      });
      await this.#enter(t);
      await before;
      await run(t);
    };
  }

  #enter(t: ExecutionContext): Promise<void> {
    return (this.#begun ??= this.#begin(t));
  }

  async #begin(t: ExecutionContext): Promise<void> {
    await this.#turns.take();
    for (const run of this.#before) await run(t);
  }

  async #leave(): Promise<void> {
    this.#left -= 1;
    if (this.#left > 0) return;
    try {
      for (const run of this.#after) await run();
    } finally {
      this.#turns.giveBack();
    }
  }
}
