// The leases that agents hold right now. The store knows who holds what; this table adds what need not outlive the process:
// deadlines, the session, and how far the work is.
import type { RunKey } from '../store/store.ts';
import type { LeaseTarget } from '../task/names.ts';
import type { Session } from './session.ts';

export interface LiveLease {
  readonly id: string;
  readonly target: LeaseTarget;
  readonly run: RunKey;
  readonly generation: number;
  /** The agent's id. */
  readonly agent: string;
  /** Undefined while the agent is not attached. */
  session: Session | undefined;
  /** When it is taken back unless the agent is heard of; milliseconds since 1970. */
  expiresAtMs: number;
  /** Items finished, as last reported. */
  items: bigint;
  /** Bytes written, as last reported. */
  bytes: bigint;
  /** The agent was told to stop, and has not said that it has. */
  revoking: boolean;
}

/** Holds no more leases than all agents have slots. */
export class LeaseTable {
  readonly #leases = new Map<string, LiveLease>();

  add(lease: LiveLease): void {
    this.#leases.set(lease.id, lease);
  }

  get(id: string): LiveLease | undefined {
    return this.#leases.get(id);
  }

  /** Removes this lease, unless a newer generation of it stands in its place. */
  remove(lease: LiveLease): void {
    if (this.#leases.get(lease.id) === lease) this.#leases.delete(lease.id);
  }

  ofRun(key: RunKey): LiveLease[] {
    return this.#where(({ run }) => run.task === key.task && run.run === key.run);
  }

  ofAgent(agent: string): LiveLease[] {
    return this.#where((lease) => lease.agent === agent);
  }

  ofSession(session: Session): LiveLease[] {
    return this.#where((lease) => lease.session === session);
  }

  expired(nowMs: number): LiveLease[] {
    return this.#where((lease) => lease.expiresAtMs <= nowMs);
  }

  #where(matches: (lease: LiveLease) => boolean): LiveLease[] {
    return [...this.#leases.values()].filter(matches);
  }
}
