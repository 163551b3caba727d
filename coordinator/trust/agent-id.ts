// The id of a new agent: what it calls itself, so that people know it again, and something random, so that no two have it.
import { randomBytes } from 'node:crypto';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
const randomCharacters = 6;
/** An id has at most 63 characters: the slug, a hyphen, the random ones. */
const slugCharactersMax = 63 - 1 - randomCharacters;

/** Such as file-server-1-x7k2mq for "File Server 1". */
export function newAgentId(displayName: string): string {
  return `${slug(displayName)}-${randomBase32(randomCharacters)}`;
}

/** Random lower-case letters and digits; 5 bits each. */
export function randomBase32(length: number): string {
  return Array.from(randomBytes(length), (byte) => base32[byte % base32.length]!).join('');
}

/** Lower-case letters, digits and single hyphens, beginning with a letter. */
export function slug(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{Mn}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, slugCharactersMax)
    .replace(/-+$/, '');
  return plain === '' ? 'agent' : plain;
}
