// Chance that can be repeated: everything random in a chaos run comes from one seed. Each part draws from a stream of its own, so that
// what one part draws does not depend on how often another one did, which depends on how fast the machine is.
import { createHash } from 'node:crypto';

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** A stream of its own; the same name gives the same one. */
  fork(name: string): Random {
    const digest = createHash('sha256').update(`${this.seed}/${name}`).digest();
    return new Random(digest.readUInt32LE());
  }

  /** From 0 to below 1. */
  next(): number {
    // Mulberry32: 32 bits of state are plenty for choices, and it is the same on every machine.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)]!;
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const keyed = list.map((value) => ({ value, key: this.next() }));
    return keyed.sort((one, other) => one.key - other.key).map(({ value }) => value);
  }

  /** One of a list that is not empty, each as likely as its weight says. */
  pickWeighted<T extends { weight: number }>(list: readonly T[]): T {
    const total = list.reduce((sum, { weight }) => sum + weight, 0);
    let rest = this.next() * total;
    return list.find(({ weight }) => (rest -= weight) < 0) ?? list.at(-1)!;
  }
}
