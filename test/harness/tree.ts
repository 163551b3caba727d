// Trees of files as literals: made, and read back for comparison.
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { ExecutionContext } from 'ava';

const execute = promisify(execFile);

/** A folder by its names: text or bytes are a file, an object is a folder. */
export interface Tree {
  [name: string]: string | Uint8Array | Tree | Special;
}

/** Something that is neither file nor folder. */
export class Special {
  readonly make: (place: string) => Promise<unknown>;

  constructor(make: (place: string) => Promise<unknown>) {
    this.make = make;
  }
}

export const link = (target: string): Special => new Special((place) => symlink(target, place));
export const pipe = (): Special => new Special((place) => execute('mkfifo', [place]));
/** A socket that nobody listens on any more. */
export const socket = (): Special =>
  new Special(async (place) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${place}.made`, resolve));
    // Renamed before it is closed, because closing removes it.
    await execute('mv', [`${place}.made`, place]);
    await new Promise((resolve) => server.close(resolve));
  });

/** Makes the tree in a folder, which is made too. */
export async function makeTree(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, entry] of Object.entries(tree)) {
    const place = path.join(folder, name);
    if (typeof entry === 'string' || entry instanceof Uint8Array) await writeFile(place, entry);
    else if (entry instanceof Special) await entry.make(place);
    else await makeTree(place, entry);
  }
}

/** Sets the modified time to the nanosecond, which Node's own call cannot. `time` is in RFC 3339. */
export async function setModified(place: string, time: string): Promise<void> {
  await execute('touch', ['-h', '-d', time, place]);
}

/** What stands at a place. */
export interface Found {
  kind: 'file' | 'folder' | 'link' | 'special';
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** SHA-256 in hexadecimal of a file, the target of a link, empty for the rest. */
  content: string;
}

/**
 * All that is in a folder, by the path below it. Names are read as Latin-1, one character for each byte, so that those that are
 * not valid Unicode are told apart too; `latin1` makes such a name of a usual one.
 */
export function readTree(folder: string): Map<string, Found> {
  const found = new Map<string, Found>();
  readInto(found, Buffer.from(folder), '');
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

export const latin1 = (name: string): string => Buffer.from(name).toString('latin1');

// Synchronous, because for tens of thousands of small files that is several times faster.
function readInto(found: Map<string, Found>, folder: Buffer, below: string): void {
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const place = Buffer.concat([folder, Buffer.from('/'), name]);
    const relative = below + name.toString('latin1');
    const facts = lstatSync(place, { bigint: true });
    const kind = kindOf(facts);
    found.set(relative, { kind, modifiedNs: facts.mtimeNs, content: contentOf(place, kind) });
    if (kind === 'folder') readInto(found, place, `${relative}/`);
  }
}

function kindOf(facts: BigIntStats): Found['kind'] {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'folder';
  return facts.isSymbolicLink() ? 'link' : 'special';
}

function contentOf(place: Buffer, kind: Found['kind']): string {
  if (kind === 'file') return hash('sha256', readFileSync(place));
  return kind === 'link' ? readlinkSync(place) : '';
}

/** Only the files and folders: what a migration brings over. */
export function migratable(tree: Map<string, Found>): Map<string, Found> {
  return new Map([...tree].filter(([, { kind }]) => kind === 'file' || kind === 'folder'));
}

/** Asserts that two trees are the same; of thousands of items much cheaper than ava's own comparison, which shows how they differ. */
export function assertSameTree(
  t: ExecutionContext,
  there: Map<string, Found>,
  wanted: Map<string, Found>,
): void {
  if (isDeepStrictEqual(there, wanted)) t.pass();
  else t.deepEqual(there, wanted);
}

/** Names of what a migration leaves behind when it leaves something half-done. */
export function leftovers(tree: Map<string, Found>): string[] {
  return [...tree.keys()].filter((name) => /\.drover-|\.part$/.test(name));
}
