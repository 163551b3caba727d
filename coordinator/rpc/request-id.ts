// Creation that can be repeated, as AIP-155 has it: a request that carries a request id is done once, however often it is sent.
import { create, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { createHash } from 'node:crypto';
import { RequestRowSchema, type RequestRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { requestMemoryMs, type Transaction } from '../store/store.ts';

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const field = 'request_id';

/** A request that was made with a request id, to be looked up and recorded in the commit that answers it. */
export interface RepeatableRequest {
  /** The name of the resource that the first request of this id made; undefined when this is the first. */
  earlier(transaction: Transaction, nowMs: number): Promise<string | undefined>;
  /** The encoded answer to the first request of this id, of one that made no single resource; undefined when this is the first. */
  earlierAnswer(transaction: Transaction, nowMs: number): Promise<Uint8Array | undefined>;
  /** Records what this request made, and its encoded answer where that is not the resource. */
  record(transaction: Transaction, resource: string, nowMs: number, answer?: Uint8Array): void;
}

/** Reads the request's id; without one nothing is looked up or recorded. Throws INVALID_ARGUMENT when it is not a UUID. */
export function repeatableRequest<D extends DescMessage>(
  schema: D,
  request: MessageShape<D> & { requestId: string },
): RepeatableRequest {
  if (request.requestId === '') return unrepeatable;
  if (!uuidPattern.test(request.requestId))
    throw DroverError.invalid(
      field,
      'must be a UUID, such as 123e4567-e89b-42d3-a456-426614174000',
    );
  return new StoredRequest(request.requestId.toLowerCase(), hashRequest(schema, request));
}

const unrepeatable: RepeatableRequest = {
  earlier: async () => undefined,
  earlierAnswer: async () => undefined,
  record: () => {},
};

class StoredRequest implements RepeatableRequest {
  readonly #id: string;
  readonly #hash: Buffer;

  constructor(id: string, hash: Buffer) {
    this.#id = id;
    this.#hash = hash;
  }

  async earlier(transaction: Transaction, nowMs: number): Promise<string | undefined> {
    return (await this.#earlierRow(transaction, nowMs))?.resource;
  }

  async earlierAnswer(transaction: Transaction, nowMs: number): Promise<Uint8Array | undefined> {
    return (await this.#earlierRow(transaction, nowMs))?.answer;
  }

  async #earlierRow(transaction: Transaction, nowMs: number): Promise<RequestRow | undefined> {
    const row = await transaction.request(this.#id);
    if (row === undefined || timestampMs(row.createTime!) + requestMemoryMs <= nowMs)
      return undefined;
    if (!this.#hash.equals(row.requestHash))
      throw DroverError.invalid(field, 'was used for another request; make a new one');
    return row;
  }

  record(
    transaction: Transaction,
    resource: string,
    nowMs: number,
    answer = new Uint8Array(),
  ): void {
    const createTime = timestampFromMs(nowMs);
    const row = create(RequestRowSchema, { resource, requestHash: this.#hash, createTime, answer });
    transaction.putRequest(this.#id, row);
  }
}

/** The type's name is part of it, so that an id that made a task starts no run. */
function hashRequest<D extends DescMessage>(schema: D, request: MessageShape<D>): Buffer {
  const hash = createHash('sha256').update(schema.typeName).update('\0');
  return hash.update(toBinary(schema, request)).digest();
}
