// How long a run still takes, while its source is still being scanned: what the run before found says how far the scan is. PURE.
import type { RunProgress } from '../../gen/drover/v1/run_pb.ts';
import { timeLeftMs, type Rates } from './meter.ts';

/** Before the scan has come so far, in parts of the whole, what it found says too little about the rest. */
const scannedShareMin = 0.1;

export interface EarlyEstimate {
  progress: RunProgress;
  /** How many items the run before found. */
  foundBefore: bigint;
  /** Of what is planned so far. */
  itemsLeft: bigint;
  bytesLeft: bigint;
  /** How long the run has been going. */
  elapsedMs: number;
  rates: Rates;
}

/**
 * The time to the end: that of the scan, or that of all that will have been planned if the rest of the source is like what was found,
 * whichever is longer. Undefined while that cannot be told: in the beginning, and when more was found than the run before had.
 */
export function earlyTimeLeftMs(estimate: EarlyEstimate): number | undefined {
  const { progress, foundBefore, itemsLeft, bytesLeft, elapsedMs, rates } = estimate;
  const share = Number(progress.scannedItems) / Number(foundBefore);
  if (!(share >= scannedShareMin && share < 1)) return undefined;
  const scanMs = (Math.max(elapsedMs, 0) * (1 - share)) / share;
  const more = (1 - share) / share;
  const items = atLeastNone(itemsLeft) + portion(progress.plannedItems, more);
  const bytes = atLeastNone(bytesLeft) + portion(progress.plannedBytes, more);
  const workMs = timeLeftMs(items, bytes, rates);
  return workMs === undefined ? undefined : Math.max(scanMs, workMs);
}

function portion(count: bigint, share: number): bigint {
  return BigInt(Math.round(Number(count) * share));
}

function atLeastNone(count: bigint): bigint {
  return count > 0n ? count : 0n;
}
