// The digest of a plan, by which somebody approves this plan and no other. It is made of a record of each item, in path order: an array in
// JSON. Records are hashed in blocks of 64: the digest of n blocks is the SHA-256, in lower-case hexadecimal, of the digest of n-1 blocks
// (of none: nothing), and of each record of the block, each after a line feed, in UTF-8; the last block may have fewer. Scanned items and
// those that are gone from the source are two such chains, because the second is made of the ledger; the plan's digest is the SHA-256 of
// the two digests with a line feed between them. The form is public (docs/ARCHITECTURE.md), so that everybody can make the digest anew of
// what is listed, and must never change. PURE.
import { hash } from 'node:crypto';
import type { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import type { ItemAction, ItemKind } from '../gen/drover/v1/item_pb.ts';

/** One hash of many records takes a quarter of the time of one for each. */
const blockRecords = 64;

/** One item as it is planned. */
export interface RecordedItem {
  path: string;
  kind: ItemKind;
  action: ItemAction;
  /** Bytes; 0 for what is not a file. */
  size: bigint;
  modifiedNs: bigint;
  /** The path below the destination; the path itself for what has none. */
  destinationPath: string;
  /** The path it had when it was migrated, when it is to be moved. */
  movedFrom: string;
  /** Why it is skipped or fails. */
  reason: ErrorReason;
}

/** A digest that is being made. */
export interface GrowingDigest {
  /** Of all whole blocks so far. */
  digest: string;
  /** The records of the next block so far. */
  rest: readonly string[];
}

/** The item as JSON: an array of texts and of the numbers of the schema; 64-bit numbers are texts. */
export function planRecord(item: RecordedItem): string {
  const { path, kind, action, size, modifiedNs, destinationPath, movedFrom, reason } = item;
  const from = JSON.stringify(path);
  const to = destinationPath === path ? from : JSON.stringify(destinationPath);
  const before = movedFrom === '' ? '""' : JSON.stringify(movedFrom);
  // Put together by hand, in a quarter of the time of JSON.stringify of the whole.
  return `[${from},${kind},${action},"${size}","${modifiedNs}",${to},${before},${reason}]`;
}

/** The digest after these records. */
export function addToDigest(before: GrowingDigest, records: Iterable<string>): GrowingDigest {
  let { digest } = before;
  let rest = [...before.rest];
  for (const record of records) {
    rest.push(record);
    if (rest.length < blockRecords) continue;
    digest = withBlock(digest, rest);
    rest = [];
  }
  return { digest, rest };
}

/** The digest of the whole plan. */
export function planDigest(planned: GrowingDigest, gone: GrowingDigest): string {
  return hash('sha256', `${ended(planned)}\n${ended(gone)}`);
}

function ended({ digest, rest }: GrowingDigest): string {
  return rest.length === 0 ? digest : withBlock(digest, rest);
}

function withBlock(before: string, records: readonly string[]): string {
  return hash('sha256', `${before}\n${records.join('\n')}`);
}
