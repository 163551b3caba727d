// Files of Office before 2007 are compound files (MS-CFB): storages and streams, like folders and files, in chains of sectors. SharePoint
// writes properties into some of those streams when such a file arrives; what a person made is in the others, and those are compared.
import { createHash } from 'node:crypto';
import {
  collect,
  Malformed,
  numbers,
  readChain,
  readSmall,
  readTable,
  view,
} from './compound-sectors.ts';
import type { ByteReader } from './office-proof.ts';

/** Whether all streams that SharePoint does not touch are the same on both sides. False also for what is no compound file. */
export async function isSameCompoundContent(
  source: ByteReader,
  arrived: ByteReader,
): Promise<boolean> {
  const [own, theirs] = [await readStreams(source), await readStreams(arrived)];
  if (own === undefined || theirs === undefined || own.size !== theirs.size) return false;
  return [...own].every(([name, digest]) => theirs.get(name) === digest);
}

const signature = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const headerBytes = 512;
const entryBytes = 128;
/** Office does not write larger ones; the table of their sectors, kept in memory, is a 128th of it. */
const fileBytesMax = 2 ** 31;
/** What is kept in memory at once: the directory, the small streams, and the table of their sectors. */
const keptBytesMax = 64 * 1024 * 1024;
const entriesMax = 100_000;

/** SHA-256 of each stream that is no property, by its path; undefined for what is no compound file. Rejects when reading fails. */
async function readStreams(bytes: ByteReader): Promise<Map<string, string> | undefined> {
  try {
    const file = await openCompound(bytes);
    const streams = new Map<string, string>();
    let left = bytes.size;
    for (const { path, start, size } of listStreams(file.entries)) {
      // No two streams share their bytes.
      left -= size;
      if (left < 0 || streams.has(path)) throw new Malformed();
      const isSmall = size < file.smallBytesMax;
      const content = isSmall ? file.small(start, size) : file.large(start, size);
      const hash = createHash('sha256');
      for await (const piece of content) hash.update(piece);
      streams.set(path, hash.digest('base64'));
    }
    return streams;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

interface Compound {
  entries: Entry[];
  /** Streams shorter than this lie in small sectors of their own. */
  smallBytesMax: number;
  large: (start: number, size: number) => AsyncGenerator<Uint8Array>;
  small: (start: number, size: number) => Iterable<Uint8Array>;
}

async function openCompound(bytes: ByteReader): Promise<Compound> {
  if (bytes.size < headerBytes || bytes.size > fileBytesMax) throw new Malformed();
  const header = view(await bytes.read(0, headerBytes));
  const sectorShift = header.readUInt16LE(0x1e);
  const smallShift = header.readUInt16LE(0x20);
  const isKnown = header.subarray(0, 8).equals(signature) && [9, 12].includes(sectorShift) && smallShift === 6; // oxfmt-ignore
  if (!isKnown) throw new Malformed();
  const sectorBytes = 2 ** sectorShift;
  const sectors = { bytes, sectorBytes, next: Uint32Array.of() };
  sectors.next = await readTable(sectors, header);
  const large = (start: number, size: number) => readChain(sectors, start, size);
  const whole = async (start: number) =>
    view(await collect(readChain(sectors, start), keptBytesMax));
  const entries = readEntries(await whole(header.readUInt32LE(0x30)));
  const root = entries[0];
  if (root?.type !== rootType) throw new Malformed();
  const smallStream = view(await collect(large(root.start, root.size), keptBytesMax));
  const smallNext = numbers(await whole(header.readUInt32LE(0x3c)));
  const small = (start: number, size: number) => readSmall(smallStream, smallNext, start, size);
  return { entries, smallBytesMax: header.readUInt32LE(0x38), large, small };
}

const [storageType, streamType, rootType] = [1, 2, 5] as const;
const noEntry = 0xffffffff;

interface Entry {
  name: string;
  type: number;
  left: number;
  right: number;
  child: number;
  start: number;
  size: number;
}

function readEntries(bytes: Buffer): Entry[] {
  const count = Math.floor(bytes.length / entryBytes);
  if (count > entriesMax) throw new Malformed();
  return Array.from({ length: count }, (_, index) => {
    const entry = bytes.subarray(index * entryBytes, (index + 1) * entryBytes);
    const nameBytes = Math.min(64, entry.readUInt16LE(0x40));
    return {
      name: entry.toString('utf16le', 0, Math.max(0, nameBytes - 2)),
      type: entry[0x42]!,
      left: entry.readUInt32LE(0x44),
      right: entry.readUInt32LE(0x48),
      child: entry.readUInt32LE(0x4c),
      start: entry.readUInt32LE(0x74),
      // The upper half is not always zero in files of the older version.
      size: entry.readUInt32LE(0x78),
    };
  });
}

/** Streams with their paths, those aside that hold what is said about the document. */
function listStreams(entries: readonly Entry[]): { path: string; start: number; size: number }[] {
  const found: { path: string; start: number; size: number }[] = [];
  const seen = new Set<number>();
  const waiting = [{ index: entries[0]!.child, folder: '' }];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const { index, folder } = at;
    if (index === noEntry) continue;
    const entry = entries[index];
    if (entry === undefined || seen.has(index)) throw new Malformed();
    seen.add(index);
    const path = `${folder}/${entry.name}`;
    waiting.push({ index: entry.left, folder }, { index: entry.right, folder });
    if (isProperties(path)) continue;
    if (entry.type === storageType) waiting.push({ index: entry.child, folder: path });
    else if (entry.type === streamType) found.push({ path, start: entry.start, size: entry.size });
  }
  return found;
}

function isProperties(path: string): boolean {
  return ['/\u0005SummaryInformation', '/\u0005DocumentSummaryInformation', '/MsoDataStore'].includes(path); // oxfmt-ignore
}
