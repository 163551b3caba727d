// Verifies a file of evidence without a coordinator: nothing in it was changed, taken out, added or moved since it was signed. Memory does not
// grow with the file.
import { verify, type KeyObject } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import {
  evidenceFormat,
  evidenceVersion,
  keyFingerprint,
  readEvidenceKey,
  signedText,
  type EvidenceEnd,
  type EvidenceHeader,
  type EvidenceItem,
} from '../../lib/evidence.ts';
import { MerkleTree } from '../../lib/merkle-tree.ts';
import { lineBytesMax, readLines } from './evidence-lines.ts';

/** Whose signature is expected; where neither is given, that of the key which the file names. */
export interface ExpectedKey {
  publicKey?: KeyObject | undefined;
  /** Lower-case hexadecimal. */
  fingerprint?: string | undefined;
}

/** What was verified. */
export interface Verified {
  header: EvidenceHeader;
  items: number;
  /** Lower-case hexadecimal. */
  merkleRoot: string;
  /** Of the key that signed, lower-case hexadecimal. */
  fingerprint: string;
}

/** Why a file is not the evidence that was signed, in words. */
export class EvidenceProblem extends Error {}

/**
 * Throws EvidenceProblem when the file is not what was signed, INVALID_ARGUMENT when it cannot be read.
 */
export async function verifyEvidence(file: string, expected: ExpectedKey): Promise<Verified> {
  const tree = new MerkleTree();
  let header: { line: Buffer; value: EvidenceHeader } | undefined;
  let last: { bytes: Buffer; number: number } | undefined;
  for await (const { line, number } of wholeLines(file)) {
    if (number === 1) header = { line, value: readHeader(line) };
    else {
      // The last line is the end, so each is an item's only once there is another.
      if (last !== undefined) addItem(tree, last);
      last = { bytes: line, number };
    }
  }
  if (header === undefined) throw new EvidenceProblem('the file is empty');
  const end = last === undefined ? undefined : readEnd(last.bytes);
  if (end === undefined)
    throw new EvidenceProblem('the file does not end with a signature: its end was cut off, or something was added to it'); // oxfmt-ignore
  const key = signer(header.value, expected);
  const root = tree.root();
  if (end.items !== tree.count)
    throw new EvidenceProblem(`the file has ${tree.count} items, and ${end.items} were signed`);
  if (end.merkleRoot !== root.toString('hex'))
    throw new EvidenceProblem('the lines of the items are not those that were signed: at least one was changed'); // oxfmt-ignore
  const text = signedText(header.line, tree.count, root);
  if (!verify(null, text, key, Buffer.from(end.signature, 'base64')))
    throw new EvidenceProblem('the signature is not one of the key over this file: the header, the root or the signature was changed, or another key signed'); // oxfmt-ignore
  return {
    header: header.value,
    items: tree.count,
    merkleRoot: end.merkleRoot,
    fingerprint: keyFingerprint(key),
  };
}

/** The items of a file that was verified, in its order. */
export async function* readItems(file: string): AsyncGenerator<EvidenceItem> {
  for await (const { line, number } of wholeLines(file)) {
    if (number === 1) continue;
    const value = parse(line);
    if (isItem(value)) yield value;
  }
}

async function* wholeLines(file: string): AsyncGenerator<{ line: Buffer; number: number }> {
  let number = 0;
  try {
    for await (const { bytes, isWhole } of readLines(file)) {
      number += 1;
      if (bytes.length > lineBytesMax) throw new EvidenceProblem(`line ${number} is too long to be one of evidence`); // oxfmt-ignore
      if (!isWhole) throw new EvidenceProblem(`line ${number} is not whole: the end of the file was cut off`); // oxfmt-ignore
      yield { line: bytes, number };
    }
  } catch (error) {
    if (error instanceof EvidenceProblem) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw DroverError.invalid('FILE', `${file} cannot be read: ${detail}`, error);
  }
}

function readHeader(line: Buffer): EvidenceHeader {
  const value = parse(line) as Partial<EvidenceHeader> | undefined;
  if (value?.format !== evidenceFormat)
    throw new EvidenceProblem('the first line is not the header of evidence of a run');
  if (value.version !== evidenceVersion)
    throw new EvidenceProblem(`the evidence is of version ${String(value.version)}; this program knows version ${evidenceVersion}`); // oxfmt-ignore
  const texts = ['run', 'source', 'destination', 'state', 'startTime', 'endTime', 'publicKey'] as const; // oxfmt-ignore
  const missing = texts.find((name) => typeof value[name] !== 'string');
  if (missing !== undefined) throw new EvidenceProblem(`the header says no ${missing}`);
  return value as EvidenceHeader;
}

function addItem(tree: MerkleTree, { bytes, number }: { bytes: Buffer; number: number }): void {
  const value = parse(bytes);
  if (!isItem(value)) throw new EvidenceProblem(`line ${number} is not that of an item`);
  if (value.number !== tree.count + 1)
    throw new EvidenceProblem(`line ${number} has the item number ${value.number} where ${tree.count + 1} is due: a line before it was taken out, added or moved`); // oxfmt-ignore
  tree.add(bytes);
}

function isItem(value: unknown): value is EvidenceItem {
  const item = value as Partial<EvidenceItem> | undefined;
  return typeof item?.number === 'number' && typeof item.path === 'string';
}

function readEnd(line: Buffer): EvidenceEnd | undefined {
  const value = parse(line) as Partial<EvidenceEnd> | undefined;
  const { items, merkleRoot, signature } = value ?? {};
  const isEnd = typeof items === 'number' && typeof merkleRoot === 'string' && typeof signature === 'string'; // oxfmt-ignore
  return isEnd ? { items, merkleRoot, signature } : undefined;
}

function parse(line: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The key to verify with. */
function signer(header: EvidenceHeader, { publicKey, fingerprint }: ExpectedKey): KeyObject {
  const key = readEvidenceKey(header.publicKey);
  if (key === undefined) throw new EvidenceProblem('the header holds no key to verify with');
  const isOther =
    (publicKey !== undefined && !publicKey.equals(key)) ||
    (fingerprint !== undefined && fingerprint !== keyFingerprint(key));
  if (isOther) throw new EvidenceProblem(`another key signed: its fingerprint is ${keyFingerprint(key)}`); // oxfmt-ignore
  return key;
}
