// Which keys are strong enough to prove anything with.
import type { KeyObject } from 'node:crypto';

const curves = ['prime256v1', 'secp384r1', 'secp521r1'];
const rsaBitsMin = 2048;

/** What is asked for, in words. */
export const strongKeys = 'EC P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more';

/** Whether a public or private key is one of these. */
export function isStrongKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  switch (asymmetricKeyType) {
    case 'ed25519':
      return true;
    case 'ec':
      return curves.includes(asymmetricKeyDetails?.namedCurve ?? '');
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin;
    default:
      return false;
  }
}
