// The results of a batch, collected item by item in any order.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  BatchResultsSchema,
  ItemRemarkSchema,
  type ItemRemark,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { quickXorHashBytes, sha256Bytes } from './hasher.ts';
import type { Transferred } from './transfer-item.ts';

/** One row for each item of a batch. */
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

  /** A file is at the destination. */
  fileSucceeded(index: number, attempts: number, file: Transferred): void {
    this.#states[index] = ItemState.SUCCEEDED;
    this.#attempts[index] = attempts;
    this.#sizes[index] = BigInt(file.size);
    this.#modifiedNs[index] = BigInt.asIntN(64, file.modifiedNs);
    const { modifiedNs, id, version, verification } = file.destination;
    this.#destinationModifiedNs[index] = BigInt.asIntN(64, modifiedNs);
    this.#verification[index] = verification;
    this.#destinationIds[index] = id;
    this.#destinationVersions[index] = version;
    if (id !== '') this.#hasIds = true;
    this.#keptPaths[index] = file.keptPath;
    if (file.keptPath !== '') this.#hasKeptPaths = true;
    this.#sha256.set(file.hashes.sha256, index * sha256Bytes);
    this.#quickXorHash.set(file.hashes.quickXorHash, index * quickXorHashBytes);
  }

  /** A folder is at the destination, with this date; nanoseconds since 1970. */
  folderSucceeded(index: number, attempts: number, modifiedNs: bigint): void {
    this.#states[index] = ItemState.SUCCEEDED;
    this.#attempts[index] = attempts;
    this.#modifiedNs[index] = modifiedNs;
    this.#destinationModifiedNs[index] = modifiedNs;
  }

  /** An earlier run of the task left it as it should be. */
  unchanged(index: number, attempts: number): void {
    this.#states[index] = ItemState.SKIPPED;
    this.#attempts[index] = attempts;
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
    this.#states[index] = state;
    this.#attempts[index] = attempts;
    const remark = { index, reason: error.reason, message: error.message };
    this.#remarks.set(index, create(ItemRemarkSchema, remark));
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
        keptPath: this.#hasKeptPaths ? this.#keptPaths : [],
      }),
    );
  }
}
