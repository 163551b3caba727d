// Calls of those whose right can end while they are answered, such as a watch: they end with it.
import { createContextKey } from '@connectrpc/connect';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';
import type { Caller } from '../trust/caller.ts';

/** Timers cannot wait for longer than 24 days; after each of these a long one goes on. */
const timerMsMax = 24 * 60 * 60 * 1000;

/** Aborts, with the error to end with, when the right of the caller ends before the call. */
export const rightKey = createContextKey<AbortSignal | undefined>(undefined);

export class OpenCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<string, Set<AbortController>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The signal of the caller's right, until the call has ended; undefined for a right that does not end. */
  open({ name, kind, expiresMs }: Caller, ended: AbortSignal): AbortSignal | undefined {
    if (kind === 'agent' || kind === 'admin-token' || ended.aborted) return undefined;
    const right = new AbortController();
    const calls = this.#calls.get(name) ?? new Set();
    this.#calls.set(name, calls.add(right));
    const cancel = expiresMs === undefined ? () => {} : this.#atEnd(name, expiresMs, right);
    const release = () => {
      cancel();
      calls.delete(right);
      if (calls.size === 0 && this.#calls.get(name) === calls) this.#calls.delete(name);
    };
    ended.addEventListener('abort', release, { once: true });
    return right.signal;
  }

  /** Ends every call of a caller. */
  end(name: string, error: DroverError): void {
    for (const right of [...(this.#calls.get(name) ?? [])]) right.abort(error);
  }

  /** The answer stops the timer. */
  #atEnd(name: string, expiresMs: number, right: AbortController): () => void {
    let cancel = () => {};
    const wait = () => {
      const leftMs = expiresMs - this.#clock.now();
      if (leftMs <= 0) right.abort(rightEnded(name));
      else cancel = this.#clock.after(Math.min(leftMs, timerMsMax), wait);
    };
    wait();
    return () => cancel();
  }
}

function rightEnded(name: string): DroverError {
  return new DroverError(
    ErrorReason.UNAUTHENTICATED,
    `the time of what ${name} signed in with is over; sign in again, or use a new token`,
    { metadata: { caller: name } },
  );
}
