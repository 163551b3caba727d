// How much of what is planned is done, by the counts of a run. PURE.
import type { RunProgress } from '../gen/drover/v1/run_pb.ts';

/** Planned items that are finished. Items that the plan settled count as skipped or failed without having been planned. */
export function plannedDone(progress: RunProgress): bigint {
  const { scannedItems, plannedItems, succeededItems, skippedItems, failedItems } = progress;
  return succeededItems + skippedItems + failedItems - (scannedItems - plannedItems);
}
