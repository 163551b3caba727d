// A page of a scan, written straight into the bytes of a drover.v1.ScanPage. The library's encoder first wants every item as
// values in arrays of bigints, and took a third of the time of a whole scan; columns of fixed width are just stored here.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  ItemRemarkSchema,
  ScanPageSchema,
  type ItemRemark,
} from '../../gen/drover/v1/columns_pb.ts';
import { scanPageItemsMax } from './jobs.ts';
import type { WalkItem } from './walk.ts';

/** Collects items, and gives them out as encoded pages. */
export class ScanPageWriter {
  #paths = Buffer.allocUnsafeSlow(64 * 1024);
  #pathsLength = 0;
  readonly #kinds = new VarintColumn();
  readonly #sizes = new VarintColumn();
  readonly #fileIds = new VarintColumn();
  readonly #modified = new BigInt64Array(scanPageItemsMax);
  readonly #created = new BigInt64Array(scanPageItemsMax);
  #remarks: ItemRemark[] = [];
  #items = 0;

  /** How many items the page has. */
  get items(): number {
    return this.#items;
  }

  /** Adds an item to the page, which must have fewer than `scanPageItemsMax`. */
  add(item: WalkItem): void {
    const { facts, remark } = item;
    this.#addPath(item.path);
    this.#kinds.addNumber(facts.kind);
    this.#sizes.addNumber(facts.size);
    this.#fileIds.addBigInt(facts.fileId);
    this.#modified[this.#items] = facts.modifiedNs;
    this.#created[this.#items] = facts.createdNs;
    if (remark !== undefined)
      this.#remarks.push(create(ItemRemarkSchema, { index: this.#items, ...remark }));
    this.#items += 1;
  }

  /** The page as bytes of its own, and an empty page from here on. */
  take(): Uint8Array<ArrayBuffer> {
    const remarks = toBinary(ScanPageSchema, create(ScanPageSchema, { remark: this.#remarks }));
    const parts = [
      this.#paths.subarray(0, this.#pathsLength),
      ...packed(field.kind, this.#kinds.bytes()),
      ...packed(field.size, this.#sizes.bytes()),
      ...packed(field.modifiedNs, fixed(this.#modified, this.#items)),
      ...packed(field.createdNs, fixed(this.#created, this.#items)),
      ...packed(field.fileId, this.#fileIds.bytes()),
      remarks,
    ];
    const page = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      page.set(part, at);
      at += part.length;
    }
    this.#clear();
    return page;
  }

  #clear(): void {
    this.#pathsLength = 0;
    this.#kinds.clear();
    this.#sizes.clear();
    this.#fileIds.clear();
    this.#remarks = [];
    this.#items = 0;
  }

  #addPath(path: string): void {
    // UTF-8 has at most three bytes for each UTF-16 unit; tag and length have at most six.
    const need = this.#pathsLength + 6 + path.length * 3;
    if (need > this.#paths.length) this.#growPaths(need);
    // Most paths have fewer than 128 bytes: their length is one byte, and is filled in afterwards.
    const lengthBytes = path.length < 43 ? 1 : varintLength(Buffer.byteLength(path));
    const start = this.#pathsLength + 1 + lengthBytes;
    const written = this.#paths.write(path, start);
    this.#paths[this.#pathsLength] = tag(field.path, wireLengthDelimited);
    writeVarint(this.#paths, this.#pathsLength + 1, written);
    this.#pathsLength = start + written;
  }

  #growPaths(need: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(need, this.#paths.length * 2));
    this.#paths.copy(larger, 0, 0, this.#pathsLength);
    this.#paths = larger;
  }
}

const field = { path: 1, kind: 2, size: 3, modifiedNs: 4, createdNs: 5, fileId: 6 };
const wireLengthDelimited = 2;
const varintBytesMax = 10;

/** Whole numbers that are not negative, each in as few bytes as it needs. */
class VarintColumn {
  readonly #bytes = new Uint8Array(scanPageItemsMax * varintBytesMax);
  #length = 0;

  addNumber(value: number): void {
    this.#length = writeVarint(this.#bytes, this.#length, value);
  }

  addBigInt(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER && value >= 0n) return this.addNumber(Number(value));
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#length++] = Number(rest);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }
}

/** Writes a whole number of at most 53 bits; answers where the next byte goes. */
function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  target[at++] = rest;
  return at;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

function tag(number: number, wireType: number): number {
  return (number << 3) | wireType;
}

/** A column with its tag and length; nothing at all when it is empty. */
function packed(number: number, bytes: Uint8Array): Uint8Array[] {
  if (bytes.length === 0) return [];
  const head = new Uint8Array(1 + varintBytesMax);
  head[0] = tag(number, wireLengthDelimited);
  return [head.subarray(0, writeVarint(head, 1, bytes.length)), bytes];
}

/** 64-bit numbers with the lowest byte first, as every processor that Node runs on but one keeps them. */
function fixed(values: BigInt64Array, length: number): Uint8Array {
  const bytes = new Uint8Array(values.buffer, 0, length * 8);
  if (littleEndian) return bytes;
  return Buffer.from(bytes).swap64();
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
