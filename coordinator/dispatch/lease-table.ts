// The leases that agents hold right now. The store knows who holds what; this table adds what need not outlive the process:
// deadlines, the session, and how far the work is. It is asked many times a second, so it has an index for each question.
import type { RunKey } from '../store/store.ts';
import { runName, type LeaseTarget } from '../task/names.ts';
import { scansMax, threadsOf } from './assign.ts';
import type { Session } from './session.ts';
import type { Amount } from './shown-progress.ts';
import type { WorkSize } from './work-size.ts';

export interface LiveLease {
  readonly id: string;
  readonly target: LeaseTarget;
  readonly run: RunKey;
  readonly generation: number;
  /** The agent's id. */
  readonly agent: string;
  /** How much there is to do; nothing for a scan. */
  readonly size: WorkSize;
  /** Undefined while the agent is not attached; changed by `hold` and `leave` alone. */
  session: Session | undefined;
  /** When it is taken back unless the agent is heard of; by the steady clock, as is `startTimeMs`. */
  expiresAtMs: number;
  /** Since when a thread of the agent is likely to work on it; undefined while it waits for one. */
  startTimeMs: number | undefined;
  /** Items finished, as last reported; changed by `report` alone, as are the bytes. */
  items: bigint;
  /** Bytes written, as last reported. */
  bytes: bigint;
  /** The agent was told to stop, and has not said that it has. */
  revoking: boolean;
}

/** How many slots of an agent with these leases take anything, and how many of them take a scan. */
export function freeSlots(slots: number, leases: readonly LiveLease[]) {
  const free = slots - leases.length;
  const scans = leases.filter((lease) => !isBatch(lease)).length;
  return { free, scansFree: Math.min(free, scansMax({ slots }) - scans) };
}

export function isBatch({ target }: LiveLease): boolean {
  return target.kind === 'batch';
}

/** How far all of these are. */
export function sumOf(leases: readonly LiveLease[]): Amount {
  return {
    items: leases.reduce((sum, { items }) => sum + items, 0n),
    bytes: leases.reduce((sum, { bytes }) => sum + bytes, 0n),
  };
}

/** Holds no more leases than all agents have slots. */
export class LeaseTable {
  readonly #leases = new Map<string, LiveLease>();
  readonly #ofRun = new Index<string>();
  readonly #ofAgent = new Index<string>();
  readonly #ofSession = new Index<Session>();
  /** What is in flight of each run: asked for at every heartbeat, so it is not summed up each time. */
  readonly #inFlight = new Map<string, Amount>();

  add(lease: LiveLease): void {
    this.#addInFlight(lease, lease.items, lease.bytes);
    this.#leases.set(lease.id, lease);
    this.#ofRun.add(runName(lease.run), lease);
    this.#ofAgent.add(lease.agent, lease);
  }

  get(id: string): LiveLease | undefined {
    return this.#leases.get(id);
  }

  /** The agent said how far it is. */
  report(lease: LiveLease, items: bigint, bytes: bigint): void {
    this.#addInFlight(lease, items - lease.items, bytes - lease.bytes);
    lease.items = items;
    lease.bytes = bytes;
  }

  /** How far all batches of a run are that agents have. */
  inFlight(key: RunKey): Amount {
    return this.#inFlight.get(runName(key)) ?? { items: 0n, bytes: 0n };
  }

  /** The session has the lease. */
  hold(lease: LiveLease, session: Session, steadyMs: number): void {
    this.leave(lease);
    lease.session = session;
    this.#ofSession.add(session, lease);
    this.#start(session, steadyMs);
  }

  /** No session has the lease any more. */
  leave(lease: LiveLease): void {
    if (lease.session !== undefined) this.#ofSession.delete(lease.session, lease);
    lease.session = undefined;
  }

  /** Removes this lease, unless a newer generation of it stands in its place. */
  remove(lease: LiveLease, steadyMs: number): void {
    const { session } = lease;
    this.leave(lease);
    if (this.#ofRun.has(runName(lease.run), lease)) this.#addInFlight(lease, -lease.items, -lease.bytes); // oxfmt-ignore
    this.#ofRun.delete(runName(lease.run), lease);
    this.#ofAgent.delete(lease.agent, lease);
    if (this.#leases.get(lease.id) === lease) this.#leases.delete(lease.id);
    if (session !== undefined) this.#start(session, steadyMs);
  }

  ofRun(key: RunKey): readonly LiveLease[] {
    return this.#ofRun.get(runName(key));
  }

  ofAgent(agent: string): readonly LiveLease[] {
    return this.#ofAgent.get(agent);
  }

  ofSession(session: Session): readonly LiveLease[] {
    return this.#ofSession.get(session);
  }

  expired(steadyMs: number): LiveLease[] {
    return [...this.#leases.values()].filter((lease) => lease.expiresAtMs <= steadyMs);
  }

  #addInFlight({ target, run }: LiveLease, items: bigint, bytes: bigint): void {
    if (target.kind !== 'batch' || (items === 0n && bytes === 0n)) return;
    const before = this.inFlight(run);
    const next = { items: before.items + items, bytes: before.bytes + bytes };
    if (next.items === 0n && next.bytes === 0n) this.#inFlight.delete(runName(run));
    else this.#inFlight.set(runName(run), next);
  }

  /** An agent works on its leases in the order in which it got them, as many as it has threads. */
  #start(session: Session, steadyMs: number): void {
    let threads = threadsOf(session);
    for (const lease of this.#ofSession.get(session)) {
      if (threads === 0) return;
      threads -= 1;
      lease.startTimeMs ??= steadyMs;
    }
  }
}

/** Leases by something, in the order in which they came. */
class Index<K> {
  readonly #lists = new Map<K, LiveLease[]>();

  /** A copy, which may be looked through while leases come and go. */
  get(key: K): readonly LiveLease[] {
    return this.#lists.get(key)?.slice() ?? [];
  }

  has(key: K, lease: LiveLease): boolean {
    return this.#lists.get(key)?.includes(lease) ?? false;
  }

  add(key: K, lease: LiveLease): void {
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [lease]);
    else list.push(lease);
  }

  delete(key: K, lease: LiveLease): void {
    const list = this.#lists.get(key);
    const place = list?.indexOf(lease) ?? -1;
    if (place >= 0) list!.splice(place, 1);
    if (list?.length === 0) this.#lists.delete(key);
  }
}
