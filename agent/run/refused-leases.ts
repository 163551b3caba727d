// Leases that this agent may not do. They go back, but not at once: the coordinator did not know what may be read here, and would give the same
// lease again, as fast as it can.
import type { LeaseKey } from '../../gen/drover/v1/session_pb.ts';
import type { Clock } from '../../lib/time.ts';
import { keyText } from './journal.ts';

/** How long such a lease is kept. */
const refusalPauseMs = 5000;

export interface RefusedLeasesOptions {
  /** How many are kept at once; one more goes back immediately. No coordinator in its right mind gives more leases than the agent has slots. */
  most: number;
  clock: Clock;
  giveBack: (key: LeaseKey) => void;
}

export class RefusedLeases {
  readonly #options: RefusedLeasesOptions;
  /** How to forget each. */
  readonly #waiting = new Map<string, () => void>();

  constructor(options: RefusedLeasesOptions) {
    this.#options = options;
  }

  /** Keeps a lease for a while; one that is kept already is not begun anew. */
  add(key: LeaseKey): void {
    const { most, clock, giveBack } = this.#options;
    const text = keyText(key);
    if (this.#waiting.has(text)) return;
    if (this.#waiting.size >= most) return giveBack(key);
    const cancel = clock.after(refusalPauseMs, () => {
      this.#waiting.delete(text);
      giveBack(key);
    });
    this.#waiting.set(text, cancel);
  }

  /** The lease went back by another way. */
  forget(key: LeaseKey): void {
    const text = keyText(key);
    this.#waiting.get(text)?.();
    this.#waiting.delete(text);
  }

  /** Nobody is there to get them back: who attaches next does not name them, which means the same. */
  clear(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}
