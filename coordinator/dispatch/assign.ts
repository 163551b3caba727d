// Who gets the next piece of work. PURE.

/** A session with room, as far as the choice needs it. */
export interface Offer {
  /** Slots that nothing is in. */
  free: number;
  locationKinds: readonly string[];
}

/** A run with work, as far as the choice needs it. */
export interface Demand {
  /** Leases that agents hold of it, those chosen in this round included. */
  leases: number;
  /** What an agent must be able to reach. */
  locationKinds: readonly string[];
}

/** Whether the session can work for the run. */
export function canServe(offer: Offer, demand: Demand): boolean {
  return demand.locationKinds.every((kind) => offer.locationKinds.includes(kind));
}

/**
 * The pair to serve next: the run with the fewest leases, so that runs share the agents evenly, and of the sessions that can
 * work for it the one with most room. Undefined when nobody with room can do anything.
 */
export function choosePair<O extends Offer, D extends Demand>(
  offers: readonly O[],
  demands: readonly D[],
): { offer: O; demand: D } | undefined {
  const inOrder = demands.toSorted((one, other) => one.leases - other.leases);
  for (const demand of inOrder) {
    const able = offers.filter((offer) => offer.free > 0 && canServe(offer, demand));
    const [first, ...rest] = able;
    if (first === undefined) continue;
    return {
      demand,
      offer: rest.reduce((best, offer) => (offer.free > best.free ? offer : best), first),
    };
  }
  return undefined;
}
