// Leases in which nothing moves any more: whatever one waits for that does not come, a line of the log says so within about a minute, and then
// less and less often. How long is counted in looks, so that a clock that is set makes no difference.
import type { LeaseKey } from '../../gen/drover/v1/session_pb.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { progressBytes, progressItems, statePageCredits } from '../pool/jobs.ts';
import { keyText } from './journal.ts';
import type { Entry } from './lease-entry.ts';

export const lookMs = 30_000;
/** It is told of after so many looks that found the same, and whenever there were twice as many. */
const looksFirst = 2;

export interface StandstillParts {
  /** What is held. */
  entries: () => Iterable<Entry>;
  /** Whether a coordinator is there to wait for. */
  isAttached: () => boolean;
  clock: Clock;
  log: Logger;
}

interface Waiting {
  /** What it waits for, for people. */
  what: string;
  /** Another one when anything has moved. */
  mark: string;
}

interface Seen extends Waiting {
  key: LeaseKey;
  looks: number;
}

export class StandstillWatch {
  readonly #parts: StandstillParts;
  #seen = new Map<string, Seen>();
  #cancel: (() => void) | undefined;

  constructor(parts: StandstillParts) {
    this.#parts = parts;
  }

  /** There is something to look at; it looks until there is nothing any more. */
  wake(): void {
    this.#cancel ??= this.#parts.clock.after(lookMs, () => this.#look());
  }

  /** Idempotent. */
  close(): void {
    this.#cancel?.();
    // So that nothing wakes it again.
    this.#cancel = () => undefined;
  }

  #look(): void {
    this.#cancel = undefined;
    const { entries, isAttached } = this.#parts;
    const seen = new Map<string, Seen>();
    let hasEntries = false;
    for (const entry of entries()) {
      hasEntries = true;
      const waiting = waitingOf(entry, isAttached());
      if (waiting === undefined) continue;
      const text = keyText(entry.key);
      const before = this.#seen.get(text);
      const isSame = before?.mark === waiting.mark && before.what === waiting.what;
      seen.set(text, { ...waiting, key: entry.key, looks: isSame ? before.looks + 1 : 0 });
    }
    this.#seen = seen;
    this.#tell();
    if (hasEntries) this.wake();
  }

  /** One line for all, about the one that has stood still for longest of those that are due. */
  #tell(): void {
    const due = [...this.#seen.values()].filter(({ looks }) => isDue(looks));
    const [longest] = due.toSorted((one, other) => other.looks - one.looks);
    if (longest === undefined) return;
    const { key, what, looks } = longest;
    const { lease, generation } = key;
    const facts = { lease, generation, forMs: looks * lookMs, others: due.length - 1 };
    this.#parts.log.warn(facts, `nothing moves in a lease: ${what}`);
  }
}

/** At looksFirst, and at each double of it. */
function isDue(looks: number): boolean {
  return looks >= looksFirst && Number.isInteger(Math.log2(looks / looksFirst));
}

/** Undefined for a lease that is not expected to move: it waits for its turn, or nobody is there to take what it has. */
function waitingOf({ held, run }: Entry, isAttached: boolean): Waiting | undefined {
  const of = (what: string, mark = ''): Waiting => ({ what, mark });
  switch (held.state) {
    case 'queued':
      return undefined;
    case 'running': {
      if (run === undefined) return undefined;
      const { progress, state } = run.shared;
      const mark = `${Atomics.load(progress, progressItems)} ${Atomics.load(progress, progressBytes)}`; // oxfmt-ignore
      if (run.work === 'scan' && Atomics.load(state, statePageCredits) === 0)
        return isAttached ? of('the coordinator has not stored the pages of its scan', mark) : undefined; // oxfmt-ignore
      return of('its source or its destination does not answer, or has not answered yet', mark);
    }
    case 'stopping':
      return of('it was told to stop, and what it was doing has not come to its end');
    case 'saving':
      return of('its result is not on the disk of the journal yet');
    case 'reporting':
      return isAttached ? of('the coordinator has not acknowledged its result') : undefined;
  }
}
