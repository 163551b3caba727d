// The certificate request of an agent: what is taken from it is the key, and the proof that its sender holds the other half.
import { createPublicKey } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import { Pkcs10CertificateRequest, type PublicKey } from '../../lib/x509.ts';
import { isStrongKey, strongKeys } from './key-strength.ts';

/** Ample for a request with an RSA key of 8192 bits. */
const requestBytesMax = 16 * 1024;
const field = 'certificate_request';

/**
 * The key of a PKCS #10 request in DER whose signature is right. Throws INVALID_ARGUMENT for everything else, and for
 * keys that are too weak. The name in the request is not looked at: the coordinator decides who an agent is.
 */
export async function readCertificateRequest(der: Uint8Array): Promise<PublicKey> {
  if (der.length === 0) throw DroverError.invalid(field, 'is missing');
  if (der.length > requestBytesMax)
    throw DroverError.invalid(field, `is larger than ${requestBytesMax} bytes`);
  const request = parse(der);
  if (!(await isSigned(request)))
    throw DroverError.invalid(field, 'is not signed with the key that it names');
  checkStrength(request.publicKey);
  return request.publicKey;
}

function parse(der: Uint8Array): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(new Uint8Array(der));
  } catch (cause) {
    throw DroverError.invalid(field, 'is not a PKCS #10 certificate request in DER', cause);
  }
}

async function isSigned(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // An algorithm that the machine does not know cannot be checked, which is as good as wrong.
    return false;
  }
}

function checkStrength(key: PublicKey): void {
  if (isStrongKey(keyObject(key))) return;
  throw DroverError.invalid(field, `has a weak key; use ${strongKeys}`);
}

function keyObject(key: PublicKey) {
  try {
    return createPublicKey({ key: Buffer.from(key.rawData), format: 'der', type: 'spki' });
  } catch (cause) {
    throw DroverError.invalid(field, 'has a key that cannot be read', cause);
  }
}
