// Chance for tests: a seed determines everything, so that a failure can be played again.

/** A whole number from 0 up to, and not including, the limit. */
export type Below = (limit: number) => number;

/** Numbers that `seed` determines (mulberry32). */
export function numbersOf(seed: number): Below {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
