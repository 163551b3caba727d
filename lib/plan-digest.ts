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

/**
 * The record of an item: an array in JSON of path, kind, action, size, modified time, path at the destination, path before a move, and reason; kinds,
 * actions and reasons are numbers of the schema, other numbers are texts.
 */
export function planRecord(item: RecordedItem): string {
  const { path, kind, action, size, modifiedNs, destinationPath, movedFrom, reason } = item;
  const from = JSON.stringify(path);
  const to = destinationPath === path ? from : JSON.stringify(destinationPath);
  const before = movedFrom === '' ? '""' : JSON.stringify(movedFrom);
  // Put together by hand, in a quarter of the time of JSON.stringify of the whole.
  return `[${from},${kind},${action},"${size}","${modifiedNs}",${to},${before},${reason}]`;
}

/** A digest that is being made. */
export interface GrowingDigest {
  /** Of all whole blocks so far. */
  digest: string;
  /** The records of the next block so far, each after a line feed. */
  rest: string;
}

/** Before the first record. */
export const emptyDigest: GrowingDigest = { digest: '', rest: '' };

/** Makes a digest, record by record. */
export class PlanDigest {
  #digest: string;
  #rest: string;
  #records: number;

  /** Goes on with what was kept. */
  constructor({ digest, rest }: GrowingDigest) {
    this.#digest = digest;
    this.#rest = rest;
    this.#records = rest.split('\n').length - 1;
  }

  /** Adds the record of an item. */
  add(item: RecordedItem): void {
    this.addRecord(planRecord(item));
  }

  /** Adds a record that is made. */
  addRecord(record: string): void {
    this.#rest += `\n${record}`;
    this.#records += 1;
    if (this.#records < blockRecords) return;
    this.#digest = hash('sha256', this.#digest + this.#rest);
    this.#rest = '';
    this.#records = 0;
  }

  /** What is to be kept. */
  keep(): GrowingDigest {
    return { digest: this.#digest, rest: this.#rest };
  }
}

/** The digest of the whole plan. */
export function planDigest(planned: GrowingDigest, gone: GrowingDigest): string {
  return hash('sha256', `${ended(planned)}\n${ended(gone)}`);
}

function ended({ digest, rest }: GrowingDigest): string {
  return rest === '' ? digest : hash('sha256', digest + rest);
}
