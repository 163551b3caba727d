// What is said of this computer's clock: that it is behind what it said before the start, and that it was set while the coordinator runs.
// Certificates and tokens are judged by it, and schedules go by it; leases do not (`Clock.steady`).
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Logger } from '../lib/log.ts';
import { formatDuration } from '../lib/format.ts';
import type { Clock } from '../lib/time.ts';
import type { Reader } from './store/store.ts';

const intervalMs = 60_000;
/** Less than that is the work of a time service. */
const jumpLeastMs = 60_000;

export interface ClockWatchParts {
  store: Pick<Reader, 'auditHead' | 'auditEntries'>;
  clock: Clock;
  log: Logger;
}

/** Looks at the clock now, and every minute until it is closed. */
export class ClockWatch {
  readonly #parts: ClockWatchParts;
  #aheadMs: number;
  #cancel: () => void = () => {};

  private constructor(parts: ClockWatchParts) {
    this.#parts = parts;
    this.#aheadMs = aheadMs(parts.clock);
    this.#wait();
  }

  static async start(parts: ClockWatchParts): Promise<ClockWatch> {
    await warnOfClockBehind(parts);
    return new ClockWatch(parts);
  }

  /** Idempotent. */
  close(): void {
    this.#cancel();
  }

  #wait(): void {
    this.#cancel = this.#parts.clock.after(intervalMs, () => {
      this.#look();
      this.#wait();
    });
  }

  #look(): void {
    const { clock, log } = this.#parts;
    const before = this.#aheadMs;
    this.#aheadMs = aheadMs(clock);
    const jumpMs = Math.round(this.#aheadMs - before);
    if (Math.abs(jumpMs) < jumpLeastMs) return;
    const away = formatDuration(Math.abs(jumpMs));
    log.warn({ jumpMs }, jumpMs < 0
      ? `this computer's clock was set back by ${away}: certificates that were issued meanwhile are refused until it is so late again, and runs that are due begin that much later; leases of agents last as long as they would have`
      : `this computer's clock went ${away} further than it should: it was set, or the computer slept; runs that are due by it begin now, and what ends by it (tokens, sign-ins, certificates) may have ended; leases of agents last as long as they would have`); // oxfmt-ignore
  }
}

/** What the clock is ahead of the one that nobody sets: the same number, until somebody sets it. */
function aheadMs(clock: Clock): number {
  return clock.now() - clock.steady();
}

/** The latest entry of the audit log is of a time that has not come. */
async function warnOfClockBehind({ store, clock, log }: ClockWatchParts): Promise<void> {
  const head = await store.auditHead();
  const [latest] = head === undefined ? [] : await store.auditEntries(head.number - 1n, 1);
  if (latest?.time === undefined) return;
  const behindMs = timestampMs(latest.time) - clock.now();
  if (behindMs < jumpLeastMs) return;
  const since = new Date(timestampMs(latest.time)).toISOString();
  log.warn(
    { behindMs, since },
    `this computer's clock is ${formatDuration(behindMs)} behind the latest entry of the audit log: it was set back, or is wrong; set it, or agents whose certificates have not begun by it cannot attach`,
  );
}
