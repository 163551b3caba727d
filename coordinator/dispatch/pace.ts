// How fast an agent works, by its last leases. PURE: times are passed in.
import { workUnits, type WorkSize } from './work-size.ts';

/** How much of the past counts: what was done before so many seconds of work counts less than half. */
const memorySeconds = 30;
/** No lease takes less, or an empty one would make an agent infinitely fast. */
const leaseSecondsMin = 0.005;

/** A decayed mean of what one slot of an agent does in a second. */
export class Pace {
  #units = 0;
  #seconds = 0;

  /** Notes a lease that took a slot for so long. */
  note(size: WorkSize, tookMs: number): void {
    const seconds = Math.max(tookMs / 1000, leaseSecondsMin);
    const kept = Math.exp(-seconds / memorySeconds);
    this.#units = this.#units * kept + workUnits(size);
    this.#seconds = this.#seconds * kept + seconds;
  }

  /** Units a second of one slot; undefined before the first lease. */
  get unitsPerSecond(): number | undefined {
    return this.#seconds === 0 ? undefined : this.#units / this.#seconds;
  }
}
