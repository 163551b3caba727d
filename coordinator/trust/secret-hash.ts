// Secrets of tokens are kept and compared as hashes. They are 32 random bytes, so that a plain hash tells nothing about them.
import { createHash, timingSafeEqual } from 'node:crypto';

export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Compared in constant time, so that the time it takes tells nothing about the secret. */
export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
