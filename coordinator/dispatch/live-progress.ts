// What can be said of a run that is going, beyond what is stored. PURE.
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { canServe } from './assign.ts';
import type { LiveProgress } from './dispatcher.ts';
import type { LiveLease } from './lease-table.ts';
import { timeLeftMs } from './meter.ts';
import type { RunFeed } from './run-feed.ts';
import type { Session } from './session.ts';

/** `leases` are those of the run, `sessions` all that are attached. */
export function liveProgress(
  feed: RunFeed,
  leases: readonly LiveLease[],
  sessions: readonly Session[],
  nowMs: number,
): LiveProgress {
  const batches = leases.filter(({ target }) => target.kind === 'batch');
  const inFlightItems = batches.reduce((sum, { items }) => sum + items, 0n);
  const inFlightBytes = batches.reduce((sum, { bytes }) => sum + bytes, 0n);
  const rates = feed.meter.rates(nowMs);
  const progress = feed.row.run!.progress!;
  const done = progress.succeededBytes + progress.failedBytes + inFlightBytes;
  const itemsDone = plannedDone(feed) + inFlightItems;
  return {
    inFlightItems,
    inFlightBytes,
    itemsPerSecond: rates.itemsPerSecond,
    bytesPerSecond: BigInt(Math.round(rates.bytesPerSecond)),
    timeLeftMs:
      progress.scanComplete && feed.isGoing
        ? timeLeftMs(progress.plannedItems - itemsDone, progress.plannedBytes - done, rates)
        : undefined,
    waitingFor: leases.length > 0 ? '' : waitingFor(feed, sessions),
  };
}

/** Planned items that are finished. Items that the plan settled count as skipped or failed without having been planned. */
function plannedDone(feed: RunFeed): bigint {
  const { scannedItems, plannedItems, succeededItems, skippedItems, failedItems } =
    feed.row.run!.progress!;
  return succeededItems + skippedItems + failedItems - (scannedItems - plannedItems);
}

function waitingFor(feed: RunFeed, sessions: readonly Session[]): string {
  switch (feed.row.run!.state) {
    case RunState.PAUSED:
      return 'somebody to resume it';
    case RunState.CANCELLING:
      return 'its agents to stop';
    default:
  }
  if (sessions.length === 0) return 'an agent: none is attached';
  const demand = { leases: 0, locationKinds: feed.locationKinds };
  const able = sessions.filter(({ hello }) =>
    canServe({ free: 1, locationKinds: hello.locationKinds }, demand),
  );
  if (able.length === 0) return `an agent that can serve ${feed.locationKinds.join(' and ')}`;
  if (able.every(({ draining }) => draining)) return 'an agent that is not draining';
  return 'a free slot: other runs have them all';
}
