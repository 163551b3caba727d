// What an agent did, over all its sessions: how fast one slot of it is, and how fast it is now as a whole. PURE.
import { Meter, type Rates } from './meter.ts';
import { Pace } from './pace.ts';
import type { Amount } from './shown-progress.ts';
import { Throttling } from './throttling.ts';
import type { WorkSize } from './work-size.ts';

export class AgentSpeed {
  readonly pace = new Pace();
  readonly throttling = new Throttling();
  readonly #meter = new Meter();
  #items = 0n;
  #bytes = 0n;

  /** It reported so much, which took one of its slots for so long. */
  finish(size: WorkSize, tookMs: number): void {
    this.#items += BigInt(size.items);
    this.#bytes += size.bytes;
    this.pace.note(size, tookMs);
  }

  /** It said how far it is with the leases it has. */
  sample(nowMs: number, inFlight: Amount): void {
    this.#meter.sample(nowMs, this.#items + inFlight.items, this.#bytes + inFlight.bytes);
  }

  rates(nowMs: number): Rates {
    return this.#meter.rates(nowMs);
  }
}
