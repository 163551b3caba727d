// A batch whose columns are read from its bytes when they are asked for, value by value: arrays of all of them would live as long as the work on the
// batch, and every collection of garbage would copy them. Values are best asked for in their order. What is written in another way than agents
// and this coordinator do it, and what is cut off, is left to the decoders, which throw where it is damaged. PURE.
import { fromBinary } from '@bufbuild/protobuf';
import { ItemRemarkSchema, MoveOriginSchema, type ItemRemark, type MoveOrigin } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import type { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { decodeBatchItems, decodeBatchResults } from '../plan/decode-columns.ts';
import {
  beginReading,
  hasMore,
  isWhole,
  isWholeSoFar,
  lengthDelimited,
  position,
  readBytes,
  readTag,
  skipDelimited,
} from '../store/byte-reader.ts';
import { Fixed, Numbers, Texts, type Values } from './stored-values.ts';
import type { StoredBatch } from './read-batch.ts';

/** The columns of BatchItems that reports are made of. */
export interface ItemColumns {
  path: Values<string> & { length: number };
  kind: Values<ItemKind>;
  action: Values<ItemAction>;
  size: Values<bigint>;
  modifiedNs: Values<bigint>;
  createdNs: Values<bigint>;
  fileId: Values<bigint>;
  destinationPath: Values<string>;
  origin: readonly MoveOrigin[];
}

/** The columns of BatchResults that reports are made of. */
export interface ResultColumns {
  state: Values<ItemState>;
  size: Values<bigint>;
  modifiedNs: Values<bigint>;
  sha256: Uint8Array;
  quickXorHash: Uint8Array;
  attempts: Values<number>;
  remark: readonly ItemRemark[];
  destinationId: Values<string>;
  verification: Values<number>;
  keptPath: Values<string>;
  /** Which items were moved. */
  moved: Iterable<number>;
}

/** What reports are made of; a decoded batch is one, too. */
export interface BatchColumns {
  phase: BatchPhase;
  items: ItemColumns;
  /** Undefined until the batch is done. */
  results: ResultColumns | undefined;
  /** The id of the agent that did it; empty when nobody had to. */
  agent: string;
}

export function openBatch({ phase, agent, items, results }: StoredBatch): BatchColumns {
  return {
    phase,
    items: openItems(items),
    results: results === undefined ? undefined : openResults(results),
    agent,
  };
}

function openItems(bytes: Uint8Array): ItemColumns {
  const fields = new Fields(bytes);
  const columns = {
    path: fields.texts(1),
    kind: fields.smalls<ItemKind>(2),
    action: fields.smalls<ItemAction>(3),
    size: fields.numbers(4),
    modifiedNs: fields.fixed(5),
    createdNs: fields.fixed(6),
    fileId: fields.numbers(7),
    destinationPath: fields.texts(8),
  };
  if (!fields.isSound) return decodeBatchItems(bytes);
  return { ...columns, origin: fields.all(10).map((one) => fromBinary(MoveOriginSchema, one)) };
}

function openResults(bytes: Uint8Array): ResultColumns {
  const fields = new Fields(bytes);
  const columns = {
    state: fields.smalls<ItemState>(1),
    size: fields.numbers(2),
    modifiedNs: fields.fixed(3),
    sha256: fields.one(5),
    quickXorHash: fields.one(6),
    attempts: fields.smalls<number>(7),
    destinationId: fields.texts(9),
    verification: fields.smalls<number>(11),
    keptPath: fields.texts(12),
    moved: fields.list(13),
  };
  if (!fields.isSound) return decodeBatchResults(bytes);
  return { ...columns, remark: fields.all(8).map((one) => fromBinary(ItemRemarkSchema, one)) };
}

/** The fields of a message of which each value stands behind its length, and those of one field in a row. */
class Fields {
  readonly #bytes: Buffer;
  /** Of each field, by its number: where its first value is, at its tag of one byte, and how many it has. */
  readonly #found: { start: number; count: number }[] = [];
  /** Whether it is such a message, and what was asked for until now is written in the usual way. */
  isSound = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    beginReading(bytes);
    for (let last = -1; hasMore() && this.isSound;) {
      const start = position();
      const tag = readTag();
      skipDelimited();
      const field = this.#found[tag >> 3];
      if (field === undefined) this.#found[tag >> 3] = { start, count: 1 };
      else field.count += 1;
      this.isSound = tag < 0x80 && (tag & 0x07) === lengthDelimited && (field === undefined || tag === last) && isWholeSoFar(); // oxfmt-ignore
      last = tag;
    }
    this.isSound &&= isWhole();
  }

  texts(field: number): Texts {
    const { start, count } = this.#found[field] ?? { start: 0, count: 0 };
    return new Texts(this.#bytes, start, count);
  }

  /** Numbers of at most 64 bits. */
  numbers(field: number): Numbers {
    const bytes = this.one(field);
    // None goes on behind the end.
    if ((bytes.at(-1) ?? 0) >= 0x80) this.isSound = false;
    return new Numbers(bytes);
  }

  /** Numbers of 64 bits in eight bytes. */
  fixed(field: number): Fixed {
    const bytes = this.one(field);
    if (bytes.length % 8 !== 0) this.isSound = false;
    return new Fixed(bytes);
  }

  /** Numbers that have one byte each. */
  smalls<T extends number>(field: number): Values<T> {
    const bytes = this.one(field);
    if (bytes.some((byte) => byte >= 0x80)) this.isSound = false;
    // They are what they stand for.
    return bytes as unknown as Values<T>;
  }

  /** Numbers, all at once. */
  list(field: number): number[] {
    const numbers = this.numbers(field);
    const found: number[] = [];
    for (let value = numbers.at(0); value !== undefined; value = numbers.at(found.length))
      found.push(Number(value));
    return found;
  }

  /** The bytes of a field that stands there at most once. */
  one(field: number): Uint8Array {
    const all = this.all(field);
    if (all.length > 1) this.isSound = false;
    return all[0] ?? new Uint8Array();
  }

  all(field: number): Uint8Array[] {
    const { start, count } = this.#found[field] ?? { start: 0, count: 0 };
    if (!this.isSound) return [];
    beginReading(this.#bytes.subarray(start));
    return Array.from({ length: count }, () => {
      readTag();
      return readBytes();
    });
  }
}
