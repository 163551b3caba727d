// For tests: a tenant with an application for an agent, and somebody who may sign in.
import { clientId, EntraProcess, startEntra, tenantId } from '../../lib/testing/entra-process.ts';
import { PemConverter, X509CertificateGenerator } from '../../lib/x509.ts';

export { clientId, tenantId };
export const rightSecret = 'the-right-secret~7Q8';

export interface PlayedEntraOptions {
  /** PEM, registered with the application. */
  certificates?: string[];
  tokenLifeSeconds?: number;
  deviceCodeLifeSeconds?: number;
}

export class PlayedEntra extends EntraProcess {
  static async start(options: PlayedEntraOptions = {}): Promise<PlayedEntra> {
    const { certificates = [], ...times } = options;
    const id = '1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d01';
    const app = {
      clientId,
      name: 'Drover',
      secrets: [rightSecret],
      certificates,
      permissions: { application: ['Sites.ReadWrite.All'], delegated: ['Files.ReadWrite.All'] },
    };
    const started = await startEntra({
      users: [{ id, principalName: 'ann@contoso.com', displayName: 'Ann' }],
      apps: [app],
      deviceCodeIntervalSeconds: 0.02,
      ...times,
    });
    return new PlayedEntra(started);
  }

  /** How many requests for tokens there were. */
  tokenRequests(): Promise<number> {
    return this.requestsTo('token');
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
