// The values of a column, read from its bytes when they are asked for. They are best asked for in their order; the last one can be asked for
// again. PURE.

/** A column; an array is one, too. */
export interface Values<T> {
  /** The value of an item, from 0; undefined where the column has none. */
  at: (index: number) => T | undefined;
}

const bitsPerByte = 7;
/** Bytes of a number that never has more than 53 bits. */
const exactBytesMax = 7;

/** Texts, each behind a tag of one byte and its length. */
export class Texts implements Values<string> {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  /** Where the text of index `#next` begins, at its tag. */
  #position: number;
  #next = 0;
  #value: string | undefined;

  constructor(bytes: Buffer, start: number, length: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#position = start;
    this.length = length;
  }

  at(index: number): string | undefined {
    if (index === this.#next - 1) return this.#value;
    if (index >= this.length) return undefined;
    if (index < this.#next) this.#rewind();
    while (this.#next < index) this.#pass();
    const end = this.#pass();
    this.#value = textOf(this.#bytes, end - this.#length, end);
    return this.#value;
  }

  /** How long the text is that was passed last. */
  #length = 0;

  /** Goes over a text; answers with where it ends. */
  #pass(): number {
    const bytes = this.#bytes;
    let at = this.#position + 1;
    let length = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[at++]!;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    this.#length = length;
    this.#position = at + length;
    this.#next += 1;
    return this.#position;
  }

  #rewind(): void {
    this.#position = this.#start;
    this.#next = 0;
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws when the bytes are no UTF-8. */
function textOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // It stands for what is no UTF-8, but can be in a text as well.
  return text.includes('\ufffd') ? strict.decode(bytes.subarray(start, end)) : text;
}

/** Numbers of at most 64 bits, without a sign, in as many bytes as each needs. */
export class Numbers implements Values<bigint> {
  readonly #bytes: Uint8Array;
  /** Where the number of index `#next` begins. */
  #position = 0;
  #next = 0;
  /** The index that was asked for last, and its value. */
  #last = -1;
  #value: bigint | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  at(index: number): bigint | undefined {
    if (index === this.#last) return this.#value;
    if (index < this.#next) this.#position = this.#next = 0;
    for (; this.#next < index; this.#next += 1) this.#skip();
    this.#last = index;
    this.#value = undefined;
    if (this.#position < this.#bytes.length) {
      this.#value = this.#read();
      this.#next += 1;
    }
    return this.#value;
  }

  #skip(): void {
    while (this.#bytes[this.#position++]! >= 0x80);
  }

  #read(): bigint {
    const bytes = this.#bytes;
    const start = this.#position;
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[this.#position++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (this.#position - start <= exactBytesMax) return BigInt(value);
    let exact = 0n;
    for (let at = this.#position - 1; at >= start; at -= 1)
      exact = (exact << BigInt(bitsPerByte)) | BigInt(bytes[at]! & 0x7f);
    return BigInt.asUintN(64, exact);
  }
}

/** Numbers of 64 bits in eight bytes, with a sign. */
export class Fixed implements Values<bigint> {
  readonly #bytes: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  at(index: number): bigint | undefined {
    const start = index * 8;
    return start < this.#bytes.byteLength ? this.#bytes.getBigInt64(start, true) : undefined;
  }
}
