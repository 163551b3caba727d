// How many leases agents held of a run over the last seconds. PURE: times are passed in.

/** What was so many seconds ago counts for a third. */
const memoryMs = 10_000;

/** A decayed mean of a count. */
export class LeaseMean {
  #mean = 0;
  #leases = 0;
  #timeMs: number | undefined;

  /** The mean up to now; from now on there are so many. */
  note(leases: number, nowMs: number): number {
    const passedMs = Math.max(nowMs - (this.#timeMs ?? nowMs), 0);
    this.#mean += (this.#leases - this.#mean) * (1 - Math.exp(-passedMs / memoryMs));
    this.#leases = leases;
    this.#timeMs = nowMs;
    return this.#mean;
  }
}
