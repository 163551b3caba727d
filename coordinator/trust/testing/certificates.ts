// Certificates of every kind, good and bad, for tests.
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from '../../../lib/x509.ts';

type Keys = Parameters<typeof X509CertificateGenerator.createSelfSigned>[0]['keys'];

const hourMs = 3_600_000;

export const algorithms = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'P-521': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  Ed25519: { name: 'Ed25519' },
  'RSA-2048': rsa(2048, 'SHA-256'),
  'RSA-1024': rsa(1024, 'SHA-256'),
  'RSA-2048-SHA-1': rsa(2048, 'SHA-1'),
};

export interface CertificatePlan {
  name?: string;
  algorithm?: keyof typeof algorithms;
  /** Who signs; the certificate itself when absent. */
  issuer?: MadeCertificate;
  /** Whether it is one of an authority. @default true */
  ca?: boolean;
  pathLength?: number;
  usages?: KeyUsageFlags;
  purposes?: string[];
  /** Hours from now. @default -1 */
  fromHours?: number;
  /** Hours from now. @default 24 */
  toHours?: number;
  /** A name for its key that is not made of the key, as some authorities give. */
  keyName?: string;
}

export interface MadeCertificate {
  certificate: X509Certificate;
  keys: Keys;
  algorithm: keyof typeof algorithms;
  /** PEM. */
  text: string;
  /** PKCS #8, PEM. */
  key: string;
}

export async function makeCertificate(plan: CertificatePlan = {}): Promise<MadeCertificate> {
  const { name = 'An authority', algorithm = 'P-256', issuer, ca = true, pathLength } = plan;
  const own = algorithms[algorithm];
  const keys = (await crypto.subtle.generateKey(own, true, ['sign', 'verify'])) as Keys;
  const extensions: Extension[] = [
    new BasicConstraintsExtension(ca, pathLength, true),
    new KeyUsagesExtension(plan.usages ?? KeyUsageFlags.keyCertSign, true),
    plan.keyName === undefined
      ? await SubjectKeyIdentifierExtension.create(keys.publicKey)
      : new SubjectKeyIdentifierExtension(plan.keyName),
  ];
  if (plan.purposes) extensions.push(new ExtendedKeyUsageExtension(plan.purposes));
  const signer = issuer ?? { keys, algorithm };
  const certificate = await X509CertificateGenerator.create({
    serialNumber: '01',
    subject: `CN=${name}`,
    issuer: issuer?.certificate.subjectName ?? `CN=${name}`,
    notBefore: new Date(Date.now() + (plan.fromHours ?? -1) * hourMs),
    notAfter: new Date(Date.now() + (plan.toHours ?? 24) * hourMs),
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: algorithms[signer.algorithm],
    extensions,
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = `${PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`;
  return { certificate, keys, algorithm, text: `${certificate.toString('pem')}\n`, key };
}

function rsa(modulusLength: number, hash: string) {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent, hash };
}
