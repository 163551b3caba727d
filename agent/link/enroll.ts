// How an agent gets its certificate: once with a join token, later with the certificate that is about to end.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { callUnary, createClient } from './client.ts';
import type { Identity } from './identity.ts';
import { joinMethod, renewMethod } from './service.ts';
import { diagnose, findAuthority } from './tls-probe.ts';

export interface JoinOptions {
  address: HostPort;
  /** A join token as a person copies it. */
  joinToken: string;
  /** What the agent calls itself, for people. */
  displayName: string;
  signal?: AbortSignal;
}

/**
 * Joins. The token's secret is sent only to a server whose certificate authority is the one the token names. Throws
 * JOIN_TOKEN_INVALID, _USED or _EXPIRED, COORDINATOR_MISMATCH, or UNAVAILABLE with why the address cannot be reached.
 */
export async function join(options: JoinOptions): Promise<Identity> {
  const { address, displayName, signal } = options;
  const token = parseJoinToken(options.joinToken);
  const found = await findAuthority(address, signal);
  if (found.fingerprint !== token.authorityFingerprint)
    throw mismatch(address, found.fingerprint, token.authorityFingerprint);
  const authority = found.certificate;
  const reason = await diagnose(address, { authority }, signal);
  if (reason !== undefined) throw reason;
  const { privateKey, request } = await makeRequest(displayName);
  using client = closing(createClient(address, { authority }));
  const message = { token: token.secret, certificateRequest: request, displayName };
  const answer = await callUnary(client.client, joinMethod, message, address);
  return { agent: answer.agent, privateKey, certificate: answer.certificate, authority };
}

/** The same agent with a new key and a new certificate. */
export async function renew(identity: Identity, address: HostPort): Promise<Identity> {
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

function mismatch(address: HostPort, found: string, expected: string): DroverError {
  const coordinator = formatHostPort(address);
  return new DroverError(
    ErrorReason.COORDINATOR_MISMATCH,
    `the join token is for another coordinator than the one at ${coordinator}: the fingerprint of its certificate ` +
      `authority is ${found}, the token expects ${expected}`,
    { metadata: { coordinator, found, expected } },
  );
}

function closing(client: ReturnType<typeof createClient>): Disposable & { client: typeof client } {
  return { client, [Symbol.dispose]: () => client.close() };
}
