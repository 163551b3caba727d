// The digest of a plan, made as the plan grows. The digest of n items is the SHA-256, in lower-case hexadecimal, of the digest of n-1 items (of
// none: nothing), a line feed, and the record of the item (`planRecord`), in UTF-8. Scanned items and those that are gone from the
// source are two such chains, each in path order, because the second is made of the ledger; the plan's digest is the SHA-256 of
// the two digests with a line feed between them.
import { hash } from 'node:crypto';

/** The digest after these records. */
export function addToDigest(before: string, records: Iterable<string>): string {
  let digest = before;
  for (const record of records) digest = hash('sha256', `${digest}\n${record}`);
  return digest;
}

/** The digest of the whole plan. */
export function planDigest(planned: string, gone: string): string {
  return hash('sha256', `${planned}\n${gone}`);
}
