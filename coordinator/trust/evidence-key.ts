// The key that signs evidence of runs: Ed25519, made at the first start. Its public part says which coordinator a file of evidence is from.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { keyFingerprint } from '../../lib/evidence.ts';
import { readPrivateFile, writeDataFile } from './private-file.ts';

/** Signs evidence. */
export interface EvidenceKey {
  /** PEM. */
  readonly publicPem: string;
  /** The SubjectPublicKeyInfo in DER. */
  readonly publicDer: Buffer;
  /** Lower-case hexadecimal SHA-256 of the SubjectPublicKeyInfo in DER. */
  readonly fingerprint: string;
  /** 64 bytes. */
  sign(text: Uint8Array): Buffer;
}

/** Reads the key from `file`, or makes it. Throws INVALID_ARGUMENT when the file holds another thing. */
export function openEvidenceKey(file: string): EvidenceKey {
  const stored = readPrivateFile(file);
  if (stored !== undefined) return usable(readKey(file, stored));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeDataFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600);
  return usable(privateKey);
}

function readKey(file: string, text: string): KeyObject {
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw damaged(file, cause);
  }
  throw damaged(file);
}

function usable(key: KeyObject): EvidenceKey {
  const publicKey = createPublicKey(key);
  return {
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    publicDer: publicKey.export({ type: 'spki', format: 'der' }),
    fingerprint: keyFingerprint(publicKey),
    sign: (text) => sign(null, text, key),
  };
}

function damaged(file: string, cause?: unknown): DroverError {
  return DroverError.invalid(
    '--data',
    `${file} holds no Ed25519 key; bring it back from a backup, or move it away to have a new one made, which signs what is exported from then on`,
    cause,
  );
}
