// Sign-in alone, on a TLS port of its own with a throw-away certificate: for tests of what only signs in.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createEntra, type Entra, type EntraOptions } from './entra.ts';
import {
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '../../lib/x509.ts';

export interface Standalone extends AsyncDisposable {
  readonly entra: Entra;
  readonly port: number;
  /** What a client has to trust, PEM. */
  readonly certificate: string;
  /** Method and path of every request so far. */
  readonly requests: readonly string[];
}

/**
 * Answers for localhost, 127.0.0.1 and Microsoft's own names. GET /_requests tells which requests there were, POST /_rotate changes the
 * key that tokens are signed with.
 */
export async function startStandalone(options: EntraOptions): Promise<Standalone> {
  const entra = await createEntra(options);
  const { certificate, privateKey } = await makeServerCertificate(options.now());
  const requests: string[] = [];
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    const method = request.method ?? 'GET';
    const url = new URL(target, `https://${request.headers.host}`);
    if (url.pathname === '/_requests') {
      response.end(JSON.stringify(requests));
      return;
    }
    if (url.pathname === '/_rotate' && method === 'POST') {
      response.end(await entra.rotateKeys());
      return;
    }
    requests.push(`${method} ${url.pathname}`);
    const exchange = { method, url, target, headers: request.headers, body: request, effects: {} };
    try {
      const reply = await entra.handle(exchange);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    entra,
    port,
    certificate,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function makeServerCertificate(nowMs: number) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const dayMs = 24 * 60 * 60 * 1000;
  const names = ['localhost', 'login.microsoftonline.com', 'login.windows.net', 'sts.windows.net'];
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Emulated sign-in',
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}
