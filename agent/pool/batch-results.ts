// The results of a batch, collected item by item in any order.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  BatchResultsSchema,
  ItemRemarkSchema,
  RewrittenContentSchema,
  type ItemRemark,
  type RewrittenContent,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { quickXorHashBytes, sha256Bytes } from './hasher.ts';
import type { DestinationFile } from '../destination/destination.ts';
import { failedCallKey } from '../destination/failed-call.ts';
import type { Moved } from './move.ts';
import type { Transferred } from './transfer-item.ts';

/** What transferred and moved files have in common. */
interface FileFacts {
  size: number;
  modifiedNs: bigint;
  destination: DestinationFile;
}

/** One row for each item of a batch; each gets one result. */
export class BatchResultRows {
  readonly #states: ItemState[];
  readonly #sizes: bigint[];
  readonly #modifiedNs: bigint[];
  readonly #destinationModifiedNs: bigint[];
  readonly #attempts: number[];
  readonly #sha256: Uint8Array<ArrayBuffer>;
  readonly #quickXorHash: Uint8Array<ArrayBuffer>;
  readonly #remarks = new Map<number, ItemRemark>();
  readonly #verification: ItemVerification[];
  readonly #destinationIds: string[];
  readonly #destinationVersions: string[];
  readonly #keptPaths: string[];
  readonly #moved: number[] = [];
  readonly #rewritten: RewrittenContent[] = [];
  #finished = 0;
  /** Destinations without ids of their own need no columns of them. */
  #hasIds = false;
  #hasKeptPaths = false;

  constructor(items: number) {
    this.#states = new Array<ItemState>(items).fill(ItemState.UNSPECIFIED);
    this.#sizes = new Array<bigint>(items).fill(0n);
    this.#modifiedNs = new Array<bigint>(items).fill(0n);
    this.#destinationModifiedNs = new Array<bigint>(items).fill(0n);
    this.#attempts = new Array<number>(items).fill(0);
    this.#verification = new Array<ItemVerification>(items).fill(ItemVerification.UNSPECIFIED);
    this.#destinationIds = new Array<string>(items).fill('');
    this.#destinationVersions = new Array<string>(items).fill('');
    this.#keptPaths = new Array<string>(items).fill('');
    this.#sha256 = new Uint8Array(items * sha256Bytes);
    this.#quickXorHash = new Uint8Array(items * quickXorHashBytes);
  }

  /** How many items have their result. */
  get finished(): number {
    return this.#finished;
  }

  /** A file is at the destination. */
  fileSucceeded(index: number, attempts: number, file: Transferred): void {
    this.#file(index, attempts, file);
    this.#keptPaths[index] = file.keptPath;
    if (file.keptPath !== '') this.#hasKeptPaths = true;
    this.#sha256.set(file.hashes.sha256, index * sha256Bytes);
    this.#quickXorHash.set(file.hashes.quickXorHash, index * quickXorHashBytes);
  }

  /** A file that was there already has its new place; nobody read it, so its hashes stay zeros. */
  fileMoved(index: number, attempts: number, file: Moved): void {
    this.#file(index, attempts, file);
    this.#moved.push(index);
  }

  /** Nothing of it stands at its place at the destination any more. */
  recycled(index: number, attempts: number): void {
    this.#end(index, ItemState.SUCCEEDED, attempts);
  }

  /** A folder is at the destination, with this date; nanoseconds since 1970. */
  folderSucceeded(index: number, attempts: number, modifiedNs: bigint): void {
    this.#end(index, ItemState.SUCCEEDED, attempts);
    this.#modifiedNs[index] = modifiedNs;
    this.#destinationModifiedNs[index] = modifiedNs;
  }

  /** An earlier run of the task left it as it should be. */
  unchanged(index: number, attempts: number): void {
    this.#end(index, ItemState.SKIPPED, attempts);
    const remark = { index, reason: ErrorReason.UNCHANGED };
    this.#remarks.set(index, create(ItemRemarkSchema, remark));
  }

  /** It was not to be written; the error says why that is right. */
  skipped(index: number, attempts: number, error: DroverError): void {
    this.#explain(index, ItemState.SKIPPED, attempts, error);
  }

  failed(index: number, attempts: number, error: DroverError): void {
    this.#explain(index, ItemState.FAILED, attempts, error);
  }

  #explain(index: number, state: ItemState, attempts: number, error: DroverError): void {
    this.#end(index, state, attempts);
    const { reason, message, metadata } = error;
    const remark = { index, reason, message, requestId: metadata[failedCallKey] ?? '' };
    this.#remarks.set(index, create(ItemRemarkSchema, remark));
  }

  #file(index: number, attempts: number, file: FileFacts): void {
    this.#end(index, ItemState.SUCCEEDED, attempts);
    this.#sizes[index] = BigInt(file.size);
    this.#modifiedNs[index] = BigInt.asIntN(64, file.modifiedNs);
    const { modifiedNs, id, version, verification, rewritten } = file.destination;
    this.#destinationModifiedNs[index] = BigInt.asIntN(64, modifiedNs);
    this.#verification[index] = verification;
    this.#destinationIds[index] = id;
    this.#destinationVersions[index] = version;
    if (id !== '') this.#hasIds = true;
    if (rewritten === undefined) return;
    const { size, quickXorHash } = rewritten;
    const content = { index, size: BigInt(size), quickXorHash: Uint8Array.from(quickXorHash) };
    this.#rewritten.push(create(RewrittenContentSchema, content));
  }

  #end(index: number, state: ItemState, attempts: number): void {
    this.#states[index] = state;
    this.#attempts[index] = attempts;
    this.#finished += 1;
  }

  /** An encoded drover.v1.BatchResults. */
  encode(): Uint8Array<ArrayBuffer> {
    const remark = [...this.#remarks.values()].sort((one, other) => one.index - other.index);
    return toBinary(
      BatchResultsSchema,
      create(BatchResultsSchema, {
        state: this.#states,
        size: this.#sizes,
        modifiedNs: this.#modifiedNs,
        destinationModifiedNs: this.#destinationModifiedNs,
        sha256: this.#sha256,
        quickXorHash: this.#quickXorHash,
        attempts: this.#attempts,
        remark,
        verification: this.#verification,
        destinationId: this.#hasIds ? this.#destinationIds : [],
        destinationVersion: this.#hasIds ? this.#destinationVersions : [],
        moved: this.#moved.toSorted((one, other) => one - other),
        rewritten: this.#rewritten.toSorted((one, other) => one.index - other.index),
        keptPath: this.#hasKeptPaths ? this.#keptPaths : [],
      }),
    );
  }
}
