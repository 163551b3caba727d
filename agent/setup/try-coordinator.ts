// Whether what is said of a coordinator leads to it.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { probeAuthority, probeClock } from '../doctor/coordinator-probes.ts';
import { detourOf, probeName, probePort } from '../doctor/network-probes.ts';
import { ok, warning, type Outcome } from '../doctor/outcome.ts';
import { wayTo, type CoordinatorAddress } from '../link/coordinator-way.ts';
import type { SetUpContext } from './context.ts';

/** Whether one of the addresses at least leads to the coordinator with this authority; what is wrong with the others is a warning. */
export async function probeList(
  coordinators: readonly HostPort[],
  fingerprint: string,
  context: Pick<SetUpContext, 'clock' | 'signal' | 'environment'>,
): Promise<{ outcomes: Outcome[]; isGood: boolean }> {
  const addresses = coordinators.map((address) => wayTo(address, context.environment));
  const outcomes = await Promise.all(
    addresses.map((address) => probeWay(address, fingerprint, context)),
  );
  const isGood = outcomes.some(({ state }) => state === 'ok');
  if (!isGood) return { outcomes, isGood };
  const detours = addresses.flatMap((address) => detourOf(address) ?? []);
  return { isGood, outcomes: [...outcomes.map(asWarning), ...detours] };
}

function asWarning(outcome: Outcome): Outcome {
  return outcome.state === 'failed' ? warning(outcome.words, outcome.advice) : outcome;
}

/** Name, port, authority and clock: the first that fails, or one sentence about all. */
async function probeWay(
  address: CoordinatorAddress,
  fingerprint: string,
  { clock, signal }: Pick<SetUpContext, 'clock' | 'signal'>,
): Promise<Outcome> {
  // Behind a proxy this computer need not know the name, nor reach the port.
  const isDirect = detourOf(address) === undefined;
  const direct = [() => probeName(address), () => probePort('the coordinator', address)];
  for (const probe of isDirect ? direct : []) {
    const outcome = await probe();
    if (outcome.state === 'failed') return outcome;
  }
  const { outcome, authority } = await probeAuthority(address, fingerprint, signal);
  if (authority === undefined) return outcome;
  const time = await probeClock(address, authority, clock, signal);
  if (time.state !== 'ok') return time;
  return ok(`${formatHostPort(address)} answers, proves to be the right coordinator, and ${time.words}`); // oxfmt-ignore
}

/** The fingerprint as a person types it: with colons and in capitals, too. Throws INVALID_ARGUMENT. */
export function parseFingerprint(text: string): string {
  const digits = text.replace(/^.*=/, '').replaceAll(/[\s:]/g, '').toLowerCase();
  if (/^[\da-f]{64}$/.test(digits)) return digits;
  throw new DroverError(
    ErrorReason.INVALID_ARGUMENT,
    'a fingerprint of SHA-256 has 64 hexadecimal digits; `openssl x509 -noout -fingerprint -sha256 -in authority.pem` shows it, in the data folder of the coordinator',
  );
}
