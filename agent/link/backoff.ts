export const backoffLeastMs = 200;
export const backoffMostMs = 10_000;

/** The first wait, and the longest. */
export interface BackoffRange {
  leastMs: number;
  mostMs: number;
}

const usual: BackoffRange = { leastMs: backoffLeastMs, mostMs: backoffMostMs };

/**
 * How long to wait before the next attempt, in milliseconds: doubled with each failure and spread over its upper half, so that
 * agents that lost the same coordinator do not come back in the same moment. PURE.
 * @param failures how many attempts failed in a row, from 1
 * @param random from 0 up to 1
 */
export function backoffMs(failures: number, random: number, { leastMs, mostMs } = usual): number {
  const most = Math.min(mostMs, leastMs * 2 ** Math.min(failures - 1, 16));
  return Math.round(most / 2 + (most / 2) * random);
}
