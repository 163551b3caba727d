// Who gets the next piece of work. PURE.
//
// Runs share the slots in proportion to their weights: the next lease goes to the run with the fewest leases for its weight. What a run
// held over the last seconds counts as much as what it holds now, so that of two runs that cannot both have a slot each gets its
// turns, one of low priority too. A scan is one lease like any other; but an agent never does so many at once that no thread is left
// for batches, as scans can take hours.
import { canServe, type Ability, type Need } from './reach.ts';

/** A session, as far as the choice needs it. */
export interface Offer extends Ability {
  /** The agent's id. */
  agent: string;
  /** Leases it takes at once: one more than it has threads, unless that is one. */
  slots: number;
  /** Slots that nothing is in. */
  free: number;
  /** How many more scans it may be given. */
  scansFree: number;
  /** What one of its threads does, in proportion to the other sessions. */
  speed: number;
}

/** A run with work, as far as the choice needs it. */
export interface Demand extends Need {
  /** Leases that agents hold of it, those chosen in this round included. */
  leases: number;
  /** How many they held over the last seconds, in the mean. */
  meanLeases: number;
  /** Its priority. */
  weight: number;
  /** When it was served last, in rounds or whatever rises. */
  lastServed: number;
  wantsScan: boolean;
  wantsBatches: boolean;
  /** Agents that do not get the scan, by id. @default none */
  notToScan?: ReadonlySet<string>;
}

export interface Pair<O extends Offer, D extends Demand> {
  offer: O;
  demand: D;
  /** Whether it is the scan that is to be given. */
  isScan: boolean;
}

/** How many threads an agent has, by its slots. */
export function threadsOf({ slots }: { slots: number }): number {
  return Math.max(slots - 1, 1);
}

/** How many scans an agent does at once at most. */
export function scansMax(offer: { slots: number }): number {
  return Math.ceil(threadsOf(offer) / 2);
}

/** How many threads of a session have nothing to do. */
export function idleThreads({ slots, free }: { slots: number; free: number }): number {
  return Math.max(threadsOf({ slots }) - (slots - free), 0);
}

/** One round of giving out: pairs are chosen one after the other, and what is given is taken off the offers. */
export class Match<O extends Offer, D extends Demand> {
  readonly #offers: readonly O[];
  readonly #able = new Map<D, O[]>();
  #demands: D[];

  /** `offers` and `demands` change as work is given. */
  constructor(offers: readonly O[], demands: readonly D[]) {
    this.#offers = offers.filter(({ free }) => free > 0);
    this.#demands = demands.filter(({ wantsScan, wantsBatches }) => wantsScan || wantsBatches);
  }

  /** The pair to serve next; undefined when nobody with room can do anything. */
  next(): Pair<O, D> | undefined {
    while (this.#demands.length > 0) {
      const demand = this.#demands.reduce((least, other) => (isBefore(other, least) ? other : least)); // oxfmt-ignore
      const offer = this.#bestFor(demand);
      if (offer !== undefined)
        return { offer, demand, isScan: demand.wantsScan && mayScan(offer, demand) };
      // Room only becomes less, so who cannot be served now is not asked again; of thousands of runs that wait, all are let go at once.
      this.#demands = this.#demands.filter((other) => this.#bestFor(other) !== undefined);
    }
    return undefined;
  }

  /** The pair was served. */
  give({ offer, demand, isScan }: Pair<O, D>): void {
    offer.free -= 1;
    demand.leases += 1;
    if (!isScan) return;
    offer.scansFree -= 1;
    demand.wantsScan = false;
  }

  /** There was nothing of what the run wanted. */
  drop({ demand, isScan }: Pair<O, D>): void {
    if (isScan) demand.wantsScan = false;
    else demand.wantsBatches = false;
    if (demand.wantsScan || demand.wantsBatches) return;
    this.#demands = this.#demands.filter((other) => other !== demand);
  }

  #bestFor(demand: D): O | undefined {
    let best: O | undefined;
    for (const offer of this.#ableFor(demand)) {
      const hasRoom = demand.wantsBatches || mayScan(offer, demand);
      if (offer.free > 0 && hasRoom && (best === undefined || isBetter(offer, best))) best = offer;
    }
    return best;
  }

  #ableFor(demand: D): O[] {
    const known = this.#able.get(demand);
    if (known !== undefined) return known;
    const able = this.#offers.filter((offer) => canServe(offer, demand));
    this.#able.set(demand, able);
    return able;
  }
}

function mayScan({ agent, scansFree }: Offer, { notToScan }: Demand): boolean {
  return scansFree > 0 && notToScan?.has(agent) !== true;
}

function isBefore(one: Demand, other: Demand): boolean {
  const [share, otherShare] = [shareOf(one), shareOf(other)];
  return share < otherShare || (share === otherShare && one.lastServed < other.lastServed);
}

function shareOf({ leases, meanLeases, weight }: Demand): number {
  return (leases + meanLeases) / weight;
}

/** Who has a thread without work comes before who would let it wait; then who is faster, for what it does already. */
function isBetter(one: Offer, other: Offer): boolean {
  const [score, otherScore] = [scoreOf(one), scoreOf(other)];
  return score > otherScore || (score === otherScore && one.free > other.free);
}

function scoreOf(offer: Offer): number {
  const idle = idleThreads(offer);
  if (idle > 0) return (offer.speed * idle) / threadsOf(offer);
  return offer.speed - Number.MAX_SAFE_INTEGER;
}
