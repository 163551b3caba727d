// Seals what the agent has to keep and nobody else may read: AES-256-GCM with a key of its own in a file that only its owner can
// read, apart from what is sealed.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { DroverError } from '../../lib/error.ts';

export interface SealedBox {
  /** Seals; the same bytes never look the same twice. */
  seal(bytes: Uint8Array): Uint8Array;
  /** What was sealed; undefined when it was sealed with another key, or changed since. */
  open(sealed: Uint8Array): Uint8Array | undefined;
}

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Reads the key, or makes one. Throws INVALID_ARGUMENT when the file cannot be used. */
export function openSealedBox(keyFile: string): SealedBox {
  return sealedBox(readKey(keyFile));
}

/** `key` has 32 bytes. */
export function sealedBox(key: Uint8Array): SealedBox {
  return {
    seal: (bytes) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce);
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed) => {
      if (sealed.length < nonceBytes + tagBytes) return undefined;
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes));
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      try {
        const text = sealed.subarray(nonceBytes, sealed.length - tagBytes);
        return Buffer.concat([decipher.update(text), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

function readKey(keyFile: string): Buffer {
  try {
    const key = readFileSync(keyFile);
    if (key.length === keyBytes) return key;
    throw new Error(`it has ${key.length} bytes, not ${keyBytes}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(keyFile, cause);
  }
  try {
    const key = randomBytes(keyBytes);
    // Under its name only when it is whole: half a key after a crash would lock the agent out of its data.
    const part = `${keyFile}.part`;
    writeFileSync(part, key, { mode: 0o600 });
    renameSync(part, keyFile);
    return key;
  } catch (cause) {
    throw unusable(keyFile, cause);
  }
}

function unusable(keyFile: string, cause: unknown): DroverError {
  const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  return DroverError.invalid('--data', `the key ${keyFile} cannot be used: ${why}`, cause);
}
