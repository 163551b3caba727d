// Sources that could not be read as a whole: what is left of their work is with others, or waits, and they are looked at again here until they
// can be read.
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { reasonName } from '../../lib/error.ts';
import { wordsOf, type Trouble } from './trouble.ts';

/** The first pause before a source is looked at again; it doubles. */
export const lookMsFirst = 1000;
/** The longest. */
export const lookMsMax = 60_000;
/** A source that was back and fails again so soon, before any work was done, is looked at as if it had not been back: else it would come and go. */
export const sameTroubleMs = 5 * 60_000;

/** For so long it is looked at. Its run may have been cancelled meanwhile; if not, the next work finds out that it is lost still. */
export const lookedAtMsMax = 60 * 60_000;

/** Sources that cannot be read. */
export interface SourceTrouble extends Trouble {
  /** As the leases name them, sorted. */
  sources: readonly string[];
}

export interface SourceWatchParts {
  /** Looks at a source whose work is known to be there. Rejects when it cannot be read, or nothing is in it. */
  look: (source: string) => Promise<void>;
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

export class SourceWatch {
  readonly #parts: SourceWatchParts;
  readonly #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  /** By source. */
  readonly #lost = new Map<string, Lost>();

  constructor(parts: SourceWatchParts) {
    this.#parts = parts;
  }

  /** Which sources cannot be read at the moment, and why; undefined while all can, or nothing else is known. */
  get trouble(): SourceTrouble | undefined {
    const lost = [...this.#lost].filter(([, { backMs }]) => backMs === undefined);
    const [first] = lost;
    if (first === undefined) return undefined;
    const message = wordsOf(lost.map(([, { trouble }]) => trouble.message));
    return { reason: first[1].trouble.reason, message, sources: lost.map(([source]) => source).toSorted() }; // oxfmt-ignore
  }

  /** Calls back whenever the trouble is another one, or over. */
  subscribe(callback: () => void): void {
    this.#watchers.add(callback);
  }

  /** A source cannot be read; without trouble: work was done that it was read for. */
  note(source: string, trouble: Trouble | undefined): void {
    const known = this.#lost.get(source);
    const isLost = known !== undefined && known.backMs === undefined;
    if (isLost || this.#ended.signal.aborted) return;
    if (trouble === undefined) {
      this.#lost.delete(source);
      return;
    }
    const { clock, log } = this.#parts;
    const isSame = known !== undefined && clock.steady() - known.backMs! < sameTroubleMs;
    const lost = { trouble, backMs: undefined, pauseMs: isSame ? known.pauseMs : lookMsFirst };
    this.#forgetOld();
    this.#lost.set(source, lost);
    log.warn({ source, reason: reasonName(trouble.reason) }, `a source cannot be read: ${trouble.message}`); // oxfmt-ignore
    this.#tell();
    void this.#lookUntilBack(source, lost);
  }

  /** Looks no more. Idempotent. */
  close(): void {
    this.#ended.abort();
  }

  async #lookUntilBack(source: string, lost: Lost): Promise<void> {
    const { clock, log, look } = this.#parts;
    const { signal } = this.#ended;
    const startMs = clock.steady();
    let isBack = false;
    while (!isBack && clock.steady() - startMs < lookedAtMsMax) {
      await pause(clock, lost.pauseMs, signal);
      if (signal.aborted) return;
      lost.pauseMs = Math.min(2 * lost.pauseMs, lookMsMax);
      isBack = await look(source).then(
        () => true,
        () => false,
      );
    }
    if (signal.aborted) return;
    lost.backMs = clock.steady();
    log.info({ source }, isBack ? 'a source can be read again' : 'a source is not looked at any longer'); // oxfmt-ignore
    this.#tell();
  }

  #forgetOld(): void {
    const now = this.#parts.clock.steady();
    for (const [source, { backMs }] of [...this.#lost])
      if (backMs !== undefined && now - backMs >= sameTroubleMs) this.#lost.delete(source);
  }

  #tell(): void {
    for (const tell of this.#watchers) tell();
  }
}
