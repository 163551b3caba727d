// A clock that a test moves by hand.
import type { Clock } from '../../../lib/time.ts';

interface Timer {
  dueMs: number;
  callback: () => void;
}

export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #steadyMs = 5000;

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  steady(): number {
    return this.#steadyMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#steadyMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Somebody sets the clock: no time passes. */
  set(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Moves the time on and calls what is due by then. */
  advance(byMs: number): void {
    this.#nowMs += byMs;
    this.#steadyMs += byMs;
    for (const timer of [...this.#timers].filter(({ dueMs }) => dueMs <= this.#steadyMs)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}
