// Puts the lines of a report together as bytes. A report has millions of cells, and most of what they cost is making texts that live for a
// moment; so what can be is written as bytes at once, and what needs more than copying, such as quotes or letters of more than one byte,
// goes a slower way.
import type { Place } from './item-places.ts';
import { csvText, dayText } from './report-text.ts';

/** A piece of a report is full from so many bytes on. */
export const pieceBytes = 128 * 1024;
/** Room for the rest of the line that fills a piece. */
const spareBytes = 64 * 1024;
/** A cell of fixed form, such as a time or a number of 64 bits, has no more. */
const cellBytesMax = 128;
/** What a character can become: an escape of JSON. */
const bytesPerCharacterMax = 6;
const secondsPerDay = 86_400;

const zero = 0x30;
const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const equals = 0x3d;
/** The higher half of what a number can hold exactly. */
const safeHighEnd = 2 ** 21;
const hexDigits = Buffer.from('0123456789abcdef');
const base64Digits = Buffer.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
);

/** Lines, from the start of a piece on. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(pieceBytes + spareBytes);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** A copy of what was written; the buffer is empty then. */
  take(): Uint8Array {
    const taken = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#at);
    this.#at = 0;
    return taken;
  }

  /** Takes back what was written after this length. */
  cutTo(length: number): void {
    this.#at = length;
  }

  putByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  /** Changes a byte that was written. */
  setByte(at: number, byte: number): void {
    this.#bytes[at] = byte;
  }

  /** A text as it is. */
  put(text: string): void {
    this.#reserve(text.length * bytesPerCharacterMax);
    if (!this.#copy(text, 0)) this.#encode(text);
  }

  /** A text from outside as a cell, see `csvText`; or its end, from a place on. */
  putCsvText(text: string, from = 0): void {
    if (text.length === from) return;
    this.#reserve(text.length * bytesPerCharacterMax + 3);
    const isCopied = isHarmless(text.charCodeAt(from)) && this.#copyCsv(text, from);
    if (!isCopied) this.#encode(csvText(text.slice(from)));
  }

  /** Where an item is, as a cell. */
  putCsvPlace({ folder, name, from }: Place): void {
    this.#reserve((folder.length + name.length) * bytesPerCharacterMax + 3);
    const start = this.#at;
    const isCopied = isHarmless(folder.charCodeAt(0)) && this.#copyCsv(folder, 0) && this.#copyCsv(name, from); // oxfmt-ignore
    if (isCopied) return;
    this.#at = start;
    this.#encode(csvText(folder + name.slice(from)));
  }

  /** A text from outside, as a JSON string. */
  putJsonText(text: string): void {
    this.#reserve(text.length * bytesPerCharacterMax + 2);
    const start = this.#at;
    this.#bytes[this.#at++] = quote;
    if (this.#copyJson(text)) {
      this.#bytes[this.#at++] = quote;
      return;
    }
    this.#at = start;
    this.#encode(JSON.stringify(text));
  }

  /** A number of 64 bits without a sign. */
  putNumber(value: bigint): void {
    this.#reserve(cellBytesMax);
    halves.setBigUint64(0, value);
    const high = halves.getUint32(0);
    // All that a number holds exactly: nearly every size of a file, and every number of one.
    if (high < safeHighEnd) this.#putDigits(high * 2 ** 32 + halves.getUint32(4), 0, 0);
    else this.#copy(String(value), 0);
  }

  /** With the padding. */
  putBase64(bytes: Uint8Array, start: number, length: number): void {
    this.#reserve(length * 2);
    const end = start + length;
    for (let index = start; index < end; index += 3) {
      const more = end - index;
      const value = (bytes[index]! << 16) | (more > 1 ? bytes[index + 1]! << 8 : 0) | (more > 2 ? bytes[index + 2]! : 0); // oxfmt-ignore
      this.#bytes[this.#at++] = base64Digits[value >> 18]!;
      this.#bytes[this.#at++] = base64Digits[(value >> 12) & 63]!;
      this.#bytes[this.#at++] = more > 1 ? base64Digits[(value >> 6) & 63]! : equals;
      this.#bytes[this.#at++] = more > 2 ? base64Digits[value & 63]! : equals;
    }
  }

  putHex(bytes: Uint8Array, start: number, length: number): void {
    this.#reserve(length * 2);
    for (let index = start; index < start + length; index++) {
      const byte = bytes[index]!;
      this.#bytes[this.#at++] = hexDigits[byte >> 4]!;
      this.#bytes[this.#at++] = hexDigits[byte & 15]!;
    }
  }

  /**
   * A time as protojson writes it, in UTC: with no fraction of a second, or one of 3, 6 or 9 digits.
   * @param nanoseconds since 1970, of 64 bits
   */
  putTime(nanoseconds: bigint): void {
    this.#reserve(cellBytesMax);
    split(nanoseconds);
    const day = Math.floor(parts.seconds / secondsPerDay);
    const second = parts.seconds - day * secondsPerDay;
    const minute = Math.floor(second / 60);
    this.#copy(dayText(day), 0);
    this.#putDigits(Math.floor(minute / 60), 2, 0x3a);
    this.#putDigits(minute % 60, 2, 0x3a);
    this.#putDigits(second % 60, 2, 0);
    const { rest } = parts;
    if (rest !== 0) {
      const digits = rest % 1_000_000 === 0 ? 3 : rest % 1000 === 0 ? 6 : 9;
      this.#bytes[this.#at++] = 0x2e;
      this.#putDigits(rest / 10 ** (9 - digits), digits, 0);
    }
    this.#bytes[this.#at++] = 0x5a;
  }

  /** A number of so many digits, 0 for those that it has, and a byte after it unless that is 0. */
  #putDigits(value: number, digitsMin: number, after: number): void {
    let digits = digitsMin;
    if (digits === 0) for (let above = 1; above <= value || digits === 0; above *= 10) digits += 1;
    const bytes = this.#bytes;
    const start = this.#at;
    let left = value;
    for (let place = start + digits - 1; place >= start; place--) {
      const above = Math.floor(left / 10);
      bytes[place] = left - above * 10 + zero;
      left = above;
    }
    this.#at = start + digits;
    if (after !== 0) this.#bytes[this.#at++] = after;
  }

  /** Copies a text of characters that are one byte each; false, and nothing is written, when others are in it. */
  #copy(text: string, from: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = from; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** The same; false also for what needs quotes. */
  #copyCsv(text: string, from: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = from; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80 || code === comma || code === quote || code < 0x20) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** The same; false also for what needs an escape in JSON. */
  #copyJson(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80 || code === backslash || code === quote || code < 0x20) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #encode(text: string): void {
    this.#at += this.#bytes.write(text, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow((this.#at + count) * 2);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Whether a cell can begin so without being taken for a formula: with a letter, a digit, a dot, a slash and the like. */
function isHarmless(code: number): boolean {
  return (code > 0x40 && code < 0x80) || (code >= 0x2e && code < equals);
}

const halves = new DataView(new ArrayBuffer(8));
/** Where the last `split` left its answer; an object for each would be garbage at once. */
const parts = { seconds: 0, rest: 0 };

/**
 * Splits nanoseconds into seconds and the rest, which is not negative. As two numbers of 32 bits: arithmetic with a bigint makes new ones. With
 * 2^32 = 4 * 10^9 + 294,967 * 1000 + 296 no step leaves what a number holds exactly.
 */
function split(nanoseconds: bigint): void {
  halves.setBigInt64(0, nanoseconds);
  const high = halves.getInt32(0);
  const thousands = high * 294_967;
  const millions = Math.floor(thousands / 1_000_000);
  const rest = (thousands - millions * 1_000_000) * 1000 + high * 296 + halves.getUint32(4);
  const carried = Math.floor(rest / 1_000_000_000);
  parts.seconds = high * 4 + millions + carried;
  parts.rest = rest - carried * 1_000_000_000;
}
