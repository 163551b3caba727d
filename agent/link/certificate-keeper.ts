// Renews the agent's certificate in time, so that an agent that is never looked at stays attached.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';
import { askAnyCoordinator } from './any-coordinator.ts';
import { renew } from './enroll.ts';
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

/** A timer cannot wait for much longer than this. */
const waitMostMs = 24 * 60 * 60 * 1000;
/** Between two renewals and after one that failed, so that a wrong clock does not make a flood of them. */
const waitLeastMs = 10_000;
/** An agent that is disabled gets no certificate until it is enabled, which may take days. */
const disabledWaitMs = 60_000;

/** Runs until the signal aborts. Rejects when the certificate has ended all the same: then the agent has to join again. */
export async function keepCertificate(
  options: CertificateKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    const life = certificateLife(options.identity().certificate);
    const now = clock.now();
    if (now >= life.endMs) throw expired(options.identity());
    const waitMs = life.renewMs - now;
    if (waitMs > 0) {
      await pause(clock, Math.min(waitMs, waitMostMs), signal);
      continue;
    }
    try {
      const renewed = await askAnyCoordinator(options.addresses, (address) => renew(options.identity(), address)); // prettier-ignore
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

/** The error of an agent whose certificate has come to its end. */
export function expired(identity: Identity): DroverError {
  const ended = new Date(certificateLife(identity.certificate).endMs).toISOString();
  return new DroverError(
    ErrorReason.UNAUTHENTICATED,
    `the certificate of ${identity.agent} ended at ${ended}; start the agent with a new join token`,
    { metadata: { agent: identity.agent, ended } },
  );
}

function isDisabled(error: unknown): boolean {
  return error instanceof DroverError && error.reason === ErrorReason.AGENT_DISABLED;
}
