// Sources that could not be read as a whole, and destination folders that were not there any more: what is left of their work is with others, or
// waits, and they are looked at again here until they are in reach.
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { reasonName } from '../../lib/error.ts';
import { wordsOf, type Trouble } from './trouble.ts';

/** The first pause before a place is looked at again; it doubles. */
export const lookMsFirst = 1000;
/** The longest. */
export const lookMsMax = 60_000;
/** A place that was back and fails again so soon, before any work was done, is looked at as if it had not been back: else it would come and go. */
export const sameTroubleMs = 5 * 60_000;

/** For so long it is looked at. Its run may have been cancelled meanwhile; if not, the next work finds out that it is lost still. */
export const lookedAtMsMax = 60 * 60_000;

/** Places that are out of reach. */
export interface PlaceTrouble extends Trouble {
  /** As the leases name them, sorted. */
  places: readonly string[];
}

export interface PlaceWatchParts {
  /** Looks at a place in which something is known to be. Rejects when it cannot be read, or nothing is in it. */
  look: (place: string) => Promise<void>;
  clock: Clock;
  log: Logger;
}

interface Lost {
  trouble: Trouble;
  /** Undefined as long as it is lost. */
  backMs: number | undefined;
  /** The pause before it is looked at next. */
  pauseMs: number;
}

export class PlaceWatch {
  readonly #parts: PlaceWatchParts;
  readonly #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  /** By place. */
  readonly #lost = new Map<string, Lost>();

  constructor(parts: PlaceWatchParts) {
    this.#parts = parts;
  }

  /** Which places are out of reach at the moment, and why; undefined while none is, or nothing is known of any. */
  get trouble(): PlaceTrouble | undefined {
    const lost = [...this.#lost].filter(([, { backMs }]) => backMs === undefined);
    const [first] = lost;
    if (first === undefined) return undefined;
    const message = wordsOf(lost.map(([, { trouble }]) => trouble.message));
    return { reason: first[1].trouble.reason, message, places: lost.map(([place]) => place).toSorted() }; // oxfmt-ignore
  }

  /** Calls back whenever the trouble is another one, or over. */
  subscribe(callback: () => void): void {
    this.#watchers.add(callback);
  }

  /** A place is out of reach; without trouble: work was done for which it had to be there. */
  note(place: string, trouble: Trouble | undefined): void {
    const known = this.#lost.get(place);
    const isLost = known !== undefined && known.backMs === undefined;
    if (isLost || this.#ended.signal.aborted) return;
    if (trouble === undefined) {
      this.#lost.delete(place);
      return;
    }
    const { clock, log } = this.#parts;
    const isSame = known !== undefined && clock.steady() - known.backMs! < sameTroubleMs;
    const lost = { trouble, backMs: undefined, pauseMs: isSame ? known.pauseMs : lookMsFirst };
    this.#forgetOld();
    this.#lost.set(place, lost);
    log.warn({ place, reason: reasonName(trouble.reason) }, `a place is out of reach: ${trouble.message}`); // oxfmt-ignore
    this.#tell();
    void this.#lookUntilBack(place, lost);
  }

  /** Looks no more. Idempotent. */
  close(): void {
    this.#ended.abort();
  }

  async #lookUntilBack(place: string, lost: Lost): Promise<void> {
    const { clock, log, look } = this.#parts;
    const { signal } = this.#ended;
    const startMs = clock.steady();
    let isBack = false;
    while (!isBack && clock.steady() - startMs < lookedAtMsMax) {
      await pause(clock, lost.pauseMs, signal);
      if (signal.aborted) return;
      lost.pauseMs = Math.min(2 * lost.pauseMs, lookMsMax);
      isBack = await look(place).then(
        () => true,
        () => false,
      );
    }
    if (signal.aborted) return;
    lost.backMs = clock.steady();
    log.info({ place }, isBack ? 'a place is in reach again' : 'a place is not looked at any longer'); // oxfmt-ignore
    this.#tell();
  }

  #forgetOld(): void {
    const now = this.#parts.clock.steady();
    for (const [place, { backMs }] of [...this.#lost])
      if (backMs !== undefined && now - backMs >= sameTroubleMs) this.#lost.delete(place);
  }

  #tell(): void {
    for (const tell of this.#watchers) tell();
  }
}
