// An application's certificate is looked at here first: Entra says of most things that are wrong with it only that the
// signature is invalid.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

export interface ClientCertificate {
  certificatePem: string;
  privateKeyPem: string;
}

/** Throws SIGN_IN_FAILED when the certificate is not valid now, or the key is not its key. Answers with its SHA-256, in hexadecimal. */
export function checkClientCertificate(given: ClientCertificate, nowMs: number): string {
  const certificate = readCertificate(given.certificatePem);
  const key = readKey(given.privateKeyPem);
  const { validFromDate, validToDate } = certificate;
  const subject = certificate.subject.replaceAll('\n', ', ');
  if (key.asymmetricKeyType !== 'rsa')
    throw refuse(`the key is of kind ${key.asymmetricKeyType}; Entra ID takes RSA only`);
  if (!certificate.checkPrivateKey(key))
    throw refuse(`the key does not belong to the certificate (${subject})`);
  if (nowMs < validFromDate.getTime())
    throw refuse(`it is not valid before ${validFromDate.toISOString()} (${subject})`);
  if (nowMs > validToDate.getTime())
    throw refuse(
      `it has expired at ${validToDate.toISOString()} (${subject}); register a new one with the application`,
    );
  return certificate.fingerprint256.replaceAll(':', '');
}

/** Takes apart a PEM file with a key and one certificate or more; the one that belongs to the key is the application's. */
export function splitPem(pem: string): ClientCertificate | undefined {
  const block = (label: string) =>
    pem.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
  const certificates = block('CERTIFICATE');
  const privateKeyPem = block('(?:RSA |EC |ENCRYPTED )?PRIVATE KEY')[0];
  const first = certificates[0];
  if (first === undefined || privateKeyPem === undefined) return undefined;
  const own = certificates.find((candidate) => belongs(candidate, privateKeyPem)) ?? first;
  return { certificatePem: own, privateKeyPem };
}

function belongs(certificatePem: string, privateKeyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw refuse('it cannot be read; it has to be PEM');
  }
}

function readKey(pem: string): KeyObject {
  if (pem.includes('ENCRYPTED'))
    throw refuse('its key is sealed with a password; store it without');
  try {
    return createPrivateKey(pem);
  } catch {
    // What the library says is left out: it may repeat what it read.
    throw refuse('its key cannot be read; it has to be PEM');
  }
}

function refuse(why: string): DroverError {
  return new DroverError(
    ErrorReason.SIGN_IN_FAILED,
    `the certificate of the application cannot be used: ${why}`,
    { metadata: { why } },
  );
}
