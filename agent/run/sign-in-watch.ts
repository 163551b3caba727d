// Whether the agent's sign-in works. Once it does not, it is tried again here, until it does: nobody else asks for a token meanwhile,
// because the work that needs one is with others.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { isSignInReason } from '../credential/sign-in-reason.ts';
import type { Trouble } from './trouble.ts';

/** The first pause before the sign-in is tried again; it doubles. */
export const retryMsFirst = 1000;
/** The longest. */
export const retryMsMax = 60_000;
/** Work that is going on waits so long for a sign-in service that is out of reach, before others get it. */
export const unreachableMsMax = 60_000;

export interface SignInWatchParts {
  /** Asks for a token; what came of it is told to the watch by whoever asks. Never rejects. */
  tryAgain: (forceRefresh: boolean) => Promise<void>;
  clock: Clock;
  log: Logger;
}

export class SignInWatch {
  readonly #parts: SignInWatchParts;
  readonly #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  #trouble: Trouble | undefined;
  #lastToken: string | undefined;
  /** When the sign-in service was out of reach first and last. */
  #unreachable: { firstMs: number; lastMs: number } | undefined;
  /** Aborts when the trouble is over. */
  #over: AbortController | undefined;
  /** Aborts when the pause before the next attempt is to end. */
  #hurry = new AbortController();

  constructor(parts: SignInWatchParts) {
    this.#parts = parts;
  }

  /** Undefined while the sign-in works, or nothing else is known. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Calls back whenever the trouble is another one, or over. */
  subscribe(callback: () => void): void {
    this.#watchers.add(callback);
  }

  /** There is a token. One that was there before says nothing: it may be good for a while yet, although no other can be had. */
  worked(token: string): void {
    if (token === this.#lastToken) return;
    this.#lastToken = token;
    this.#unreachable = undefined;
    if (this.#trouble === undefined) return;
    this.#parts.log.info('signed in again');
    this.#over?.abort();
    this.#over = undefined;
    this.#become(undefined);
  }

  /** There is none. A service that is out of reach is given some time where there was one before. */
  failed(thrown: unknown): void {
    const { reason, message } = DroverError.from(thrown);
    if (!isSignInReason(reason)) return;
    const isPassing = reason === ErrorReason.SIGN_IN_UNREACHABLE && this.#lastToken !== undefined;
    if (!isPassing || this.#isUnreachableForLong()) this.raise({ reason, message });
  }

  /** The sign-in does not work, whatever is known of it here. */
  raise(trouble: Trouble, isLogged = true): void {
    const { reason, message } = trouble;
    if (this.#ended.signal.aborted || isSame(trouble, this.#trouble)) return;
    if (isLogged) this.#parts.log.warn({ reason: reasonName(reason) }, `not signed in: ${message}`);
    this.#become(trouble);
    if (this.#over !== undefined) return;
    this.#over = new AbortController();
    void this.#tryUntil(AbortSignal.any([this.#over.signal, this.#ended.signal]));
  }

  /** What it is signed in with is another one: if there is trouble, it may be over, and is tried at once. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Tries no more. Idempotent. */
  close(): void {
    this.#ended.abort();
  }

  #isUnreachableForLong(): boolean {
    const now = this.#parts.clock.steady();
    const { firstMs, lastMs } = this.#unreachable ?? { firstMs: now, lastMs: now };
    // Two failures far from each other have nothing to do with each other.
    const isOne = now - lastMs <= 2 * unreachableMsMax;
    this.#unreachable = { firstMs: isOne ? firstMs : now, lastMs: now };
    return isOne && now - firstMs >= unreachableMsMax;
  }

  #become(trouble: Trouble | undefined): void {
    this.#trouble = trouble;
    for (const tell of this.#watchers) tell();
  }

  async #tryUntil(over: AbortSignal): Promise<void> {
    // A hurry of before the trouble is none of it.
    this.#hurry = new AbortController();
    for (let retryMs = retryMsFirst; ;) {
      const hurry = this.#hurry.signal;
      await pause(this.#parts.clock, retryMs, AbortSignal.any([over, hurry]));
      if (over.aborted) return;
      retryMs = hurry.aborted ? retryMsFirst : Math.min(2 * retryMs, retryMsMax);
      if (hurry.aborted) this.#hurry = new AbortController();
      // A token that was kept would be the answer to a question that nobody asked.
      await this.#parts.tryAgain(this.#lastToken !== undefined);
    }
  }
}

function isSame(one: Trouble, other: Trouble | undefined): boolean {
  return one.reason === other?.reason && one.message === other.message;
}
