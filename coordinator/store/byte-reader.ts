// Messages read by hand, field by field, in a fraction of the time of the general decoder. Whoever reads knows the fields. Nothing throws:
// what is cut off is read past its end, and then the message is not whole; it is left to the general decoder then, which says what is
// wrong. One message is read at a time, without anything else in between.

/** The most bytes of a number. */
const varintBytesMax = 10;

let source: Uint8Array = new Uint8Array(0);
let at = 0;
let isSound = true;
/** The message once more, as texts are read from it: made at its first text. */
let textSource: { of: Uint8Array; bytes: Buffer } = { of: source, bytes: Buffer.alloc(0) };
/** For a bigint of two halves, and the reverse. */
const halves = new DataView(new ArrayBuffer(8));

/** Begins with the first byte of a message. */
export function beginReading(bytes: Uint8Array): void {
  source = bytes;
  at = 0;
  isSound = true;
}

export function hasMore(): boolean {
  return at < source.length;
}

/** Where the next byte is. */
export function position(): number {
  return at;
}

/** Whether all that was read was there, to the last byte. */
export function isWhole(): boolean {
  return isSound && at === source.length;
}

/** Whether all that was read until now was there. */
export function isWholeSoFar(): boolean {
  return isSound && at <= source.length;
}

/** The one byte, or the two with the lower first, that stand before the value of a field; -1 for more than two. */
export function readTag(): number {
  const first = source[at++]!;
  if (first < 0x80) return first;
  const second = source[at++]!;
  return second < 0x80 ? (second << 8) | first : -1;
}

/** A whole number of at most 53 bits without a sign; a larger one is larger here, too, but not exact. */
export function readUint(): number {
  const start = at;
  let value = 0;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = source[at++]!;
    value += (byte & 0x7f) * factor;
    if (byte >= 0x80) continue;
    if (at - start > varintBytesMax) isSound = false;
    return value;
  }
}

/** The number of an enum, which is at least 0 where this version wrote it. */
export function readEnum(): number {
  const value = readUint();
  if (value > 0x7fffffff) isSound = false;
  return value;
}

/** A number of 32 bits without a sign. */
export function readUint32(): number {
  const value = readUint();
  if (value > 0xffffffff) isSound = false;
  return value;
}

/** A number of 64 bits without a sign. */
export function readUint64(): bigint {
  const start = at;
  const value = readUint();
  if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
  let exact = 0n;
  for (let index = Math.min(at, source.length) - 1; index >= start; index--)
    exact = (exact << 7n) | BigInt(source[index]! & 0x7f);
  return BigInt.asUintN(64, exact);
}

/** A number of 64 bits in eight bytes, with a sign. */
export function readFixed64(): bigint {
  halves.setInt32(0, readInt32(), true);
  halves.setInt32(4, readInt32(), true);
  return halves.getBigInt64(0, true);
}

/** Whether the next number in eight bytes is this one, which need not be made to be compared. */
export function isFixed64(value: bigint): boolean {
  halves.setBigInt64(0, value, true);
  const low = readInt32();
  const high = readInt32();
  return low === halves.getInt32(0, true) && high === halves.getInt32(4, true);
}

function readInt32(): number {
  const start = at;
  at += 4;
  return source[start]! | (source[start + 1]! << 8) | (source[start + 2]! << 16) | (source[start + 3]! << 24); // oxfmt-ignore
}

/** Bytes of the message itself, not of a copy. */
export function readBytes(): Uint8Array {
  const start = skipDelimited();
  return source.subarray(start, at);
}

export function readText(): string {
  const start = skipDelimited();
  if (textSource.of !== source)
    textSource = {
      of: source,
      bytes: Buffer.from(source.buffer, source.byteOffset, source.length),
    };
  const text = textSource.bytes.toString('utf8', start, at);
  // It stands for what is no UTF-8, but can be in a text as well.
  if (text.includes('\ufffd')) isSound = false;
  return text;
}

/** Passes a number in eight bytes. */
export function skipFixed64(): void {
  at += 8;
}

/** What the tag of a field ends with, in three bits, where a length stands before its value. */
export const lengthDelimited = 2;

/** Passes bytes, a text, or values in one piece; answers with where they begin. */
export function skipDelimited(): number {
  const length = readUint();
  const start = at;
  at = start + length;
  return start;
}

/** Begins with values in one piece; answers with where they end. */
export function beginPacked(): number {
  const length = readUint();
  return at + length;
}

/** How many numbers there are up to the end of values in one piece, as far as their bytes are there. */
export function countVarintsUpTo(end: number): number {
  const last = Math.min(end, source.length);
  let count = 0;
  for (let index = at; index < last; index++) if (source[index]! < 0x80) count += 1;
  return count;
}

/** The same for numbers in eight bytes. */
export function countFixed64sUpTo(end: number): number {
  return Math.max(0, Math.floor((Math.min(end, source.length) - at) / 8));
}

/** Whether there are more of these values. */
export function hasMoreUpTo(end: number): boolean {
  if (at < end && at < source.length) return true;
  if (at !== end) isSound = false;
  return false;
}
