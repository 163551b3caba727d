// A real coordinator on a port of its own, for tests: with clients of both protocols, and agents that joined.
import { createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import type { DescService } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EnrollmentService } from '../../../gen/drover/v1/session_pb.ts';
import { JoinTokenService } from '../../../gen/drover/v1/agent_pb.ts';
import { createLog, type Logger } from '../../../lib/log.ts';
import { systemClock, type Clock } from '../../../lib/time.ts';
import { parseJoinToken } from '../../../lib/join-token.ts';
import { Pkcs10CertificateRequestGenerator } from '../../../lib/x509.ts';
import { startCoordinator, type Coordinator } from '../../coordinator.ts';
import type { CoordinatorOptions } from '../../options.ts';

export type Protocol = 'grpc' | 'connect' | 'http1';

export interface ClientOptions {
  protocol?: Protocol;
  /** The bearer token; the administrator's when absent, none when empty. */
  token?: string;
  /** A client certificate and its key, PEM. */
  identity?: { cert: string; key: string };
}

export interface RunningCoordinator {
  readonly coordinator: Coordinator;
  readonly address: string;
  /** PEM. */
  readonly authority: string;
  readonly adminToken: string;
  readonly dataFolder: string;
  readonly client: <S extends DescService>(service: S, options?: ClientOptions) => Client<S>;
  /** Lets a new agent join; answers with its name and what it proves itself with. */
  readonly join: (
    displayName: string,
  ) => Promise<{ name: string; identity: { cert: string; key: string } }>;
}

/** Starts a coordinator that ends with the test; its data folder is removed. */
export async function runCoordinator(
  t: ExecutionContext,
  dataFolder = temporaryFolder(t),
  clock: Clock = systemClock,
  more: CoordinatorOptions = {},
  log: Logger = createLog('test', 'silent'),
): Promise<RunningCoordinator> {
  const listen = { host: '127.0.0.1', port: 0 };
  const coordinator = await startCoordinator({ dataFolder, listen, ...more }, { log, clock });
  t.teardown(() => coordinator.close());
  const { address, authorityFile, tokenFile } = coordinator.connection;
  const authority = readFileSync(authorityFile, 'utf8');
  const adminToken = readFileSync(tokenFile, 'utf8').trim();
  const client = <S extends DescService>(service: S, options: ClientOptions = {}): Client<S> =>
    createClient(service, createTransport({ address, authority, adminToken }, options));
  return {
    coordinator,
    address,
    authority,
    adminToken,
    dataFolder,
    client,
    join: (displayName) => join(client, displayName),
  };
}

/** A folder that is removed after the test. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-rpc-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A key, PEM, and a certificate request for it, DER. */
export async function createRequest() {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { key, certificateRequest: new Uint8Array(request.rawData) };
}

async function join(client: RunningCoordinator['client'], displayName: string) {
  const { token } = await client(JoinTokenService).createJoinToken({});
  const { key, certificateRequest } = await createRequest();
  const { agent, certificate } = await client(EnrollmentService, { token: '' }).join({
    token: parseJoinToken(token).secret,
    certificateRequest,
    displayName,
  });
  return { name: agent, identity: { cert: certificate, key } };
}

function createTransport(
  server: { address: string; authority: string; adminToken: string },
  { protocol = 'grpc', token = server.adminToken, identity }: ClientOptions,
): Transport {
  const authorize: Interceptor = (next) => (request) => {
    if (token !== '') request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  const nodeOptions = { ca: server.authority, ...identity };
  const options = { baseUrl: server.address, nodeOptions, interceptors: [authorize] };
  switch (protocol) {
    case 'grpc':
      return createGrpcTransport(options);
    case 'connect':
      return createConnectTransport({ ...options, httpVersion: '2', useBinaryFormat: false });
    case 'http1':
      return createConnectTransport({ ...options, httpVersion: '1.1', useBinaryFormat: false });
  }
}
