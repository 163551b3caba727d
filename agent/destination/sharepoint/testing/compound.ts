// Compound files (MS-CFB) for tests, as small as the format allows: one table of sectors, 512 bytes each.

/** Streams by their paths, with a slash before each part. */
export type CompoundStreams = Record<string, Buffer | string>;

const sectorBytes = 512;
const [end, free, table] = [0xfffffffe, 0xffffffff, 0xfffffffd];

/** The file. `shuffled`: the sectors of long streams lie in the opposite order. */
export function compoundFile(streams: CompoundStreams, { shuffled = false } = {}): Buffer {
  const sectors: Buffer[] = [Buffer.alloc(sectorBytes)];
  const next: number[] = [table];
  const append = (content: Buffer, isShuffled = false): number => {
    const count = Math.ceil(content.length / sectorBytes);
    const first = sectors.length;
    const order = Array.from({ length: count }, (_, index) => first + (isShuffled ? count - 1 - index : index)); // oxfmt-ignore
    order.forEach((sector, index) => {
      const piece = Buffer.alloc(sectorBytes);
      content.copy(piece, 0, index * sectorBytes);
      sectors[sector] = piece;
      next[sector] = order[index + 1] ?? end;
    });
    return order[0] ?? end;
  };

  const small: Buffer[] = [];
  const smallNext: number[] = [];
  const entries = [entry('Root Entry', 5)];
  const folders = new Map([['', 0]]);
  for (const [path, text] of Object.entries(streams)) {
    const content = Buffer.from(text);
    const parts = path.slice(1).split('/');
    let folder = '';
    for (const part of parts.slice(0, -1)) {
      const inside = `${folder}/${part}`;
      if (!folders.has(inside)) folders.set(inside, add(entries, folders.get(folder)!, entry(part, 1))); // oxfmt-ignore
      folder = inside;
    }
    let start: number;
    if (content.length >= 4096) start = append(content, shuffled);
    else {
      const count = Math.ceil(content.length / 64);
      start = count === 0 ? end : small.length;
      for (let index = 0; index < count; index++) {
        const piece = Buffer.alloc(64);
        content.copy(piece, 0, index * 64);
        smallNext.push(index + 1 < count ? small.length + 1 : end);
        small.push(piece);
      }
    }
    add(entries, folders.get(folder)!, entry(parts.at(-1)!, 2, start, content.length));
  }
  const smallStart = append(Buffer.concat(small));
  entries[0]!.writeUInt32LE(smallStart, 0x74);
  entries[0]!.writeUInt32LE(small.length * 64, 0x78);
  const smallTableStart = append(words(padded(smallNext)));
  while (entries.length % 4 > 0) entries.push(entry('', 0));
  const directoryStart = append(Buffer.concat(entries));
  words(padded(next)).copy(sectors[0]!);
  return Buffer.concat([header(directoryStart, smallTableStart), ...sectors]);
}

function header(directoryStart: number, smallTableStart: number): Buffer {
  const bytes = Buffer.alloc(sectorBytes);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(bytes);
  bytes.writeUInt16LE(0x3e, 0x18);
  bytes.writeUInt16LE(3, 0x1a);
  bytes.writeUInt16LE(0xfffe, 0x1c);
  bytes.writeUInt16LE(9, 0x1e);
  bytes.writeUInt16LE(6, 0x20);
  bytes.writeUInt32LE(1, 0x2c);
  bytes.writeUInt32LE(directoryStart, 0x30);
  bytes.writeUInt32LE(4096, 0x38);
  bytes.writeUInt32LE(smallTableStart, 0x3c);
  bytes.writeUInt32LE(smallTableStart === end ? 0 : 1, 0x40);
  bytes.writeUInt32LE(end, 0x44);
  bytes.fill(0xff, 0x4c);
  bytes.writeUInt32LE(0, 0x4c);
  return bytes;
}

function entry(name: string, type: number, start = 0, size = 0): Buffer {
  const bytes = Buffer.alloc(128);
  const nameBytes = bytes.write(name, 'utf16le');
  bytes.writeUInt16LE(name === '' ? 0 : nameBytes + 2, 0x40);
  bytes[0x42] = type;
  bytes[0x43] = 1;
  for (const link of [0x44, 0x48, 0x4c]) bytes.writeUInt32LE(free!, link);
  bytes.writeUInt32LE(start, 0x74);
  bytes.writeUInt32LE(size, 0x78);
  return bytes;
}

/** Adds an entry to a folder, as the right neighbour of the last one in it. */
function add(entries: Buffer[], folder: number, added: Buffer): number {
  const index = entries.push(added) - 1;
  let at = entries[folder]!;
  let link = 0x4c;
  while (at.readUInt32LE(link) !== free) {
    at = entries[at.readUInt32LE(link)]!;
    link = 0x48;
  }
  at.writeUInt32LE(index, link);
  return index;
}

function padded(numbers: readonly number[]): number[] {
  if (numbers.length > sectorBytes / 4) throw new Error('the file is too large for one table');
  return [...numbers, ...Array<number>(sectorBytes / 4 - numbers.length).fill(free!)];
}

function words(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, index) => bytes.writeUInt32LE(number, index * 4));
  return bytes;
}
