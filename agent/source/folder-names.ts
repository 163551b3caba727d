// The names in a folder as Unicode, in the one order that everything relies on: that of their UTF-8 bytes, which is the
// order of the coordinator's keys.
import { readdirSync } from 'node:fs';
import type { FolderEntry } from './source.ts';

/** Reads a folder; throws what the file system throws. */
export function readFolderNames(folder: string): FolderEntry[] {
  const names = readdirSync(folder);
  // Names are mostly plain; one look at all of them together is cheaper than one look at each.
  const all = names.join('/');
  if (all.includes('\ufffd')) return checkedNames(readdirSync(folder, 'buffer'));
  sortNames(names, all);
  return names.map((name) => ({ name, validName: true }));
}

/** Compares as the UTF-8 bytes of both do. UTF-16 differs from that order only where surrogates are involved. */
export function compareNames(one: string, other: string): number {
  if (surrogate.test(one) || surrogate.test(other))
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The name of a file whose bytes are not valid UTF-8, each byte that is not as `\xNN`. */
export function escapedName(bytes: Uint8Array): string {
  let name = '';
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length === 0) name += `\\x${bytes[at++]!.toString(16).padStart(2, '0')}`;
    else name += decoder.decode(bytes.subarray(at, (at += length)));
  }
  return name;
}

const surrogate = /[\ud800-\udfff]/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function sortNames(names: string[], all: string): void {
  // Without a comparison function the sort is by UTF-16 units, and several times faster.
  if (surrogate.test(all)) names.sort(compareNames);
  else names.sort();
}

/** A folder in which a name may be invalid: U+FFFD is what such bytes were decoded to, but it is a character as well. */
function checkedNames(names: Buffer[]): FolderEntry[] {
  const entries: FolderEntry[] = [];
  const invalid: Buffer[] = [];
  for (const bytes of names) {
    const name = validText(bytes);
    if (name === undefined) invalid.push(bytes);
    else entries.push({ name, validName: true });
  }
  const taken = new Set(entries.map((entry) => entry.name));
  for (const bytes of invalid) {
    let name = escapedName(bytes);
    // Somebody may have named a file just as the escaped name of another looks.
    while (taken.has(name)) name += '?';
    taken.add(name);
    entries.push({ name, validName: false });
  }
  return entries.sort((one, other) => compareNames(one.name, other.name));
}

function validText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** How many bytes the character that begins at `at` has; 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++)
    if (validText(bytes.subarray(at, at + length)) !== undefined) return length;
  return 0;
}
