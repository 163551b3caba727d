// Chains of sectors, which is how the content of a compound file (MS-CFB) lies in it. Nothing in the file is trusted: each chain has as
// many sectors as the file at most.
import type { ByteReader } from './office-proof.ts';

const readBytesMax = 1024 * 1024;
/** Sector numbers from here on are marks, such as the end of a chain. */
const firstMark = 0xfffffffa;

/** The file is not what the format says. */
export class Malformed extends Error {}

/** A file and how its sectors follow each other. */
export interface Sectors {
  bytes: ByteReader;
  sectorBytes: number;
  /** The sector that follows each in its chain. */
  next: Uint32Array;
}

/** The table of chains lies in sectors that the header lists, and after the first 109 a chain of sectors that list further ones. */
export async function readTable(
  { bytes, sectorBytes }: Sectors,
  header: Buffer,
): Promise<Uint32Array<ArrayBuffer>> {
  const sectorsMax = Math.ceil(bytes.size / sectorBytes);
  const parts = [...numbers(header.subarray(0x4c))];
  let list = header.readUInt32LE(0x44);
  for (let lists = 0; list < firstMark; lists++) {
    if (lists > sectorsMax) throw new Malformed();
    const listed = numbers(await readSectors({ bytes, sectorBytes }, list, 1));
    parts.push(...listed.subarray(0, -1));
    list = listed.at(-1)!;
  }
  const used = parts.filter((sector) => sector < firstMark);
  if (used.length > sectorsMax) throw new Malformed();
  const table: Buffer[] = [];
  for (const sector of used) table.push(view(await readSectors({ bytes, sectorBytes }, sector, 1)));
  return numbers(Buffer.concat(table));
}

/** The content of a chain: so many bytes, or all of it. Sectors that follow each other are read at once. */
export async function* readChain(
  sectors: Sectors,
  start: number,
  size?: number,
): AsyncGenerator<Uint8Array> {
  const { sectorBytes, next } = sectors;
  let left = size ?? Infinity;
  let seen = 0;
  for (let sector = start; left > 0;) {
    if (sector >= firstMark && size === undefined) return;
    let count = 0;
    const first = sector;
    do {
      if (sector >= next.length || ++seen > next.length) throw new Malformed();
      count++;
      sector = next[sector]!;
    } while (sector === first + count && count * sectorBytes < Math.min(left, readBytesMax));
    const piece = await readSectors(sectors, first, count);
    yield piece.subarray(0, Math.min(piece.length, left));
    left -= piece.length;
  }
}

async function readSectors(
  { bytes, sectorBytes }: Omit<Sectors, 'next'>,
  sector: number,
  count: number,
): Promise<Uint8Array> {
  const start = (sector + 1) * sectorBytes;
  // The last sector of a file may be cut short.
  const end = Math.min(start + count * sectorBytes, bytes.size);
  if (end <= start + (count - 1) * sectorBytes) throw new Malformed();
  return await bytes.read(start, end);
}

/** The content of a small stream, which lies in sectors of 64 bytes within a larger one. */
export function* readSmall(
  stream: Buffer,
  next: Uint32Array,
  start: number,
  size: number,
): Generator<Uint8Array> {
  const smallBytes = 64;
  let sector = start;
  for (let left = size; left > 0; left -= smallBytes) {
    const from = sector * smallBytes;
    const piece = stream.subarray(from, from + Math.min(smallBytes, left));
    if (sector >= next.length || piece.length < Math.min(smallBytes, left)) throw new Malformed();
    yield piece;
    sector = next[sector]!;
  }
}

/** All pieces as one; throws when they are longer than anything of the kind is. */
export async function collect(
  pieces: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > bytesMax) throw new Malformed();
    parts.push(piece);
  }
  return Buffer.concat(parts);
}

/** The same bytes as a Buffer. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Whole numbers of 32 bits. */
export function numbers(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const buffer = view(bytes);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, index) =>
    buffer.readUInt32LE(index * 4),
  );
}
