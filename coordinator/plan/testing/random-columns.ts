// Columns of every kind with values of every kind, for tests that compare two ways of reading or writing them.
import { create } from '@bufbuild/protobuf';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ScanPageSchema,
  type BatchItems,
  type BatchResults,
  type ScanPage,
} from '../../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import {
  ItemAction,
  ItemKind,
  ItemState,
  ItemVerification,
} from '../../../gen/drover/v1/item_pb.ts';
import type { Below } from '../../store/testing/random.ts';

const texts = ['a', 'Ärger/naïve 日本 🎉.docx', '', 'x'.repeat(127), 'y'.repeat(128), 'ü'.repeat(9000)]; // oxfmt-ignore
const sizes = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const times = [0n, 1n, -1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, -(2n ** 63n)];
const kinds = [ItemKind.FILE, ItemKind.FOLDER, ItemKind.SYMBOLIC_LINK, ItemKind.UNSPECIFIED];
const numbers = [0, 1, 127, 300, 2 ** 31, 2 ** 32 - 1];

/** Makes columns, by numbers that a seed determines. */
export class RandomColumns {
  readonly #below: Below;
  readonly #counts: readonly number[];

  /** `counts` are how many items there may be. */
  constructor(below: Below, counts: readonly number[] = [0, 1, 2, 20, 50]) {
    this.#below = below;
    this.#counts = counts;
  }

  items(): BatchItems {
    const count = this.#count();
    const index = () => this.#below(count + 1);
    return create(BatchItemsSchema, {
      path: this.#some(texts, count),
      kind: this.#some(kinds, count),
      action: this.#some([ItemAction.SKIP, ItemAction.CREATE], count),
      size: this.#some(sizes, count),
      modifiedNs: this.#some(times, count),
      createdNs: this.#some(times, count),
      fileId: this.#some(sizes, count),
      destinationPath: this.#someOrNone(texts, count),
      ...this.#sometimes(() => ({
        expected: [{ index: index(), size: this.oneOf(sizes), id: this.oneOf(texts) }],
        origin: [{ index: index(), path: this.oneOf(texts) }],
        unreported: [{ index: index(), size: this.oneOf(sizes) }],
      })),
    });
  }

  results(): BatchResults {
    const count = this.#count();
    const index = () => this.#below(count + 1);
    return create(BatchResultsSchema, {
      state: this.#some([ItemState.SUCCEEDED, ItemState.FAILED, ItemState.UNSPECIFIED], count),
      size: this.#some(sizes, count),
      modifiedNs: this.#some(times, count),
      destinationModifiedNs: this.#some(times, count),
      sha256: new Uint8Array(32 * count).fill(this.#below(256)),
      quickXorHash: new Uint8Array(20 * count).fill(this.#below(256)),
      attempts: this.#some(numbers, count),
      destinationId: this.#someOrNone(texts, count),
      destinationVersion: this.#someOrNone(texts, count),
      verification: this.#someOrNone([ItemVerification.UNSPECIFIED, ItemVerification.HASH], count),
      keptPath: this.#someOrNone(texts, count),
      moved: this.#someOrNone(numbers, count),
      ...this.#sometimes(() => ({
        remark: [this.#remark(index())],
        rewritten: [{ index: index(), size: this.oneOf(sizes) }],
      })),
    });
  }

  page(): ScanPage {
    const count = this.#count();
    return create(ScanPageSchema, {
      path: this.#some(texts, count),
      kind: this.#some(kinds, count),
      size: this.#some(sizes, count),
      modifiedNs: this.#some(times, count),
      createdNs: this.#some(times, count),
      fileId: this.#some(sizes, count),
      ...this.#sometimes(() => ({ remark: [this.#remark(this.#below(count + 1))] })),
    });
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!;
  }

  #remark(index: number) {
    const [message, requestId] = [this.oneOf(texts), this.oneOf(texts)];
    return { index, reason: ErrorReason.FILTERED, message, requestId };
  }

  #count(): number {
    return this.oneOf(this.#counts);
  }

  #some<T>(values: readonly T[], count: number): T[] {
    return Array.from({ length: count }, () => this.oneOf(values));
  }

  #someOrNone<T>(values: readonly T[], count: number): T[] {
    return this.#below(2) === 0 ? this.#some(values, count) : [];
  }

  #sometimes<T>(make: () => T): T | undefined {
    return this.#below(2) === 0 ? make() : undefined;
  }
}
