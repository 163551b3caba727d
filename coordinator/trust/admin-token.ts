// The administrator's token of the embedded default: made on first start, in a file that only its owner can read.
import { randomBytes } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import { readPrivateFile, writeDataFile } from './private-file.ts';
import { hashSecret, isSameHash } from './secret-hash.ts';

/** Shorter tokens can be guessed; 32 characters of base64url are 192 bits. */
const lengthMin = 32;

/** Compares tokens by their hashes, so that the time it takes tells nothing about the token. */
export interface AdminToken {
  matches(token: string): boolean;
}

/** Reads the token, or makes one. Throws INVALID_ARGUMENT when the file holds something that is too short to be one. */
export function openAdminToken(file: string): AdminToken {
  let token = readPrivateFile(file)?.trim();
  if (token === undefined) {
    token = `drover-admin-${randomBytes(32).toString('base64url')}`;
    writeDataFile(file, `${token}\n`, 0o600);
  }
  if (token.length < lengthMin)
    throw DroverError.invalid(file, 'holds no token; remove the file to get a new one made');
  const expected = hashSecret(token);
  return { matches: (candidate) => isSameHash(hashSecret(candidate), expected) };
}
