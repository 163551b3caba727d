// A look at who answers at an address, by TLS alone: gRPC says of every failed connection only that it failed, in words that
// programs must not read.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  connect,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type TLSSocket,
} from 'node:tls';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import type { ClientTrust } from './client.ts';
import type { CoordinatorAddress, CoordinatorProxy } from './coordinator-way.ts';
import { openTunnel } from './proxy-tunnel.ts';

const probeTimeoutMs = 10_000;
/** More certificates than any chain has. */
const chainLengthMax = 10;

/** The certificate authority that a server names as its own; nothing of it is to be believed before it is compared. */
export interface FoundAuthority {
  /** PEM. */
  certificate: string;
  /** Lower-case hexadecimal SHA-256 of the certificate in DER. */
  fingerprint: string;
}

/**
 * Reads which authority stands at the end of the server's chain, without trusting it. Throws UNAVAILABLE when nobody speaks
 * TLS there, COORDINATOR_MISMATCH when the server shows no authority.
 */
export async function findAuthority(
  address: CoordinatorAddress,
  signal?: AbortSignal,
): Promise<FoundAuthority> {
  const socket = await openTls(address, { rejectUnauthorized: false }, signal);
  try {
    const root = rootOf(socket.getPeerCertificate(true));
    if (root !== undefined)
      return {
        certificate: toPem(root.raw),
        fingerprint: createHash('sha256').update(root.raw).digest('hex'),
      };
  } finally {
    socket.destroy();
  }
  const coordinator = formatHostPort(address);
  throw new DroverError(
    ErrorReason.COORDINATOR_MISMATCH,
    `the server at ${coordinator} does not show a certificate authority of its own: it is no Drover coordinator`,
    { metadata: { coordinator } },
  );
}

/** Why nothing could be connected to, by the code of the system's error; undefined for a code that says nothing of the network. */
export function unreachableWords(code: string): string | undefined {
  return unreachable[code];
}

/** Why a connection to the coordinator fails, or undefined when TLS at least is in order. */
export async function diagnose(
  address: CoordinatorAddress,
  trust: ClientTrust,
  signal?: AbortSignal,
): Promise<DroverError | undefined> {
  const { authority, privateKey, certificate } = trust;
  try {
    const shown = privateKey && certificate ? { key: privateKey, cert: certificate } : {};
    (await openTls(address, { ca: authority, ...shown }, signal)).destroy();
    return undefined;
  } catch (error) {
    return DroverError.from(error);
  }
}

/** A connection that is encrypted by what `options` trust, made for HTTP/2. Throws as `findAuthority`. Whoever gets it closes it. */
export async function openTls(
  address: CoordinatorAddress,
  options: ConnectionOptions,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  const { host, port } = address;
  const tunnel = await openTunnel(address, signal, probeTimeoutMs).catch((error: unknown) => {
    throw connectError(error, address);
  });
  const way = tunnel === undefined ? {} : { socket: tunnel };
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...way,
      ALPNProtocols: ['h2'],
      ...servername,
      ...options,
    });
    const fail = (error: unknown) => {
      socket.destroy();
      reject(connectError(error, address));
    };
    const onAbort = () => fail(Object.assign(new Error('stopped'), { code: 'ABORT_ERR' }));
    socket.setTimeout(probeTimeoutMs, () =>
      fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    socket.on('error', fail);
    socket.once('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    socket.once('secureConnect', () => {
      signal?.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function rootOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate | undefined {
  let certificate = leaf;
  for (let length = 0; length < chainLengthMax; length += 1) {
    const issuer = certificate.issuerCertificate;
    if (issuer === undefined) return undefined;
    if (issuer === certificate || issuer.fingerprint256 === certificate.fingerprint256)
      return certificate;
    certificate = issuer;
  }
  return undefined;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

// TLS has many more codes; those that say nothing of whom we talk to end as "does not speak TLS".
const unreachable: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its host name cannot be resolved',
  EAI_AGAIN: 'its host name cannot be resolved at the moment',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its network',
  EADDRNOTAVAIL: 'that address cannot be connected to',
  ABORT_ERR: 'the agent is stopping',
  CERT_HAS_EXPIRED: 'its certificate has expired; check the clocks of both computers',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clocks of both computers',
};

const mistrusted: Record<string, string> = {
  SELF_SIGNED_CERT_IN_CHAIN:
    'it belongs to another certificate authority than the one this agent joined',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it belongs to no certificate authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'it belongs to another certificate authority than the one this agent joined',
  UNABLE_TO_GET_ISSUER_CERT:
    'it belongs to another certificate authority than the one this agent joined',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'it belongs to another certificate authority than the one this agent joined',
  CERT_SIGNATURE_FAILURE: 'its certificate was not signed by the authority it names',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other host names than this one',
};

function connectError(cause: unknown, address: CoordinatorAddress): DroverError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const coordinator = formatHostPort(address);
  const options = { cause, metadata: { coordinator, code } };
  const mismatch = mistrusted[code];
  if (mismatch !== undefined)
    return new DroverError(
      ErrorReason.COORDINATOR_MISMATCH,
      `the coordinator at ${coordinator} cannot be trusted: ${mismatch}`,
      options,
    );
  const why =
    (address.proxy && code === 'PROXY_REFUSED' ? proxyRefused(address.proxy) : unreachable[code]) ??
    `what answers there does not speak TLS as a coordinator does (${code})`;
  return new DroverError(
    ErrorReason.UNAVAILABLE,
    `the coordinator at ${coordinator} cannot be reached: ${why}`,
    options,
  );
}

function proxyRefused({ address, variable }: CoordinatorProxy): string {
  return `the proxy ${formatHostPort(address)}, which ${variable} names, cannot be reached, or does not connect to it; see whether it may, or name the coordinator in no_proxy`;
}
