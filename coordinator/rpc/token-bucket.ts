// How often something may be done: so many at once, and so many a second in the long run. Buckets are kept by name, and no more of them
// than a named maximum; a bucket that is full again is as good as none.
export interface BucketRate {
  /** How many a second, in the long run. */
  perSecond: number;
  /** How many at once, when nothing was done for a while. */
  burst: number;
}

interface Bucket {
  level: number;
  atMs: number;
}

/** How many buckets are kept at most; beyond that the oldest is forgotten. */
const bucketsMax = 10_000;

export class TokenBuckets {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: BucketRate) {
    this.#rate = rate;
  }

  /** Takes one if there is one. Answers how long to wait for it otherwise, in milliseconds; 0 when it was taken. */
  take(name: string, nowMs: number): number {
    const level = this.#level(name, nowMs);
    if (level < 1) return Math.ceil(((1 - level) / this.#rate.perSecond) * 1000);
    // Put last, so that the first of the map is the one that was used longest ago.
    this.#buckets.delete(name);
    this.#buckets.set(name, { level: level - 1, atMs: nowMs });
    if (this.#buckets.size > bucketsMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    return 0;
  }

  /** Whether there is none to take. */
  isEmpty(name: string, nowMs: number): boolean {
    return this.#level(name, nowMs) < 1;
  }

  #level(name: string, nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.level + ((nowMs - bucket.atMs) / 1000) * perSecond);
  }
}
