// The form of a vault on the disk: one line of JSON with entries that are sealed one by one, each under its name and time, and one line
// that seals the first, so that nothing can be changed, taken out, put in or swapped. Names and times can be read without the key.
import type { SealedBox } from '../../lib/sealed-box.ts';

export interface VaultEntry {
  name: string;
  /** Milliseconds since 1970. */
  setMs: number;
  /** The secret. */
  value: string;
}

/** Why a vault cannot be opened. */
export type Unreadable =
  | { why: 'damaged' }
  | { why: 'newer'; version: number }
  /** `from`: where the key came from that it was sealed with. */
  | { why: 'other-key'; from: string };

/** Bytes of a vault, at most. */
export const vaultBytesMax = 1024 * 1024;

const format = 'drover-vault';
const version = 1;
const about = `${format}/${version}`;

interface Head {
  format: string;
  version: number;
  /** Of the key; tells another key from a damaged file. */
  keyId: string;
  keyFrom: string;
  entries: { name: string; setTime: string; sealed: string }[];
}

export interface Seal {
  box: SealedBox;
  keyId: string;
  keyFrom: string;
}

export function writeVault(entries: readonly VaultEntry[], { box, keyId, keyFrom }: Seal): string {
  const sealedEntries = entries.map(({ name, setMs, value }) => {
    const setTime = new Date(setMs).toISOString();
    const sealed = box.seal(Buffer.from(value), entryName(name, setTime));
    return { name, setTime, sealed: Buffer.from(sealed).toString('base64') };
  });
  const head: Head = { format, version, keyId, keyFrom, entries: sealedEntries };
  const line = JSON.stringify(head);
  const seal = Buffer.from(box.seal(new Uint8Array(), wholeName(line))).toString('hex');
  return `${line}\n${seal}\n`;
}

/** Where the key came from that the vault was sealed with, as it says itself; undefined when it says nothing. */
export function keySource(text: string): string | undefined {
  const from: unknown = readHead(text.split('\n')[0]!)?.keyFrom;
  return typeof from === 'string' ? from : undefined;
}

export function readVault(text: string, { box, keyId }: Seal): VaultEntry[] | Unreadable {
  const [line = '', seal = '', end, ...more] = text.split('\n');
  const head = readHead(line);
  if (head === undefined) return { why: 'damaged' };
  if (head.version > version) return { why: 'newer', version: head.version };
  if (head.keyId !== keyId) return { why: 'other-key', from: String(head.keyFrom) };
  const isWhole =
    end === '' &&
    more.length === 0 &&
    /^[\da-f]+$/.test(seal) &&
    box.open(Buffer.from(seal, 'hex'), wholeName(line)) !== undefined;
  if (!isWhole) return { why: 'damaged' };
  const entries: VaultEntry[] = [];
  for (const { name, setTime, sealed } of head.entries) {
    const value = box.open(Buffer.from(sealed, 'base64'), entryName(name, setTime));
    if (value === undefined) return { why: 'damaged' };
    entries.push({ name, setMs: Date.parse(setTime), value: Buffer.from(value).toString('utf8') });
  }
  return entries;
}

function readHead(line: string): Head | undefined {
  try {
    const head = JSON.parse(line) as Partial<Head> | null;
    const isHead = head?.format === format && Number.isInteger(head.version) && Array.isArray(head.entries); // oxfmt-ignore
    return isHead ? (head as Head) : undefined;
  } catch {
    return undefined;
  }
}

function entryName(name: string, setTime: string): string {
  return `${about}/entry\0${name}\0${setTime}`;
}

function wholeName(line: string): string {
  return `${about}/whole\0${line}`;
}
