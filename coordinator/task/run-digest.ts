// The digest of a plan on its way: it grows with the pages of the scan, and stands in the run's row between them. PURE.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { emptyDigest, type GrowingDigest } from '../../lib/plan-digest.ts';

/** Of the scanned items. */
export function plannedDigest({ scan }: RunRow): GrowingDigest {
  return { digest: scan!.plannedDigest, rest: scan!.plannedRest };
}

/** Of what is gone from the source. */
export function goneDigest({ scan }: RunRow): GrowingDigest {
  return { digest: scan!.goneDigest, rest: scan!.goneRest };
}

/** Keeps it, in place. */
export function setPlannedDigest({ scan }: RunRow, { digest, rest }: GrowingDigest): void {
  scan!.plannedDigest = digest;
  scan!.plannedRest = rest;
}

/** Keeps it, in place. */
export function setGoneDigest({ scan }: RunRow, { digest, rest }: GrowingDigest): void {
  scan!.goneDigest = digest;
  scan!.goneRest = rest;
}

/** The digest of the plan is made, and what it was made of is not needed any more, in place. */
export function endDigests({ scan }: RunRow): void {
  scan!.plannedRest = emptyDigest.rest;
  scan!.goneRest = emptyDigest.rest;
}
