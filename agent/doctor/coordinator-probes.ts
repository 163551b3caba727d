// The way to a coordinator, link by link: who answers there, what time it is there, and whether it accepts the agent.
import { createHash, X509Certificate } from 'node:crypto';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { formatDuration } from '../../lib/format.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import type { Clock } from '../../lib/time.ts';
import { version } from '../../lib/version.ts';
import { readCoordinatorFacts } from '../link/coordinator-facts.ts';
import { clockSkewAdvice, clockSkewWords } from '../link/clock-skew.ts';
import type { CoordinatorAddress } from '../link/coordinator-way.ts';
import { askIdentity, recognise, type OwnIdentity } from '../link/enroll.ts';
import { certificateLife, type Identity } from '../link/identity.ts';
import { failed, failure, ok, warning, type Outcome } from './outcome.ts';

/** The SHA-256 of a certificate, PEM, as join tokens have it. */
export function fingerprintOf(certificate: string): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

/** Whether a server speaks TLS and belongs to the authority with this fingerprint. */
export async function probeAuthority(
  address: CoordinatorAddress,
  fingerprint: string,
  signal?: AbortSignal,
): Promise<{ outcome: Outcome; authority?: string }> {
  try {
    const authority = await recognise(address, fingerprint, signal);
    const words = `TLS with ${formatHostPort(address)}: its certificate authority is the expected one (${fingerprint.slice(0, 16)}…)`; // oxfmt-ignore
    return { outcome: ok(words), authority };
  } catch (thrown) {
    const { reason } = DroverError.from(thrown);
    const advice =
      reason === ErrorReason.COORDINATOR_MISMATCH
        ? 'See whether the address is the right one. If the coordinator was set up anew, invite this agent again and run `drover-agent setup`; if it was not, somebody stands in between.'
        : undefined;
    return { outcome: failure(thrown, advice) };
  }
}

/** Whether the coordinator's clock agrees with this computer's. */
export async function probeClock(
  address: CoordinatorAddress,
  authority: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome> {
  try {
    const facts = await readCoordinatorFacts(address, authority, signal);
    return judgeClock(facts.timeMs - clock.now());
  } catch (thrown) {
    return failure(thrown);
  }
}

/** `aheadMs`: how much later it is at the coordinator. */
export function judgeClock(aheadMs: number): Outcome {
  const words = clockSkewWords(aheadMs);
  if (words !== undefined) return failed(words, clockSkewAdvice);
  const away = formatDuration(Math.abs(aheadMs));
  // The date has whole seconds, so a second says nothing.
  return ok(`the clocks agree${Math.abs(aheadMs) < 2000 ? '' : ` to ${away}`}`);
}

/** Whether the agent's certificate has time left. */
export function probeCertificate(identity: Identity, clock: Clock): Outcome {
  const { beginMs, endMs } = certificateLife(identity.certificate);
  const now = clock.now();
  const ends = new Date(endMs).toISOString();
  if (now < beginMs)
    return failed(`the certificate of ${identity.agent} is not valid yet: it begins at ${new Date(beginMs).toISOString()}, and here it is ${new Date(now).toISOString()}`, "Set this computer's clock."); // oxfmt-ignore
  if (now >= endMs)
    return failed(
      `the certificate of ${identity.agent} ended at ${ends}, and here it is ${new Date(now).toISOString()}`,
      "If this computer's clock is wrong, set it; the certificate is good again then. If not, invite this agent again (`drover agents invite`) and run `drover-agent setup` with the new invitation.",
    );
  const left = formatDuration(endMs - now);
  if (endMs - now < (endMs - beginMs) / 6)
    return warning(
      `the certificate of ${identity.agent} ends in ${left} and was not renewed`,
      'It is renewed while the agent runs and reaches its coordinator; see what is wrong with the links below.',
    );
  return ok(`the certificate of ${identity.agent} is good for ${left} more`);
}

/** Whether the coordinator accepts the agent, by a real call; its answer, when it does. */
export async function probeIdentity(
  identity: Identity,
  address: CoordinatorAddress,
): Promise<{ outcome: Outcome; answer?: OwnIdentity }> {
  try {
    const answer = await askIdentity(identity, address);
    return {
      outcome: ok(`the coordinator at ${formatHostPort(address)} knows this agent as ${answer.agent}`), // oxfmt-ignore
      answer,
    };
  } catch (thrown) {
    const { reason, metadata } = DroverError.from(thrown);
    if (metadata[certificateBeginsKey] !== undefined)
      return { outcome: failure(thrown, clockSkewAdvice) };
    const isRefused =
      reason === ErrorReason.UNAUTHENTICATED || reason === ErrorReason.PERMISSION_DENIED;
    const advice = isRefused
      ? 'Invite this agent again (`drover agents invite`) and run `drover-agent setup --join` with the new invitation.'
      : undefined;
    return { outcome: failure(thrown, advice) };
  }
}

/** Whether the agent's version fits that of the coordinator. */
export function judgeVersion(theirs: string): Outcome {
  if (theirs === version) return ok(`agent and coordinator have version ${version}`);
  return warning(
    `this agent has version ${version}, the coordinator ${theirs}`,
    'Install the same version on both.',
  );
}
