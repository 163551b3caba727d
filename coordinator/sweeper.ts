// Removes what deleted tasks and the passing of time left behind, in the background: when it is told to, and every hour.
import type { Logger } from '../lib/log.ts';
import type { Clock } from '../lib/time.ts';
import type { Store } from './store/store.ts';

const intervalMs = 60 * 60 * 1000;

export class Sweeper {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  #cancelNext: () => void = () => {};
  #sweeping = false;
  #again = false;
  #closed = false;

  constructor(store: Store, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Starts a round, or another one after the one that is going. */
  start(): void {
    this.#again = true;
    if (!this.#sweeping) void this.#sweep();
  }

  /** What is left is swept at the next start. */
  close(): void {
    this.#closed = true;
    this.#cancelNext();
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#store.sweep(this.#clock.now());
      }
    } catch (error) {
      if (!this.#closed) this.#log.error({ err: error }, 'cannot remove what is no longer needed');
    } finally {
      this.#sweeping = false;
      this.#cancelNext();
      if (!this.#closed) this.#cancelNext = this.#clock.after(intervalMs, () => this.start());
    }
  }
}
