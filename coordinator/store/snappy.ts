// What LevelDB compressed, for the one thing that has to be read of its files without it: the index of a table.

/** The bytes that a Snappy block holds. Throws a RangeError when it is none. */
export function uncompressSnappy(block: Uint8Array): Uint8Array {
  const { value: length, next } = readVarint(block, 0);
  const output = new Uint8Array(length);
  let [from, to] = [next, 0];
  while (from < block.length) {
    const tag = block[from++]!;
    const copied = (tag & 3) === 0 ? undefined : readCopy(block, from, tag);
    if (copied === undefined) {
      const literal = readLiteral(block, from, tag);
      const end = literal.from + literal.length;
      if (end > block.length) throw new RangeError('a literal goes beyond the end');
      output.set(block.subarray(literal.from, end), to);
      to += literal.length;
      from = end;
      continue;
    }
    if (copied.offset === 0 || copied.offset > to) throw new RangeError('a copy of nothing');
    if (to + copied.length > length) throw new RangeError('a copy goes beyond the end');
    // Byte by byte, because a copy may overlap with what it copies.
    for (let left = copied.length; left > 0; left--, to++) output[to] = output[to - copied.offset]!;
    from = copied.next;
  }
  if (to !== length) throw new RangeError('the block has another length than it says');
  return output;
}

/** A number in groups of seven bits, the lowest first, and where what follows begins. Throws a RangeError at the end of the bytes. */
export function readVarint(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let [next, factor] = [at, 1]; next < bytes.length && next < at + 8; next++, factor *= 128) {
    const byte = bytes[next]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: next + 1 };
  }
  throw new RangeError('a number does not end');
}

function readLiteral(block: Uint8Array, at: number, tag: number): { from: number; length: number } {
  const short = tag >> 2;
  if (short < 60) return { from: at, length: short + 1 };
  const size = short - 59;
  return { from: at + size, length: littleEndian(block, at, size) + 1 };
}

function readCopy(block: Uint8Array, at: number, tag: number) {
  if ((tag & 3) === 1) {
    const offset = ((tag >> 5) << 8) | littleEndian(block, at, 1);
    return { length: ((tag >> 2) & 7) + 4, offset, next: at + 1 };
  }
  const size = (tag & 3) === 2 ? 2 : 4;
  return { length: (tag >> 2) + 1, offset: littleEndian(block, at, size), next: at + size };
}

function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) throw new RangeError('a number goes beyond the end');
  let value = 0;
  for (let index = size - 1; index >= 0; index--) value = value * 256 + bytes[at + index]!;
  return value;
}
