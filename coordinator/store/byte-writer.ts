// Messages encoded by hand, field by field, in a third of the time of the general encoder. One message is put together at a time, between
// `begin` and `end`, without anything else in between. As everywhere in protobuf, what is zero or empty is left out.

const varint = 0;
const fixed64 = 1;
const delimited = 2;
/** The higher half of what a number can hold. */
const safeHighMax = 2 ** 21 - 1;
/** A hash is copied sooner by itself than by a call. */
const shortBytesMax = 64;
/** The most bytes of a length. */
const lengthBytesMax = 5;
/** Messages of up to so many bytes are put together where they stay: they share a piece of memory, which is freed with the last of them. */
const pieceBytes = 64 * 1024;
/** What is kept for the next message that is longer; a still longer one gets room of its own. */
const keptBytes = 1024 * 1024;

let piece = Buffer.allocUnsafeSlow(pieceBytes);
let pieceAt = 0;
let kept = Buffer.allocUnsafeSlow(keptBytes);

/** Where the message is put together, from `start` on. */
let scratch = piece;
let view = new DataView(scratch.buffer);
const halves = new DataView(new ArrayBuffer(8));
let start = 0;
let at = 0;

/** Begins a message that has no more bytes than this. */
export function begin(bytesMax: number): void {
  if (bytesMax > pieceBytes) {
    if (kept.length < bytesMax || kept.length > keptBytes)
      kept = Buffer.allocUnsafeSlow(Math.max(bytesMax, keptBytes));
    beginIn(kept, 0);
    return;
  }
  if (pieceAt + bytesMax > pieceBytes) {
    piece = Buffer.allocUnsafeSlow(pieceBytes);
    pieceAt = 0;
  }
  beginIn(piece, pieceAt);
}

function beginIn(bytes: Buffer<ArrayBuffer>, from: number): void {
  start = from;
  at = from;
  if (bytes === scratch) return;
  scratch = bytes;
  view = new DataView(bytes.buffer);
}

/** The bytes of the message, which are the caller's. */
export function end(): Uint8Array {
  // Not a Buffer, which is made far more slowly.
  const message = new Uint8Array(scratch.buffer, start, at - start);
  if (scratch !== piece) return message.slice();
  pieceAt = at;
  return message;
}

function putTag(field: number, type: number): void {
  putVarint(field * 8 + type);
}

function putVarint(value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    scratch[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  scratch[at++] = rest;
}

/** A whole number of at most 53 bits without a sign; also a truth value or an enum. */
export function putUint(field: number, value: number): void {
  if (value === 0) return;
  putTag(field, varint);
  putVarint(value);
}

/** A number of 64 bits without a sign. */
export function putUint64(field: number, value: bigint): void {
  if (value === 0n) return;
  putTag(field, varint);
  putVarint64(value);
}

function putVarint64(value: bigint): void {
  // Looked at as two numbers: arithmetic with a bigint makes a new one each time.
  halves.setBigUint64(0, value, true);
  const high = halves.getUint32(4, true);
  const low = halves.getUint32(0, true);
  if (high <= safeHighMax) {
    putVarint(high * 2 ** 32 + low);
    return;
  }
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) scratch[at++] = Number(rest & 0x7fn) | 0x80;
  scratch[at++] = Number(rest);
}

/** A number of 64 bits, in eight bytes. */
export function putFixed64(field: number, value: bigint): void {
  const from = at + (field < 16 ? 1 : 2);
  view.setBigInt64(from, value, true);
  if (view.getInt32(from) === 0 && view.getInt32(from + 4) === 0) return;
  putTag(field, fixed64);
  at = from + 8;
}

export function putBytes(field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  putTag(field, delimited);
  putVarint(value.length);
  if (value.length > shortBytesMax) scratch.set(value, at);
  else for (let index = 0; index < value.length; index++) scratch[at + index] = value[index]!;
  at += value.length;
}

export function putText(field: number, value: string): void {
  if (value === '') return;
  putTag(field, delimited);
  if (value.length < 0x80 && putAscii(value)) return;
  putVarint(Buffer.byteLength(value));
  at += scratch.write(value, at);
}

/** Puts a short text with its length, if each of its characters is one byte; that is most of them, and far faster. */
function putAscii(value: string): boolean {
  const from = at + 1;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code >= 0x80) return false;
    scratch[from + index] = code;
  }
  scratch[at] = value.length;
  at = from + value.length;
  return true;
}

/** A field with texts, each with a tag of its own. */
export function putTexts(field: number, values: readonly string[]): void {
  for (const value of values) {
    if (value !== '') {
      putText(field, value);
      continue;
    }
    putTag(field, delimited);
    putVarint(0);
  }
}

/** A field with whole numbers of at most 53 bits in one piece. */
export function putUints(field: number, values: readonly number[]): void {
  if (values.length === 0) return;
  const lengthAt = beginPacked(field);
  for (const value of values) putVarint(value);
  endPacked(lengthAt);
}

/** A field with numbers of 64 bits without a sign in one piece. */
export function putUint64s(field: number, values: readonly bigint[]): void {
  if (values.length === 0) return;
  const lengthAt = beginPacked(field);
  for (const value of values) putVarint64(value);
  endPacked(lengthAt);
}

/** A field with numbers of 64 bits, eight bytes each, in one piece. */
export function putFixed64s(field: number, values: readonly bigint[]): void {
  if (values.length === 0) return;
  putTag(field, delimited);
  putVarint(values.length * 8);
  for (const value of values) {
    view.setBigInt64(at, value, true);
    at += 8;
  }
}

/** A field with so many bytes that are zero. */
export function putZeros(field: number, count: number): void {
  if (count === 0) return;
  putTag(field, delimited);
  putVarint(count);
  scratch.fill(0, at, at + count);
  at += count;
}

/** A message inside another: what `put` puts. */
export function putMessage(field: number, put: () => void): void {
  const lengthAt = beginPacked(field);
  put();
  endPacked(lengthAt);
}

/** Leaves room for the length, which is known afterwards. */
function beginPacked(field: number): number {
  putTag(field, delimited);
  const lengthAt = at;
  at += lengthBytesMax;
  return lengthAt;
}

function endPacked(lengthAt: number): void {
  const from = lengthAt + lengthBytesMax;
  const length = at - from;
  at = lengthAt;
  putVarint(length);
  scratch.copyWithin(at, from, from + length);
  at += length;
}
