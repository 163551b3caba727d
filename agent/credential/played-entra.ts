// A sign-in service for tests: the emulator's, as a process of its own, because no part of Drover reaches into another.
import '../../lib/reflect-metadata.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { request, type Dispatcher } from 'undici';
import { createDispatcher } from './http-route.ts';

const program = fileURLToPath(
  new URL('../../emulator/entra/standalone-process.ts', import.meta.url),
);

export const tenantId = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';
export const rightSecret = 'the-right-secret~7Q8';

export interface PlayedEntraOptions {
  /** PEM, registered with the application. */
  certificates?: string[];
  tokenLifeSeconds?: number;
  deviceCodeLifeSeconds?: number;
}

export class PlayedEntra implements AsyncDisposable {
  readonly port: number;
  readonly authorityUrl: string;
  /** An own folder, which ends with the service. */
  readonly folder: string;
  /** Trusts the service. */
  readonly caFile: string;
  readonly #dispatcher: Dispatcher;
  readonly #end: () => Promise<void>;

  private constructor(folder: string, port: number, certificate: string, end: () => Promise<void>) {
    this.port = port;
    this.authorityUrl = `https://localhost:${port}`;
    this.folder = folder;
    this.caFile = path.join(folder, 'ca.pem');
    writeFileSync(this.caFile, certificate);
    const { caFile } = this;
    this.#dispatcher = createDispatcher({ proxyUrl: undefined, noProxy: undefined, caFile });
    this.#end = end;
  }

  static async start(options: PlayedEntraOptions = {}): Promise<PlayedEntra> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-sign-in-'));
    const { certificates = [], ...times } = options;
    const settings = {
      tenantId,
      tenantName: 'contoso',
      domain: 'contoso.com',
      users: [
        {
          id: '1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d01',
          principalName: 'ann@contoso.com',
          displayName: 'Ann',
        },
      ],
      apps: [
        {
          clientId,
          name: 'Drover',
          secrets: [rightSecret],
          certificates,
          permissions: { application: ['Sites.ReadWrite.All'], delegated: ['Files.ReadWrite.All'] },
        },
      ],
      keyFolder: path.join(folder, 'keys'),
      deviceCodeIntervalSeconds: 0.02,
      ...times,
    };
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { port, certificate } = JSON.parse(line) as { port: number; certificate: string };
    return new PlayedEntra(folder, port, certificate, async () => {
      child.stdin.end();
      await exited;
      rmSync(folder, { recursive: true });
    });
  }

  /** How many requests for tokens there were. */
  async tokenRequests(): Promise<number> {
    const { body } = await request(`${this.authorityUrl}/_requests`, {
      dispatcher: this.#dispatcher,
    });
    const requests = (await body.json()) as string[];
    return requests.filter((each) => each.endsWith('/token')).length;
  }

  /** Does what the person does who reads the message with a device's code. */
  async decide(message: string, action: 'approve' | 'decline'): Promise<void> {
    const userCode = /enter the code (\w+)/.exec(message)?.[1] ?? '';
    const form = new URLSearchParams({ user_code: userCode, user: 'ann@contoso.com', action });
    const { statusCode } = await request(`${this.authorityUrl}/devicelogin`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      dispatcher: this.#dispatcher,
    });
    if (statusCode !== 200) throw new Error(`the page answered ${statusCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
    await this.#end();
  }
}

/** A key and its certificate, PEM. */
export async function makeCertificate(times: { notBefore: Date; notAfter: Date }) {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=Drover', ...times, keys, signingAlgorithm: algorithm },
    crypto,
  );
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificatePem: certificate.toString('pem'),
    privateKeyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}
