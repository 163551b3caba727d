// The request for an agent's certificate, with the key that the certificate is for.
import { KeyObject, webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '../../lib/x509.ts';

/** A new EC P-256 key (PKCS #8, PEM) and a certificate request in DER signed with it. */
export async function createRequest(
  displayName: string,
): Promise<{ privateKey: string; request: Uint8Array<ArrayBuffer> }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  // The coordinator chooses the name in the certificate; this one only tells people whose request it is.
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [displayName] }],
    keys: keys as Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0]['keys'],
    signingAlgorithm: algorithm,
  });
  const privateKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { privateKey: privateKey.toString(), request: new Uint8Array(request.rawData) };
}
