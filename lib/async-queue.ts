// A bounded queue between one who pushes and one who iterates. It never drops: whoever pushes looks at `room` first.
/** Holds up to `limit` values for one reader. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #values: T[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many more values can be pushed. */
  get room(): number {
    return this.#ended ? 0 : this.#limit - this.#values.length;
  }

  /** Adds a value; ignored after the end. Throws when there is no room, which is the caller's mistake. */
  push(value: T): void {
    if (this.#ended) return;
    if (this.#values.length >= this.#limit) throw new RangeError(`queue is over ${this.#limit}`);
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the queue; the reader gets what is left, then the end, or the error. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift()!;
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }
}
