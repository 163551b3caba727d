// How an agent gets its certificate: once with a join token, later with the certificate that is about to end.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import { timestampMs } from '../../lib/time.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';
import { callUnary, createClient } from './client.ts';
import type { Identity } from './identity.ts';
import { identityMethod, joinMethod, renewMethod } from './service.ts';
import { diagnose, findAuthority } from './tls-probe.ts';

/** What proves that an agent may join, and whom it may trust. */
export type JoinProof =
  /** A join token as a person copies it. */
  | { joinToken: string }
  /** An access token of somebody with the role of an admin; the fingerprint came to the agent by another way. */
  | { entraToken: string; authorityFingerprint: string };

export interface JoinOptions {
  address: CoordinatorAddress;
  proof: JoinProof;
  /** What the agent calls itself, for people. */
  displayName: string;
  signal?: AbortSignal;
}

/**
 * Joins. What proves it is sent only to a server whose certificate authority is the one it names. Throws JOIN_TOKEN_INVALID, _USED or
 * _EXPIRED, COORDINATOR_MISMATCH, what the coordinator says of an access token, or UNAVAILABLE with why the address cannot be reached.
 */
export async function join(options: JoinOptions): Promise<Identity> {
  const { address, displayName, signal } = options;
  const { secrets, authorityFingerprint } = readProof(options.proof);
  const authority = await recognise(address, authorityFingerprint, signal);
  const { privateKey, request } = await makeRequest(displayName);
  using client = closing(createClient(address, { authority }));
  const message = { ...secrets, certificateRequest: request, displayName };
  const answer = await callUnary(client.client, joinMethod, message, address);
  return { agent: answer.agent, privateKey, certificate: answer.certificate, authority };
}

/**
 * The certificate authority of the server at the address, PEM, which has this fingerprint. Throws COORDINATOR_MISMATCH when it is another
 * one, or UNAVAILABLE with why the address cannot be reached.
 */
export async function recognise(
  address: CoordinatorAddress,
  authorityFingerprint: string,
  signal?: AbortSignal,
): Promise<string> {
  const found = await findAuthority(address, signal);
  if (found.fingerprint !== authorityFingerprint)
    throw mismatch(address, found.fingerprint, authorityFingerprint);
  const reason = await diagnose(address, { authority: found.certificate }, signal);
  if (reason !== undefined) throw reason;
  return found.certificate;
}

/** What the coordinator says of an agent that shows its certificate. */
export interface OwnIdentity {
  agent: string;
  /** The version that the coordinator runs. */
  version: string;
  /** The coordinator's time, milliseconds since 1970. */
  timeMs: number;
}

/** Asks the coordinator who this agent is; changes nothing. Throws what it refuses the certificate with, or UNAVAILABLE. */
export async function askIdentity(
  identity: Identity,
  address: CoordinatorAddress,
): Promise<OwnIdentity> {
  using client = closing(createClient(address, identity));
  const { agent, version, time } = await callUnary(client.client, identityMethod, {}, address);
  return { agent, version, timeMs: time === undefined ? Number.NaN : timestampMs(time) };
}

/** The same agent with a new key and a new certificate. */
export async function renew(identity: Identity, address: CoordinatorAddress): Promise<Identity> {
  const { privateKey, request } = await makeRequest(identity.agent);
  using client = closing(createClient(address, identity));
  const message = { certificateRequest: request };
  const answer = await callUnary(client.client, renewMethod, message, address);
  return { ...identity, privateKey, certificate: answer.certificate };
}

/** Loaded when it is needed: most starts of an agent find a certificate that is good for days. */
async function makeRequest(displayName: string) {
  const { createRequest } = await import('./certificate-request.ts');
  return await createRequest(displayName);
}

function readProof(proof: JoinProof): {
  secrets: { token: string } | { entraToken: string };
  authorityFingerprint: string;
} {
  if (!('joinToken' in proof))
    return {
      secrets: { entraToken: proof.entraToken },
      authorityFingerprint: proof.authorityFingerprint,
    };
  const { secret, authorityFingerprint } = parseJoinToken(proof.joinToken);
  return { secrets: { token: secret }, authorityFingerprint };
}

function mismatch(address: CoordinatorAddress, found: string, expected: string): DroverError {
  const coordinator = formatHostPort(address);
  return new DroverError(
    ErrorReason.COORDINATOR_MISMATCH,
    `another coordinator than the one that was named is at ${coordinator}: the fingerprint of its certificate authority is ` +
      `${found}, and ${expected} was expected`,
    { metadata: { coordinator, found, expected } },
  );
}

function closing(client: ReturnType<typeof createClient>): Disposable & { client: typeof client } {
  return { client, [Symbol.dispose]: () => client.close() };
}
