// How long an agent waits before it attaches again, by why it is not attached. PURE, but for what it remembers.
//
//   lost        the coordinator or the network is away: soon, then less and less often
//   disabled    somebody wants it to do nothing for now: within a minute after that has changed
//   replaced    another one shows the same certificate: longer each time, or the two would take each other's place for ever
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { backoffMs } from './backoff.ts';

/** A stream that held so long was a good one: the next attempt follows at once. */
const stableMs = 5_000;
/** One that held so long was not in a duel. */
const undisputedMs = 60 * 60_000;
const disabledPause = { leastMs: 5_000, mostMs: 60_000 };
const replacedPause = { leastMs: 10_000, mostMs: 10 * 60_000 };

export interface Wait {
  delayMs: number;
  /** Whether it is to be told: what was told before, and has not changed, is not. */
  isNews: boolean;
}

export class Patience {
  #failures = 0;
  #disabled = 0;
  #replaced = 0;

  /** The coordinator has welcomed the agent. */
  attached(): void {
    this.#disabled = 0;
  }

  /**
   * What to do after an attempt that ended for this reason, `tookMs` after it was begun.
   * @param random from 0 up to 1
   */
  wait(reason: ErrorReason, tookMs: number, random: number): Wait {
    if (reason === ErrorReason.AGENT_DISABLED) {
      this.#disabled += 1;
      const delayMs = backoffMs(this.#disabled, random, disabledPause);
      return { delayMs, isNews: this.#disabled === 1 };
    }
    if (reason === ErrorReason.SESSION_REPLACED) {
      this.#replaced = tookMs >= undisputedMs ? 1 : this.#replaced + 1;
      return { delayMs: backoffMs(this.#replaced, random, replacedPause), isNews: true };
    }
    this.#failures = tookMs >= stableMs ? 1 : this.#failures + 1;
    return { delayMs: backoffMs(this.#failures, random), isNews: true };
  }
}
