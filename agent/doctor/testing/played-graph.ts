// Microsoft Graph for tests of a first call to it: a real server with TLS that answers as it is told.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '../../../lib/x509.ts';

export class PlayedGraph implements AsyncDisposable {
  /** PEM. */
  readonly certificate: string;
  readonly #server: Server;
  status = 200;
  body: object = { id: 'root', webUrl: 'https://contoso.sharepoint.com' };
  /** Paths that were called with a token. */
  readonly calls: string[] = [];

  private constructor(certificate: string, key: string) {
    this.certificate = certificate;
    this.#server = createServer({ cert: certificate, key }, (request, response) => {
      if (request.headers.authorization?.startsWith('Bearer ')) this.calls.push(request.url ?? '');
      response.writeHead(this.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(this.body));
    });
  }

  static async start(): Promise<PlayedGraph> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=localhost',
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
    });
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
    const graph = new PlayedGraph(certificate.toString('pem'), key);
    await new Promise<void>((resolve) => graph.#server.listen(0, '127.0.0.1', resolve));
    return graph;
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
