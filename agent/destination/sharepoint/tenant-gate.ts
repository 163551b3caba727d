// What lets requests to the tenant through, for all threads of the agent together: the service counts them together, so a pause
// that one thread is told to make is a pause for all, and the number of requests at once is one number. The state is in shared
// memory, and touched with Atomics only.
//
// The number of requests at once adapts: one more after as many good answers as there may be at once, half as many after a throttled
// one, and at most once for all requests that were on their way together. Where the service says how much of its budget is left
// (RateLimit headers, in resource units), requests wait for the next window before they would be refused.
import type { Clock } from '../../../lib/time.ts';

/** Shared memory of one gate. */
export interface GateMemory {
  /** See `cells`. */
  counts: Int32Array<SharedArrayBuffer>;
  /** See `times`; by the steady clock, which is one for all threads. */
  times: BigInt64Array<SharedArrayBuffer>;
}

const cells = {
  /** Requests on their way. */
  inFlight: 0,
  /** How many there may be. */
  limit: 1,
  /** Good answers since the limit last changed. */
  good: 2,
  /** Rises whenever somebody who waits should look again. */
  changes: 3,
  /** Throttled answers without a time to wait, one after another. */
  untimed: 4,
  /** Resource units left in the window that ends at `budgetReset`. */
  budget: 5,
  /** How many requests there may ever be at once. */
  limitMax: 6,
  /** Throttled answers, in all. */
  throttled: 7,
};

const times = {
  pausedUntil: 0,
  lastDecrease: 1,
  budgetReset: 2,
  /** Milliseconds that requests waited for the service, in all. */
  waited: 3,
};

/** A request waits at most so long before it looks again, should a signal have been lost. */
const lookAgainMs = 1000;
/** The pause after a throttled answer that names none; it doubles with each further one. */
const untimedPauseMs = 2000;
const untimedPauseMsMax = 60_000;
/** A pause is never longer, whatever the service says. */
const pauseMsMax = 60 * 60_000;

/** A new gate that lets at most `requestsMax` requests through at once. */
export function createGateMemory(requestsMax: number): GateMemory {
  const counts = new Int32Array(new SharedArrayBuffer(4 * Object.keys(cells).length));
  counts[cells.limitMax] = requestsMax;
  counts[cells.limit] = Math.max(1, Math.ceil(requestsMax / 2));
  return { counts, times: new BigInt64Array(new SharedArrayBuffer(8 * Object.keys(times).length)) };
}

/** What throttling cost so far, in all threads. */
export interface Throttling {
  /** Answers that were throttled. */
  requests: number;
  /** How long requests waited for it, all together. */
  waitMs: number;
}

export function throttlingOf({ counts, times: stamps }: GateMemory): Throttling {
  return {
    requests: Atomics.load(counts, cells.throttled),
    waitMs: Number(Atomics.load(stamps, times.waited)),
  };
}

/** One thread's hand on a gate. */
export class TenantGate {
  readonly #memory: GateMemory;
  readonly #clock: Clock;

  constructor(memory: GateMemory, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Waits until a request that costs so many resource units may be sent. Rejects with the signal's reason when it aborts. */
  async enter(resourceUnits: number, signal: AbortSignal): Promise<Passage> {
    const { counts } = this.#memory;
    for (;;) {
      signal.throwIfAborted();
      const changes = Atomics.load(counts, cells.changes);
      const waitMs = this.#pauseLeftMs(resourceUnits);
      if (waitMs > 0) {
        const sinceMs = this.#clock.steady();
        await this.#sleep(changes, waitMs, signal);
        Atomics.add(this.#memory.times, times.waited, BigInt(Math.round(this.#clock.steady() - sinceMs))); // oxfmt-ignore
        continue;
      }
      const inFlight = Atomics.load(counts, cells.inFlight);
      if (inFlight >= Atomics.load(counts, cells.limit)) {
        await this.#sleep(changes, lookAgainMs, signal);
        continue;
      }
      if (Atomics.compareExchange(counts, cells.inFlight, inFlight, inFlight + 1) !== inFlight)
        continue;
      if (this.#budgetResetMs() > this.#clock.steady()) Atomics.sub(counts, cells.budget, resourceUnits); // oxfmt-ignore
      return { startMs: this.#clock.steady() };
    }
  }

  /** The request has ended, however. Must follow every `enter`. */
  leave(): void {
    Atomics.sub(this.#memory.counts, cells.inFlight, 1);
    this.#wake(1);
  }

  /** The service answered as it should. */
  succeeded(): void {
    const { counts } = this.#memory;
    Atomics.store(counts, cells.untimed, 0);
    const limit = Atomics.load(counts, cells.limit);
    if (Atomics.add(counts, cells.good, 1) + 1 < limit) return;
    Atomics.store(counts, cells.good, 0);
    if (limit >= Atomics.load(counts, cells.limitMax)) return;
    Atomics.compareExchange(counts, cells.limit, limit, limit + 1);
    this.#wake(1);
  }

  /** The service throttled the request; everybody waits. `waitMs` is what it asked for, undefined when it named no time. */
  throttled(passage: Passage, waitMs: number | undefined): void {
    const { counts } = this.#memory;
    Atomics.add(counts, cells.throttled, 1);
    const untimed = waitMs === undefined ? Atomics.add(counts, cells.untimed, 1) : 0;
    const pauseMs = waitMs ?? Math.min(untimedPauseMs * 2 ** untimed, untimedPauseMsMax);
    this.pauseFor(pauseMs);
    this.slowDown(passage);
  }

  /** Everybody waits so long. */
  pauseFor(pauseMs: number): void {
    const until = this.#clock.steady() + Math.min(Math.max(pauseMs, 0), pauseMsMax);
    raise(this.#memory.times, times.pausedUntil, BigInt(Math.ceil(until)));
  }

  /** Half as many requests at once, once for all that were on their way together. */
  slowDown(passage: Passage): void {
    const { counts, times: stamps } = this.#memory;
    const last = Atomics.load(stamps, times.lastDecrease);
    if (BigInt(Math.floor(passage.startMs)) <= last) return;
    const now = BigInt(Math.ceil(this.#clock.steady()));
    if (Atomics.compareExchange(stamps, times.lastDecrease, last, now) !== last) return;
    const limit = Atomics.load(counts, cells.limit);
    Atomics.store(counts, cells.limit, Math.max(1, Math.floor(limit / 2)));
    Atomics.store(counts, cells.good, 0);
  }

  /** The service said how many resource units are left, and for how long. Requests on their way are taken off. */
  budget(remaining: number, resetMs: number): void {
    const { counts, times: stamps } = this.#memory;
    const reserved = Atomics.load(counts, cells.inFlight) * usualResourceUnits;
    Atomics.store(counts, cells.budget, Math.floor(remaining - reserved));
    const reset = this.#clock.steady() + Math.min(resetMs, pauseMsMax);
    Atomics.store(stamps, times.budgetReset, BigInt(Math.ceil(reset)));
  }

  #pauseLeftMs(resourceUnits: number): number {
    const { counts, times: stamps } = this.#memory;
    const now = this.#clock.steady();
    const pausedMs = Number(Atomics.load(stamps, times.pausedUntil)) - now;
    const resetMs = this.#budgetResetMs() - now;
    const isSpent = resetMs > 0 && Atomics.load(counts, cells.budget) < resourceUnits;
    return Math.max(pausedMs, isSpent ? resetMs : 0);
  }

  #budgetResetMs(): number {
    return Number(Atomics.load(this.#memory.times, times.budgetReset));
  }

  /** Until something changes, the time is over, or the signal aborts. */
  async #sleep(changes: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const { counts } = this.#memory;
    const waiting = Atomics.waitAsync(counts, cells.changes, changes, Math.min(waitMs, lookAgainMs)); // oxfmt-ignore
    if (!waiting.async) return;
    const cancelled = Promise.withResolvers<void>();
    const cancel = () => cancelled.resolve();
    signal.addEventListener('abort', cancel, { once: true });
    await Promise.race([waiting.value, cancelled.promise]);
    signal.removeEventListener('abort', cancel);
  }

  #wake(waiting: number): void {
    Atomics.add(this.#memory.counts, cells.changes, 1);
    Atomics.notify(this.#memory.counts, cells.changes, waiting);
  }
}

/** What `enter` gives and the answer is reported with. */
export interface Passage {
  /** By the steady clock. */
  startMs: number;
}

/** What most requests cost, for those on their way. */
const usualResourceUnits = 2;

function raise(array: BigInt64Array<SharedArrayBuffer>, index: number, value: bigint): void {
  for (let old = Atomics.load(array, index); old < value; old = Atomics.load(array, index))
    if (Atomics.compareExchange(array, index, old, value) === old) return;
}
