// What can be said of a run that is going, beyond what is stored. PURE, but that what is shown of a run is remembered in its feed.
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Clock } from '../../lib/time.ts';
import { plannedDone } from '../../lib/planned-done.ts';
import type { LiveProgress } from './dispatcher.ts';
import { earlyTimeLeftMs } from './early-estimate.ts';
import { freeSlots, type LeaseTable, type LiveLease } from './lease-table.ts';
import { doBytesTell, timeLeftMs } from './meter.ts';
import type { RunFeed } from './run-feed.ts';
import type { Session } from './session.ts';
import type { Amount } from './shown-progress.ts';
import { notToScan } from './unread-source.ts';
import { waitingFor } from './waiting-for.ts';

/** `table` has the leases of all runs; `sessions` are all that are attached. */
export function liveProgress(
  feed: RunFeed,
  table: LeaseTable,
  sessions: Iterable<Session>,
  clock: Clock,
): LiveProgress {
  const inFlight = inFlightOf(feed, table);
  const rates = feed.meter.rates(clock.steady());
  const progress = feed.row.run!.progress!;
  const done = progress.succeededBytes + progress.failedBytes + inFlight.bytes;
  const itemsDone = plannedDone(progress) + inFlight.items;
  return {
    inFlightItems: inFlight.items,
    inFlightBytes: inFlight.bytes,
    itemsPerSecond: rates.itemsPerSecond,
    bytesPerSecond: BigInt(Math.round(rates.bytesPerSecond)),
    timeLeftMs: feed.isGoing ? left(feed, { items: itemsDone, bytes: done }, clock) : undefined,
    waitingFor: table.ofRun(feed.key).length > 0 ? '' : waits(feed, table, sessions),
  };
}

function left(feed: RunFeed, done: Amount, clock: Clock): number | undefined {
  const { foundBefore, meter } = feed;
  const { progress, startTime } = feed.row.run!;
  const rates = meter.rates(clock.steady());
  const itemsLeft = progress!.plannedItems - done.items;
  const bytesLeft = progress!.plannedBytes - done.bytes;
  if (progress!.scanComplete) {
    const planned = { items: progress!.plannedItems, bytes: progress!.plannedBytes };
    return timeLeftMs(itemsLeft, doBytesTell(done, planned) ? bytesLeft : 0n, rates);
  }
  if (foundBefore === undefined || startTime === undefined) return undefined;
  const elapsedMs = clock.now() - timestampMs(startTime);
  return earlyTimeLeftMs({ progress: progress!, foundBefore, itemsLeft, bytesLeft, elapsedMs, rates }); // oxfmt-ignore
}

/** What is shown as in flight. */
export function inFlightOf(feed: RunFeed, table: LeaseTable): Amount {
  return feed.shown.inFlight(feed.row.run!.progress!, table.inFlight(feed.key));
}

function waits(feed: RunFeed, table: LeaseTable, sessions: Iterable<Session>): string {
  const attached = [...sessions];
  const asked = notToScan(feed, attached);
  const waited = attached.map((session) => {
    const { agent, offered, attention, draining, availability, hello } = session;
    return {
      agent,
      version: hello.version,
      offered,
      attention,
      draining,
      availability,
      sourceRoots: hello.sourceRoots,
      hasRoom: !asked.has(session.agent) && hasRoom(feed, session, table.ofSession(session)),
    };
  });
  return waitingFor(feed.row.run!, feed.need, feed, waited);
}

function hasRoom(feed: RunFeed, { slots }: Session, leases: readonly LiveLease[]): boolean {
  const { free, scansFree } = freeSlots(slots, leases);
  return (feed.wantsBatches ? free : scansFree) > 0;
}
