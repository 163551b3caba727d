// For tests: a coordinator's face (TLS, gRPC, a token) whose services are small functions.
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Code, ConnectError, type ConnectRouter, type Interceptor } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import * as x509 from '../../lib/x509.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { connectionFileName } from '../../lib/connection.ts';
import { errorDomain } from '../../lib/error.ts';
import type { CommandLineOptions } from './command-line.ts';
import { runWords, type CommandResult } from './test-command-line.ts';

export interface TestCoordinator extends AsyncDisposable {
  address: string;
  /** Holds connection.json, authority.pem and token. */
  dataFolder: string;
  /** Runs `drover` with these words against this coordinator. */
  drover(words: readonly string[], more?: Partial<CommandLineOptions>): Promise<CommandResult>;
}

export const testToken = 'test-token';

/**
 * Starts it on any free port; the routes are those of the real coordinator. Calls need the token of the data folder, unless the test says
 * otherwise.
 */
export async function startTestCoordinator(
  routes: (router: ConnectRouter) => void,
  interceptors: Interceptor[] = [requireToken],
): Promise<TestCoordinator> {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'drover-cli-test-'));
  const { certificate, key } = await createCertificate();
  const handler = connectNodeAdapter({ routes, interceptors });
  const server = createSecureServer({ cert: certificate, key }, handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  const address = `https://127.0.0.1:${await listen(server)}`;
  writeAccess(dataFolder, address, certificate);
  return {
    address,
    dataFolder,
    drover: (words, more = {}) =>
      runWords(words, { environment: { DROVER_DATA: dataFolder }, ...more }),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(dataFolder, { recursive: true });
    },
  };
}

const requireToken: Interceptor = (next) => (request) => {
  if (request.header.get('authorization') === `Bearer ${testToken}`) return next(request);
  const info = { reason: 'UNAUTHENTICATED', domain: errorDomain, metadata: {} };
  throw new ConnectError('the token is not accepted', Code.Unauthenticated, undefined, [
    { desc: ErrorInfoSchema, value: info },
  ]);
};

function writeAccess(dataFolder: string, address: string, certificate: string): void {
  const authorityFile = path.join(dataFolder, 'authority.pem');
  const tokenFile = path.join(dataFolder, 'token');
  writeFileSync(authorityFile, certificate);
  writeFileSync(tokenFile, `${testToken}\n`);
  const connection = JSON.stringify({ address, authorityFile, tokenFile });
  writeFileSync(path.join(dataFolder, connectionFileName), connection);
}

function listen(server: Http2SecureServer): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}

async function createCertificate(): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test coordinator',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
    ],
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    key: x509.PemConverter.encode(der, 'PRIVATE KEY'),
  };
}
