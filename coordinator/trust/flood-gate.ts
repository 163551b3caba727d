// Keeps those who try again and again from filling the audit log. Of each source the first attempts are entered one by one; what comes
// beyond that is counted, and told in one entry a minute, then less and less often, as long as it goes on.
//
// All sources together have a limit as well: one who has many addresses is told of together with the others who are too many.
import type { Clock } from '../../lib/time.ts';

/** So many attempts of one source are entered one by one, before a minute without any. */
const singlesMax = 20;
const pauseLeastMs = 60_000;
const pauseMostMs = 60 * 60_000;
/** So many sources are told apart. */
const sourcesMax = 1000;
/** So many entries of all sources at once, and one more every so often. */
const entriesAtOnce = 300;
const entryEveryMs = 2000;
/** So many kinds of attempts of one source are told apart. */
const kindsMax = 10;
const otherKinds = 'others';

/** Attempts that were counted in place of being entered. */
export interface Counted {
  /** As it was given; empty for all sources that were too many to be told apart. */
  source: string;
  /** How many there were of each kind. */
  kinds: ReadonlyMap<string, number>;
  sinceMs: number;
}

interface Flow {
  source: string;
  singles: number;
  kinds: Map<string, number>;
  sinceMs: number;
  /** Whether anything was tried since the last look. */
  isActive: boolean;
  pauseMs: number;
  cancel: () => void;
}

export class FloodGate {
  readonly #clock: Clock;
  readonly #tell: (counted: Counted[]) => void;
  readonly #flows = new Map<string, Flow>();
  #entries = entriesAtOnce;
  #entriesMs: number;

  /** `tell` is called with what was counted, when its time has come. */
  constructor(clock: Clock, tell: (counted: Counted[]) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#entriesMs = clock.steady();
  }

  /** Whether the attempt is to be entered; one that is not is counted. What is a flood by itself has few that are entered. */
  admits(source: string, kind: string, isFlood = false): boolean {
    const flow = this.#flowOf(source);
    flow.isActive = true;
    if (flow.source === source && flow.singles < (isFlood ? 1 : singlesMax) && this.#takeEntry()) {
      flow.singles += 1;
      return true;
    }
    if (flow.kinds.size === 0) flow.sinceMs = this.#clock.now();
    count(flow, kind, 1);
    return false;
  }

  /** Ends; answers with what was counted and not told. */
  close(): Counted[] {
    const flows = [...this.#flows.values()];
    this.#flows.clear();
    for (const { cancel } of flows) cancel();
    return flows.filter(({ kinds }) => kinds.size > 0);
  }

  #flowOf(source: string): Flow {
    return this.#flowAt(this.#flows.has(source) || this.#flows.size < sourcesMax ? source : '');
  }

  #flowAt(source: string): Flow {
    const known = this.#flows.get(source);
    if (known !== undefined) return known;
    const flow = this.#newFlow(source);
    this.#flows.set(source, flow);
    return flow;
  }

  #newFlow(source: string): Flow {
    const flow: Flow = {
      source,
      singles: 0,
      kinds: new Map(),
      sinceMs: this.#clock.now(),
      isActive: true,
      pauseMs: pauseLeastMs,
      cancel: () => {},
    };
    this.#wait(flow);
    return flow;
  }

  #wait(flow: Flow): void {
    flow.cancel = this.#clock.after(flow.pauseMs, () => this.#look(flow));
  }

  #look(flow: Flow): void {
    if (!flow.isActive) {
      this.#flows.delete(flow.source);
      return;
    }
    flow.isActive = false;
    if (flow.kinds.size > 0) {
      // Who has many addresses is not told of with each of them.
      if (flow.source === '' || this.#takeEntry()) this.#tell([taken(flow)]);
      else this.#merge(flow);
      flow.pauseMs = Math.min(2 * flow.pauseMs, pauseMostMs);
    }
    this.#wait(flow);
  }

  #merge(flow: Flow): void {
    const all = this.#flowAt('');
    const { kinds, sinceMs } = taken(flow);
    if (all.kinds.size === 0) all.sinceMs = sinceMs;
    for (const [kind, times] of kinds) count(all, kind, times);
    all.isActive = true;
  }

  #takeEntry(): boolean {
    const more = Math.floor((this.#clock.steady() - this.#entriesMs) / entryEveryMs);
    this.#entries = Math.min(entriesAtOnce, this.#entries + more);
    this.#entriesMs += more * entryEveryMs;
    if (this.#entries === 0) return false;
    this.#entries -= 1;
    return true;
  }
}

function count({ kinds }: Flow, kind: string, times: number): void {
  const known = kinds.has(kind) || kinds.size < kindsMax ? kind : otherKinds;
  kinds.set(known, (kinds.get(known) ?? 0) + times);
}

function taken(flow: Flow): Counted {
  const { source, kinds, sinceMs } = flow;
  flow.kinds = new Map();
  return { source, kinds, sinceMs };
}
