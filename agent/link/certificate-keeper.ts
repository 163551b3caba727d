// Renews the agent's certificate in time, so that an agent that is never looked at stays attached. In time is by the coordinator's clock, which
// is the one that certificates are judged by: this computer's may be wrong.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { askAnyCoordinator } from './any-coordinator.ts';
import { clockSkewAdvice, clockSkewWords } from './clock-skew.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';
import { askIdentity, renew } from './enroll.ts';
import { certificateLife, type Identity } from './identity.ts';

export interface CertificateKeeperOptions {
  addresses: readonly CoordinatorAddress[];
  /** The identity as it is at the moment. */
  identity: () => Identity;
  /** Keeps the renewed identity and makes use of it. */
  replace: (renewed: Identity) => void;
  clock: Clock;
  log: Logger;
}

/**
 * So often the coordinator is asked for its time. A timer stands still while the computer sleeps, so that a longer one would last for days on a
 * laptop that is awake for an hour at a time, and the certificate would have ended by then.
 */
const waitMostMs = 60 * 60_000;
/** Between two renewals and after one that failed, so that a certificate that is due at once does not make a flood of them. */
const waitLeastMs = 10_000;
/** After a question for the time that nobody answered. */
const askAgainMs = 10 * 60_000;
/** An agent that is disabled gets no certificate until it is enabled, which may take days. */
const disabledWaitMs = 60_000;

/** Runs until the signal aborts. Rejects when the certificate has ended all the same: then the agent has to join again. */
export async function keepCertificate(
  options: CertificateKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  const time = new CoordinatorTime(options);
  while (!signal.aborted) {
    const isKnown = await unlessAborted(time.ask(), signal);
    if (signal.aborted) return;
    const life = certificateLife(options.identity().certificate);
    const now = clock.now() + time.aheadMs;
    // Whoever was not told the time may be wrong; the coordinator refuses what has ended.
    if (isKnown && now >= life.endMs) throw expired(options.identity(), now);
    const waitMs = life.renewMs - now;
    if (waitMs > 0) {
      await pause(clock, Math.min(waitMs, isKnown ? waitMostMs : askAgainMs), signal);
      continue;
    }
    try {
      const renewed = await askAnyCoordinator(options.addresses, (address) => renew(options.identity(), address)); // oxfmt-ignore
      options.replace(renewed);
      log.info('the certificate is renewed');
    } catch (error) {
      if (isDisabled(error)) {
        // The session says so.
        await pause(clock, disabledWaitMs, signal);
        continue;
      }
      log.warn({ err: error }, 'the certificate could not be renewed; it is tried again');
    }
    await pause(clock, waitLeastMs, signal);
  }
}

/** The error of an agent whose certificate has come to its end, `nowMs` by the clock that says so. */
export function expired(identity: Identity, nowMs: number): DroverError {
  const ended = new Date(certificateLife(identity.certificate).endMs).toISOString();
  const now = new Date(nowMs).toISOString();
  return new DroverError(
    ErrorReason.UNAUTHENTICATED,
    `the certificate of ${identity.agent} ended at ${ended}, and it is ${now}; start the agent with a new join token`,
    { metadata: { agent: identity.agent, ended, now } },
  );
}

/**
 * Whether a coordinator still takes a certificate that has ended by this computer's clock, which may be wrong; undefined when none answers.
 */
export async function isStillTaken(
  identity: Identity,
  addresses: readonly CoordinatorAddress[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    await askAnyCoordinator(addresses, (address) => askIdentity(identity, address), signal);
    return true;
  } catch (error) {
    const { reason } = DroverError.from(error);
    if (reason === ErrorReason.UNAUTHENTICATED) return false;
    return isDisabled(error) ? true : undefined;
  }
}

/** Undefined when the signal aborts first. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** How much later it is at the coordinator, as far as it has said so. */
class CoordinatorTime {
  readonly #options: CertificateKeeperOptions;
  aheadMs = 0;
  #isWrong = false;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  /** Answers whether the time is known; what is wrong with this computer's clock is said once, and that it is right again. */
  async ask(): Promise<boolean> {
    const { addresses, identity, clock, log } = this.#options;
    try {
      const { timeMs } = await askAnyCoordinator(addresses, (address) => askIdentity(identity(), address)); // oxfmt-ignore
      if (Number.isNaN(timeMs)) return false;
      this.aheadMs = timeMs - clock.now();
    } catch {
      // The session says why the coordinator cannot be reached.
      return false;
    }
    const words = clockSkewWords(this.aheadMs);
    const facts = { aheadMs: this.aheadMs };
    if (words !== undefined && !this.#isWrong) log.warn(facts, `${words}; ${clockSkewAdvice}`);
    if (words === undefined && this.#isWrong) log.info(facts, "this computer's clock agrees with the coordinator's again"); // oxfmt-ignore
    this.#isWrong = words !== undefined;
    return true;
  }
}

function isDisabled(error: unknown): boolean {
  return error instanceof DroverError && error.reason === ErrorReason.AGENT_DISABLED;
}
