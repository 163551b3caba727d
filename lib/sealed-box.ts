// Seals what has to be kept and nobody else may read: AES-256-GCM. One key serves all that an agent seals (its vault, the
// sign-in that a person left, the addresses of open uploads), and one the secrets of a coordinator's webhooks.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** `name` says what is sealed: under another name it is not opened, so that nobody can put one thing in the place of another. */
export interface SealedBox {
  /** Seals; the same bytes never look the same twice. */
  seal(bytes: Uint8Array, name?: string): Uint8Array;
  /** What was sealed; undefined when it was sealed with another key or under another name, or changed since. */
  open(sealed: Uint8Array, name?: string): Uint8Array | undefined;
}

/** Bytes of a key. */
export const sealKeyBytes = 32;

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** `key` has `sealKeyBytes` bytes. */
export function sealedBox(key: Uint8Array): SealedBox {
  return {
    seal: (bytes, name = '') => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce);
      cipher.setAAD(Buffer.from(name));
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed, name = '') => {
      if (sealed.length < nonceBytes + tagBytes) return undefined;
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes));
      decipher.setAAD(Buffer.from(name));
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
