// Gives out work, a round at a time, as long as somebody has room and some run has work.
import type { Clock } from '../../lib/time.ts';
import type { Store } from '../store/store.ts';
import { Match, threadsOf, type Demand, type Offer } from './assign.ts';
import { commitLeases, type Pick, type Round } from './lease-commit.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { freeSlots, isBatch } from './lease-table.ts';
import { leaseShare } from './lease-share.ts';
import type { OpenRuns } from './open-runs.ts';
import { canServe } from './reach.ts';
import type { RunFeed } from './run-feed.ts';
import type { Session } from './session.ts';
import { notToScan } from './unread-source.ts';
import { workUnits, type WorkSize } from './work-size.ts';

/** How many leases a round gives at most: each holds the items of its batch in memory until its agent has read them. */
const picksMax = 64;

export interface AssignerParts {
  store: Store;
  clock: Clock;
  runs: OpenRuns;
  leases: LeaseKeeper;
  /** The attached sessions, by their agent's id. */
  sessions: ReadonlyMap<string, Session>;
  /** Nothing is left to be given; these are the sessions that take work. */
  onSettled: (offers: readonly SessionOffer[]) => void;
  onFailure: (error: unknown) => void;
}

/** A session that takes work. */
export interface SessionOffer extends Offer {
  session: Session;
}

interface FeedDemand extends Demand {
  feed: RunFeed;
  /** Leases of batches that agents hold, those chosen in this round included. */
  batches: number;
  /** What all threads do that can work on it; undefined until it is asked for. */
  allSpeeds: number | undefined;
}

export class Assigner {
  readonly #parts: AssignerParts;
  #round: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #served = 0;

  constructor(parts: AssignerParts) {
    this.#parts = parts;
  }

  /** Something changed that may let work be given out. Rounds never overlap; one that is going is followed by another. */
  wake(): void {
    this.#again = true;
    this.#round ??= this.#rounds()
      .catch(this.#parts.onFailure)
      .finally(() => {
        this.#round = undefined;
        if (this.#again && !this.#closed) this.wake();
      });
  }

  /** Gives out nothing more; resolves when the round that is going has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#round;
  }

  async #rounds(): Promise<void> {
    const { runs, leases, sessions, onSettled } = this.#parts;
    while (this.#again && !this.#closed) {
      this.#again = false;
      const { picks, offers } = await this.#pick();
      if (picks.length === 0) {
        onSettled(offers);
        continue;
      }
      const { grants, stopped, rows } = await this.#commit(picks);
      for (const [feed, row] of rows) runs.update(feed, row);
      for (const grant of grants) {
        const { feed, work, session, rest } = grant;
        if (rest !== undefined && work.kind === 'batch') feed.addPart(work.batch, rest);
        leases.give(grant, sessions.get(session.agent) === session && !session.closed);
      }
      // Runs that were stopped are picked from again only when the dispatcher has heard of it, or this would never end.
      if (stopped.length < picks.length) this.#again = true;
    }
  }

  /** What was picked and not granted goes back when it will be wanted again: when the store failed, or its run was stopped. */
  async #commit(picks: readonly Pick[]): Promise<Round> {
    const { store, clock } = this.#parts;
    let ungranted = picks;
    try {
      const round = await commitLeases(store, picks, clock.now());
      ungranted = [...round.stopped, ...round.misfits];
      return round;
    } finally {
      for (const { feed, work } of picks) feed.settle(work);
      for (const { feed, work } of ungranted) feed.giveBack(work);
    }
  }

  async #pick(): Promise<{ picks: Pick[]; offers: SessionOffer[] }> {
    const { runs, sessions } = this.#parts;
    const offers = this.#offers([...sessions.values()].filter((session) => session.takesWork));
    const match = new Match(offers, runs.all().map((feed) => this.#demand(feed))); // oxfmt-ignore
    const picks: Pick[] = [];
    // What is left over comes in the next round.
    for (
      let pair = match.next();
      pair !== undefined && picks.length < picksMax;
      pair = match.next()
    ) {
      const { offer, demand, isScan } = pair;
      const { feed } = demand;
      const work = isScan ? feed.takeScan() : await feed.takeBatch();
      if (work === undefined) {
        match.drop(pair);
        continue;
      }
      if (work.kind === 'batch') await feed.readMore(demand.batches + 1);
      const shareUnits = work.kind === 'batch' ? this.#share(offer, demand, offers, work.size) : undefined; // oxfmt-ignore
      match.give(pair);
      if (work.kind === 'batch') demand.batches += 1;
      feed.lastServed = this.#served += 1;
      demand.lastServed = feed.lastServed;
      picks.push({ session: offer.session, feed, work, shareUnits });
    }
    return { picks, offers };
  }

  #offers(sessions: readonly Session[]): SessionOffer[] {
    const known = sessions.flatMap(({ speed }) => speed.pace.unitsPerSecond ?? []);
    // Who has done nothing yet is thought to be as fast as the others are.
    const usual = known.length === 0 ? 1 : known.reduce((sum, one) => sum + one, 0) / known.length;
    return sessions.map((session) => {
      const { slots, ability } = session;
      return {
        ...ability,
        session,
        agent: session.agent,
        slots,
        ...freeSlots(slots, this.#parts.leases.table.ofSession(session)),
        speed: session.speed.pace.unitsPerSecond ?? usual,
      };
    });
  }

  #demand(feed: RunFeed): FeedDemand {
    const leases = this.#parts.leases.table.ofRun(feed.key);
    return {
      ...feed.need,
      feed,
      leases: leases.length,
      batches: leases.filter(isBatch).length,
      meanLeases: feed.leaseMean.note(leases.length, this.#parts.clock.steady()),
      weight: feed.weight,
      lastServed: feed.lastServed,
      wantsScan: feed.wantsScan,
      wantsBatches: feed.wantsBatches,
      notToScan: notToScan(feed, this.#parts.sessions.values()),
      allSpeeds: undefined,
    };
  }

  /** How much the batch that was just taken may hold; undefined while there is plenty. */
  #share(
    { session, speed }: SessionOffer,
    demand: FeedDemand,
    offers: readonly SessionOffer[],
    taken: WorkSize,
  ): number | undefined {
    const { feed } = demand;
    // A page may have come in since the batches were read, so that this is the least that is left.
    const left = feed.heldUnits;
    if (left === undefined) return undefined;
    demand.allSpeeds ??= offers
      .filter((offer) => canServe(offer, demand))
      .reduce((sum, offer) => sum + offer.speed * threadsOf(offer), 0);
    return leaseShare({
      leftUnits: left + workUnits(taken),
      isMoreToCome: !feed.row.run!.progress!.scanComplete,
      unitsPerItem: workUnits(taken) / Math.max(taken.items, 1),
      speed,
      allSpeeds: demand.allSpeeds,
      unitsPerSecond: session.speed.pace.unitsPerSecond,
    });
  }
}
