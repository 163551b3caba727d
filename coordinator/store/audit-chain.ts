// The chain of the audit log: each entry holds the hash of the one before, so that none can be changed, taken out or put in without
// breaking all that come after it. What is hashed is in docs/AUDIT.md, so that others can verify an export without this code. PURE.
//
//   hash = SHA-256 of the entry's canonical encoding without its hash; the previous hash is part of it
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { AuditHeadRowSchema, type AuditHeadRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AuditEntrySchema, type AuditEntry } from '../../gen/drover/v1/audit_pb.ts';

const hashBytes = 32;

/** Who does what nobody has called for: the caller of such an entry. */
export const coordinatorCaller = 'coordinator';

/** The end of a log that has no entries: its first entry holds 32 zeros as the hash of the one before. */
export const emptyLog: AuditHeadRow = create(AuditHeadRowSchema, {
  number: 0n,
  hash: new Uint8Array(hashBytes),
});

/** What was found when a log was verified. */
export interface Verdict {
  /** How many entries are in order, counted from the first. */
  entries: bigint;
  /** The hash of the last of them. */
  lastHash: Uint8Array;
  /** The first that is not; undefined when all are. */
  broken: { number: bigint; message: string } | undefined;
}

/** An entry that was noted elsewhere. */
export interface KnownEntry {
  number: bigint;
  hash: Uint8Array;
}

/** The entry as the next one of a log that ends with `head`: with its number, the hash of the one before, and its own. */
export function chained(entry: AuditEntry, head: AuditHeadRow): AuditEntry {
  const next = create(AuditEntrySchema, {
    ...entry,
    number: head.number + 1n,
    previousHash: head.hash,
    hash: new Uint8Array(),
  });
  next.hash = hashOf(next);
  return next;
}

/** The canonical encoding, in which entries are stored. What this version does not know is no part of it, and so nothing can hide there. */
export function encodeEntry(entry: AuditEntry): Uint8Array {
  return toBinary(AuditEntrySchema, entry, { writeUnknownFields: false });
}

/** The end of a log whose last entry this is. */
export function headAt({ number, hash }: AuditEntry): AuditHeadRow {
  return create(AuditHeadRowSchema, { number, hash });
}

/** Verifies a log, entry by entry in the order of their numbers. */
export class ChainCheck {
  readonly #head: AuditHeadRow;
  readonly #known: KnownEntry | undefined;
  #last = emptyLog;
  #broken: Verdict['broken'];

  /** `head` is where the log says that it ends; undefined when it does not say. */
  constructor(head: AuditHeadRow | undefined, known?: KnownEntry) {
    this.#head = head ?? emptyLog;
    this.#known = known;
  }

  /** Whether something was found; nothing more is looked at then. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** Takes the row that stands under the next number there is. */
  add(number: bigint, bytes: Uint8Array): void {
    if (this.isBroken) return;
    const expected = this.#last.number + 1n;
    if (number !== expected) {
      const next = number === 0n ? 'a row that is none' : `number ${number}`;
      this.#break(expected, `it is missing: in its place there is ${next}`);
      return;
    }
    const entry = decode(bytes);
    const problem = entry === undefined ? 'it cannot be decoded' : this.#problemOf(number, entry, bytes); // oxfmt-ignore
    if (problem !== undefined) this.#break(number, problem);
    else this.#last = headAt(entry!);
  }

  /** Says what was found, when all rows were taken. */
  finish(): Verdict {
    if (!this.isBroken) this.#checkEnd();
    const { number, hash } = this.#last;
    return { entries: number, lastHash: hash, broken: this.#broken };
  }

  #problemOf(number: bigint, entry: AuditEntry, bytes: Uint8Array): string | undefined {
    if (entry.number !== number) return `it says of itself that it is number ${entry.number}`;
    if (!same(encodeEntry(entry), bytes)) return 'it is not encoded as entries are';
    if (!same(entry.hash, hashOf(entry))) return 'it was changed: its hash is that of another';
    if (!same(entry.previousHash, this.#last.hash))
      return number === 1n
        ? 'it is not the first of a log: it follows another entry'
        : `it does not follow the entry before: that one is not the one that it was written after`;
    const head = this.#head;
    if (number > head.number) return `it stands behind the end of the log, which is number ${head.number}`; // oxfmt-ignore
    if (number === head.number && !same(entry.hash, head.hash))
      return 'it was changed: it is not the one that the log ends with';
    const known = this.#known;
    if (known?.number === number && !same(known.hash, entry.hash))
      return 'it is another one than the entry that was noted: the log was written anew';
    return undefined;
  }

  #checkEnd(): void {
    const next = this.#last.number + 1n;
    const ends = this.#head.number;
    const noted = this.#known?.number ?? 0n;
    if (ends >= next) this.#break(next, `it is missing: the log ends with number ${ends}`);
    else if (noted >= next) this.#break(next, `it is missing: number ${noted} was noted`);
  }

  #break(number: bigint, message: string): void {
    this.#broken = { number, message };
  }
}

function hashOf(entry: AuditEntry): Uint8Array {
  const bare = create(AuditEntrySchema, { ...entry, hash: new Uint8Array() });
  return new Uint8Array(createHash('sha256').update(encodeEntry(bare)).digest());
}

function decode(bytes: Uint8Array): AuditEntry | undefined {
  try {
    return fromBinary(AuditEntrySchema, bytes);
  } catch {
    return undefined;
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
