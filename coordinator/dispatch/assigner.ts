// Gives out work, a round at a time, as long as somebody has room and some run has work.
import type { Clock } from '../../lib/time.ts';
import type { Store } from '../store/store.ts';
import { choosePair, type Demand, type Offer } from './assign.ts';
import { commitLeases, type Pick, type Round } from './lease-commit.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { OpenRuns } from './open-runs.ts';
import type { RunFeed } from './run-feed.ts';
import type { Session } from './session.ts';

export interface AssignerParts {
  store: Store;
  clock: Clock;
  runs: OpenRuns;
  leases: LeaseKeeper;
  /** The attached sessions, by their agent's id. */
  sessions: ReadonlyMap<string, Session>;
  onFailure: (error: unknown) => void;
}

export class Assigner {
  readonly #parts: AssignerParts;
  #round: Promise<void> | undefined;
  #again = false;
  #closed = false;

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
    const { runs, leases, sessions } = this.#parts;
    while (this.#again && !this.#closed) {
      this.#again = false;
      const picks = await this.#pick();
      if (picks.length === 0) continue;
      const { grants, stopped } = await this.#commit(picks);
      for (const grant of grants) {
        const { feed, row, session } = grant;
        runs.update(feed, row);
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
      ungranted = round.stopped;
      return round;
    } finally {
      for (const { feed, work } of ungranted) feed.giveBack(work);
    }
  }

  async #pick(): Promise<Pick[]> {
    const { runs, sessions } = this.#parts;
    const offers = [...sessions.values()].map((session) => this.#offer(session));
    let demands = runs.all().map((feed) => this.#demand(feed));
    const picks: Pick[] = [];
    for (let pair = choosePair(offers, demands); pair; pair = choosePair(offers, demands)) {
      const { offer, demand } = pair;
      const work = await demand.feed.take();
      if (work === undefined) {
        demands = demands.filter((other) => other !== demand);
        continue;
      }
      offer.free -= 1;
      demand.leases += 1;
      picks.push({ session: offer.session, feed: demand.feed, work });
    }
    return picks;
  }

  #offer(session: Session): Offer & { session: Session } {
    const used = this.#parts.leases.table.ofSession(session).length;
    const free = session.takesWork ? session.slots - used : 0;
    return { session, free, locationKinds: session.hello.locationKinds };
  }

  #demand(feed: RunFeed): Demand & { feed: RunFeed } {
    const leases = this.#parts.leases.table.ofRun(feed.key).length;
    return { feed, leases, locationKinds: feed.locationKinds };
  }
}
