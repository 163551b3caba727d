// Generations when a store went back in time. A restored store knows nothing of the leases that were given after its backup, and batches
// that are cut anew may get the numbers of those that were cut then. So that no report on a lease of that lost time is ever taken for one
// on a lease of now, every lease that is given after a restoration has a generation above all that there can have been.
import { LeaseState, type LeaseRow } from '../../gen/drover/store/v1/rows_pb.ts';

/** Lifts a lease that nobody holds above the leases of before the restoration, so that the next one to hold it is above them too. */
export function raiseGeneration(lease: LeaseRow | undefined, base: number): void {
  if (lease?.state === LeaseState.PENDING && lease.generation < base) lease.generation = base;
}

/**
 * The base of a store that is restored now. It is the time in seconds: the same backup may be restored twice, and then what was given
 * between the two is to be refused as well. That is above every generation of before, because no lease is given again more than
 * once a second, and it fits a generation's 32 bits until the year 2106.
 */
export function generationBaseAt(nowMs: number, before: number): number {
  return Math.max(Math.floor(nowMs / 1000), before + 1);
}
