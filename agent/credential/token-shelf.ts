// The token of one service: kept while it is good, fetched once for all who ask at the same time.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { AccessToken } from './credential.ts';

export interface TokenShelfParts {
  fetchToken(forceRefresh: boolean, signal: AbortSignal): Promise<AccessToken>;
  clock: Clock;
  log: Logger;
}

/** A token with less left than this is replaced, so that none ends in the middle of a request. */
const leftLeastMs = 5 * 60 * 1000;
/** While a token is good, a sign-in service that cannot be reached is asked again only after so long. */
const retryMs = 30_000;

interface Kept extends AccessToken {
  /** From then on a new one is fetched. */
  renewMs: number;
}

/** A request that is under way, and how many wait for it. */
interface Flight {
  promise: Promise<AccessToken>;
  controller: AbortController;
  waiting: number;
  isForced: boolean;
}

/** Callers that ask at the same time share one request; it is stopped when the last of them has gone. */
export class TokenShelf {
  readonly #parts: TokenShelfParts;
  #kept: Kept | undefined;
  #flight: Flight | undefined;

  constructor(parts: TokenShelfParts) {
    this.#parts = parts;
  }

  async get(forceRefresh: boolean, signal: AbortSignal): Promise<AccessToken> {
    if (signal.aborted) throw cancelled(signal);
    const kept = this.#kept;
    if (!forceRefresh && kept !== undefined && this.#parts.clock.now() < kept.renewMs)
      return handOut(kept);
    // A request that may answer with the very token that was refused is no use to whoever had it refused.
    if (this.#flight === undefined || (forceRefresh && !this.#flight.isForced))
      this.#flight = this.#begin(forceRefresh);
    return this.#wait(this.#flight, signal);
  }

  /** Stops what is under way. */
  close(): void {
    this.#flight?.controller.abort();
  }

  #begin(isForced: boolean): Flight {
    const controller = new AbortController();
    const promise = this.#fetch(isForced, controller.signal);
    const flight: Flight = { promise, controller, waiting: 0, isForced };
    const ended = () => {
      if (this.#flight === flight) this.#flight = undefined;
    };
    promise.then(ended, ended);
    return flight;
  }

  async #fetch(isForced: boolean, signal: AbortSignal): Promise<AccessToken> {
    const { clock, log } = this.#parts;
    try {
      const token = await this.#parts.fetchToken(isForced, signal);
      const now = clock.now();
      const marginMs = Math.min(leftLeastMs, (token.expiresOnMs - now) / 2);
      this.#kept = { ...token, renewMs: token.expiresOnMs - marginMs };
      return token;
    } catch (error) {
      const kept = this.#kept;
      const isPassing =
        error instanceof DroverError && error.reason === ErrorReason.SIGN_IN_UNREACHABLE;
      const now = clock.now();
      if (isForced || !isPassing || kept === undefined || kept.expiresOnMs <= now) throw error;
      log.warn({ err: error }, 'the token could not be renewed in advance; it is tried again');
      this.#kept = { ...kept, renewMs: Math.min(now + retryMs, kept.expiresOnMs) };
      return handOut(kept);
    }
  }

  #wait(flight: Flight, signal: AbortSignal): Promise<AccessToken> {
    flight.waiting += 1;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          if (this.#flight === flight) this.#flight = undefined;
          flight.controller.abort();
        }
        reject(cancelled(signal));
      };
      const forget = () => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      void flight.promise.then(resolve, reject).finally(forget);
    });
  }
}

function handOut({ token, expiresOnMs }: AccessToken): AccessToken {
  return { token, expiresOnMs };
}

/** What became of a sign-in whose signal aborted. */
export function cancelled(signal: AbortSignal): DroverError {
  return new DroverError(ErrorReason.CANCELLED, 'the sign-in was stopped', {
    cause: signal.reason as unknown,
  });
}
