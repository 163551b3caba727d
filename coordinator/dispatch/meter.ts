// How fast a run is: totals sampled over the last seconds. PURE: the time is passed in.
import type { Amount } from './shown-progress.ts';

/** Rates are taken over this time. */
const windowMs = 8_000;
/** Samples that are closer together than this replace each other, so that their number is bounded. */
const sampleIntervalMs = 200;

interface Sample {
  timeMs: number;
  items: bigint;
  bytes: bigint;
}

export interface Rates {
  itemsPerSecond: number;
  bytesPerSecond: number;
}

export class Meter {
  readonly #samples: Sample[] = [];

  /** What was before does not count: nobody worked then. */
  restart(): void {
    this.#samples.length = 0;
  }

  /** Notes the totals of finished items and written bytes at a time. */
  sample(timeMs: number, items: bigint, bytes: bigint): void {
    const last = this.#samples.at(-1);
    // Nothing was heard for long, so there was nothing to be told.
    if (last !== undefined && timeMs - last.timeMs > windowMs)
      this.#samples.splice(0, Infinity, { ...last, timeMs: timeMs - sampleIntervalMs });
    const before = this.#samples.at(-2);
    const recent = before !== undefined && timeMs - before.timeMs < sampleIntervalMs;
    if (recent) this.#samples.pop();
    this.#samples.push({ timeMs, items, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.timeMs <= timeMs - windowMs)
      this.#samples.shift();
  }

  rates(nowMs: number): Rates {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const isOld = last !== undefined && nowMs - last.timeMs > windowMs;
    if (first === undefined || last === undefined || first === last || isOld)
      return { itemsPerSecond: 0, bytesPerSecond: 0 };
    const seconds = Math.max(nowMs - first.timeMs, 1) / 1000;
    return {
      itemsPerSecond: Math.max(Number(last.items - first.items) / seconds, 0),
      bytesPerSecond: Math.max(Number(last.bytes - first.bytes) / seconds, 0),
    };
  }
}

/**
 * Whether the bytes of a second say anything about those that are left. Where the small files come first, a share of the items is done with next to no
 * bytes, and of a run of seconds it would be said that it lasts for hours; and before the first item is done nothing is known of a second.
 */
export function doBytesTell(done: Amount, planned: Amount): boolean {
  if (done.bytes * 100n >= planned.bytes) return true;
  return done.items > 0n && done.items * 100n < planned.items;
}

/**
 * The time to the end: the longer of what the items and what the bytes ask for, since a run of many small files is bound by
 * the one and a run of few large files by the other. Undefined while nothing moves of what is left.
 */
export function timeLeftMs(itemsLeft: bigint, bytesLeft: bigint, rates: Rates): number | undefined {
  if (itemsLeft <= 0n) return 0;
  const seconds: number[] = [];
  if (rates.itemsPerSecond > 0) seconds.push(Number(itemsLeft) / rates.itemsPerSecond);
  if (rates.bytesPerSecond > 0 && bytesLeft > 0n)
    seconds.push(Number(bytesLeft) / rates.bytesPerSecond);
  return seconds.length === 0 ? undefined : Math.max(...seconds) * 1000;
}
