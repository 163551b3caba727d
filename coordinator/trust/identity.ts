// From the certificate that a TLS peer showed to the agent it belongs to. The TLS layer asks for a certificate and lets peers
// without one in, because administrators have none; so everything is checked here.
import { X509Certificate } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { DroverError } from '../../lib/error.ts';
import { agentName } from '../task/names.ts';
import type { Reader } from '../store/store.ts';

const clientAuthentication = '1.3.6.1.5.5.7.3.2';

export interface IdentityParts {
  /** PEM. */
  authorityCertificate: string;
  store: Reader;
}

/**
 * Answers with a function that gives the id of the agent that holds a certificate. It throws UNAUTHENTICATED, with what is
 * wrong, when the certificate is not of this coordinator's authority, not in time, not an agent's, or when the agent is gone; and
 * AGENT_DISABLED as long as somebody has disabled the agent.
 */
export function createIdentifier({ authorityCertificate, store }: IdentityParts) {
  const authority = new X509Certificate(authorityCertificate);
  const issued = new WeakMap<X509Certificate, boolean>();
  // A connection carries many calls with one certificate; its signature does not change between them.
  const isIssued = (certificate: X509Certificate): boolean => {
    const known = issued.get(certificate);
    if (known !== undefined) return known;
    const answer = certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
    issued.set(certificate, answer);
    return answer;
  };
  return async (certificate: X509Certificate, nowMs: number): Promise<string> => {
    if (!isIssued(certificate)) throw refuse('it was not issued by this coordinator');
    if (nowMs < certificate.validFromDate.getTime()) throw notBegun(certificate, nowMs);
    if (nowMs >= certificate.validToDate.getTime())
      throw refuse(`its time was over at ${timeText(certificate.validToDate)}, and here it is ${timeText(nowMs)}`); // oxfmt-ignore
    if (!certificate.keyUsage?.includes(clientAuthentication)) throw refuse('it is not a client');
    const agent = /^CN=([a-z0-9-]+)$/.exec(certificate.subject)?.[1];
    if (agent === undefined) throw refuse('it names no agent');
    const row = await store.agent(agent);
    if (row === undefined) throw removedAgent(agent);
    if (row.agent!.availability === AgentAvailability.DISABLED) throw disabledAgent(agent);
    return agent;
  };
}

/** The certificate is one of ours, and its agent is not there any more: only a removal, or an older backup, makes that so. */
export function removedAgent(agent: string): DroverError {
  const name = agentName(agent);
  return new DroverError(
    ErrorReason.UNAUTHENTICATED,
    `the certificate is refused: ${name} was removed from this coordinator`,
    { metadata: { name } },
  );
}

/** The agent is known, and somebody does not want it to work. */
export function disabledAgent(agent: string): DroverError {
  const name = agentName(agent);
  return new DroverError(
    ErrorReason.AGENT_DISABLED,
    `${name} is disabled: its certificate is refused until somebody enables it`,
    { metadata: { name } },
  );
}

/** A certificate of ours that has not begun was made while a clock said another time: the agent has to wait, and not to join again. */
function notBegun({ validFromDate }: X509Certificate, nowMs: number): DroverError {
  const [begins, now] = [timeText(validFromDate), timeText(nowMs)];
  return new DroverError(
    ErrorReason.UNAUTHENTICATED,
    `the certificate is refused: it begins at ${begins}, and here it is ${now}; set the clock of the coordinator's computer`,
    { metadata: { [certificateBeginsKey]: begins, now } },
  );
}

function timeText(time: Date | number): string {
  return new Date(time).toISOString();
}

function refuse(why: string): DroverError {
  return new DroverError(ErrorReason.UNAUTHENTICATED, `the certificate is refused: ${why}`);
}
