// The client that the world signs in with, for the tests of sign-in.
// The door to MSAL is the agent's; but a sign-in server is tested with the client it is there for.
// oxlint-disable-next-line no-restricted-imports
import {
  ConfidentialClientApplication,
  PublicClientApplication,
  type INetworkModule,
  type NetworkRequestOptions,
  type NodeAuthOptions,
} from '@azure/msal-node';
import { Agent, buildConnector, request } from 'undici';
import { PemConverter, X509CertificateGenerator } from '../../lib/x509.ts';

/** A program that talks to a server on this machine, whatever host it means to talk to. */
export class PlayedClient implements AsyncDisposable {
  readonly #dispatcher: Agent;

  constructor(server: { port: number; certificate: string }) {
    const connect = buildConnector({ ca: server.certificate });
    this.#dispatcher = new Agent({
      connect: (options, callback) => {
        const servername = options.hostname === '127.0.0.1' ? '' : options.hostname;
        const port = String(server.port);
        connect({ ...options, hostname: '127.0.0.1', port, servername }, callback);
      },
    });
  }

  confidential(auth: NodeAuthOptions): ConfidentialClientApplication {
    return new ConfidentialClientApplication({ auth, system: this.#system() });
  }

  public(auth: NodeAuthOptions): PublicClientApplication {
    return new PublicClientApplication({ auth, system: this.#system() });
  }

  async get(url: string): Promise<{ status: number; body: any }> {
    return this.#send(url, 'GET', {});
  }

  async post(url: string, form: Record<string, string>): Promise<{ status: number; body: any }> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#send(url, 'POST', { headers, body: new URLSearchParams(form).toString() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
  }

  #system() {
    const networkClient: INetworkModule = {
      sendGetRequestAsync: (url, options) => this.#send(url, 'GET', options ?? {}),
      sendPostRequestAsync: (url, options) => this.#send(url, 'POST', options ?? {}),
    };
    return { networkClient };
  }

  async #send(url: string, method: 'GET' | 'POST', options: NetworkRequestOptions) {
    const { headers = {}, body = null } = options;
    const dispatcher = this.#dispatcher;
    const answer = await request(url, { method, headers, body, dispatcher });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string>,
      body: isJson ? JSON.parse(text) : text,
    };
  }
}

/** A key and its certificate, PEM, as an application signs in with. */
export async function makeAppCertificate(times: { notBefore: Date; notAfter: Date }) {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Migration app',
    ...times,
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const thumbprint = async (hash: 'SHA-1' | 'SHA-256') =>
    Buffer.from(await certificate.getThumbprint(hash)).toString('hex');
  return {
    certificate: certificate.toString('pem'),
    privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    sha1: await thumbprint('SHA-1'),
    sha256: await thumbprint('SHA-256'),
  };
}
