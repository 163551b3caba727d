// Takes leases back when nothing is left to be given and agents have nothing to do: one that waits for a thread, and one that others
// would be done with much sooner. What was done of it stays done, and the rest is given out anew. A lease is taken back once:
// what came of it is not taken from the next holder, unless that one is silent.
import type { Clock } from '../../lib/time.ts';
import { idleThreads } from './assign.ts';
import type { SessionOffer } from './assigner.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { isBatch, type LiveLease } from './lease-table.ts';
import type { OpenRuns } from './open-runs.ts';
import { canServe } from './reach.ts';
import type { RunFeed } from './run-feed.ts';
import { isWorthTakingBack, type Idle } from './worth-taking-back.ts';

/** How often leases are looked at while agents have nothing to do. */
const intervalMs = 500;
/** An agent that was not heard of for so long may have no network any more. */
const silentMs = 15_000;

export interface TakeBackParts {
  clock: Clock;
  runs: OpenRuns;
  leases: LeaseKeeper;
  /** It is time to look again. */
  onTime: () => void;
  onFailure: (error: unknown) => void;
}

export class TakeBack {
  readonly #parts: TakeBackParts;
  #cancel: (() => void) | undefined;

  constructor(parts: TakeBackParts) {
    this.#parts = parts;
  }

  /** Looks at the leases of every run of which nothing is left to be given; the offers are those of all sessions that take work. */
  consider(offers: readonly SessionOffer[]): void {
    const idle = offers.filter((offer) => idleThreads(offer) > 0);
    let isWatching = false;
    if (idle.length > 0)
      for (const feed of this.#parts.runs.all())
        if (feed.isGoing && this.#considerRun(feed, idle)) isWatching = true;
    if (isWatching) this.#watch();
    else this.close();
  }

  /** Looks no more. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Answers whether it has to be looked at again. */
  #considerRun(feed: RunFeed, idle: readonly SessionOffer[]): boolean {
    const batches = this.#parts.leases.table.ofRun(feed.key).filter(isBatch); // oxfmt-ignore
    if (batches.length === 0 || feed.leftUnits(batches.length) !== 0) return false;
    const able = idle.filter((offer) => canServe(offer, feed.need));
    const unitsPerSecond = fastest(able);
    // What is on its way back already will be given to some of them.
    let threads = able.reduce((sum, offer) => sum + idleThreads(offer), 0) - batches.filter(({ revoking }) => revoking).length; // oxfmt-ignore
    const candidates = batches.filter((lease) => this.#isCandidate(feed, lease));
    for (const lease of candidates.toSorted(byUrgency)) {
      if (threads <= 0) break;
      if (!this.#isWorth(lease, able, { threads, unitsPerSecond })) continue;
      threads -= 1;
      this.#revoke(feed, lease);
    }
    return able.length > 0 && candidates.length > 0;
  }

  #isCandidate(feed: RunFeed, { target, session, revoking }: LiveLease): boolean {
    if (target.kind !== 'batch' || session === undefined || revoking) return false;
    if (!feed.takenBack.has(target.batch.batch)) return true;
    return session.silentMs(this.#parts.clock) >= silentMs;
  }

  #isWorth(lease: LiveLease, able: readonly SessionOffer[], idle: Idle): boolean {
    const { size, items, bytes, session, startTimeMs } = lease;
    const begun = items > 0n || bytes > 0n;
    if (startTimeMs === undefined && !begun) return able.some((offer) => offer.session !== session);
    const nowMs = this.#parts.clock.steady();
    const workedMs = nowMs - (startTimeMs ?? nowMs);
    const unitsPerSecond = session!.speed.pace.unitsPerSecond;
    const done = { items: Number(items), bytes };
    return isWorthTakingBack({ size, done, workedMs, unitsPerSecond }, idle);
  }

  #revoke(feed: RunFeed, lease: LiveLease): void {
    if (lease.target.kind === 'batch') feed.takenBack.add(lease.target.batch.batch);
    this.#parts.leases.revoke(lease, 'others can do it sooner').catch(this.#parts.onFailure);
  }

  #watch(): void {
    this.#cancel ??= this.#parts.clock.after(intervalMs, () => {
      this.#cancel = undefined;
      this.#parts.onTime();
    });
  }
}

/** What waits for a thread comes first, then what was begun last. */
function byUrgency(one: LiveLease, other: LiveLease): number {
  return (other.startTimeMs ?? Infinity) > (one.startTimeMs ?? Infinity) ? 1 : -1;
}

function fastest(offers: readonly SessionOffer[]): number | undefined {
  const known = offers.flatMap(({ session }) => session.speed.pace.unitsPerSecond ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}
