// The items of a batch, read out of their columns one at a time. PURE.
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { ExpectedFile } from '../destination/destination.ts';
import type { Write } from './conflict.ts';

/** What the scan found of an item. */
export interface ScannedFacts {
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** Nanoseconds since 1970; 0 when it is not known. */
  createdNs: bigint;
  /** Stays when the file is renamed. */
  fileId: bigint;
}

/** Where an item was before it was renamed or moved at the source. */
export interface Origin {
  /** Below the source. */
  path: string;
  /** Below the destination. */
  destinationPath: string;
  /** 32 bytes; what its content was when it was migrated. */
  sha256: Uint8Array;
  /** The scan's facts prove that it is the same file. */
  isCertain: boolean;
}

/** A batch's items, by their index. */
export class PlannedItems {
  /** How many there are. */
  readonly size: number;
  readonly #items: BatchItems;
  readonly #expected: Map<number, ExpectedFile>;
  readonly #origins: Map<number, Origin>;
  readonly #unreported: Map<number, Write[]>;

  constructor(items: BatchItems) {
    this.#items = items;
    this.size = items.path.length;
    this.#expected = new Map(
      items.expected.map(({ index, size, modifiedNs, id, version }) => [
        index,
        { size: Number(size), modifiedNs, id, version },
      ]),
    );
    this.#origins = new Map(
      items.origin.map(({ index, path, destinationPath, sha256, isCertain }) => [
        index,
        { path, destinationPath: destinationPath || path, sha256, isCertain },
      ]),
    );
    this.#unreported = new Map();
    for (const { index, size, modifiedNs } of items.unreported) {
      const writes = this.#unreported.get(index) ?? [];
      writes.push({ size: Number(size), modifiedNs });
      this.#unreported.set(index, writes);
    }
  }

  /** Below the source. */
  path(index: number): string {
    return this.#items.path[index]!;
  }

  /** Below the destination. */
  destinationPath(index: number): string {
    return this.#items.destinationPath[index] ?? this.path(index);
  }

  kind(index: number): ItemKind {
    return this.#items.kind[index] ?? ItemKind.UNSPECIFIED;
  }

  action(index: number): ItemAction {
    return this.#items.action[index] ?? ItemAction.UNSPECIFIED;
  }

  scanned(index: number): ScannedFacts {
    const { size, modifiedNs, createdNs, fileId } = this.#items;
    return {
      size: Number(size[index] ?? 0n),
      modifiedNs: modifiedNs[index] ?? 0n,
      createdNs: createdNs[index] ?? 0n,
      fileId: fileId[index] ?? 0n,
    };
  }

  /** What an earlier run left at the destination; of an item that was renamed or moved, at the place it had. */
  expected(index: number): ExpectedFile | undefined {
    return this.#expected.get(index);
  }

  /** Undefined for an item that was neither renamed nor moved. */
  origin(index: number): Origin | undefined {
    return this.#origins.get(index);
  }

  /** What agents may have written of an item in batches before this one, and not reported. */
  unreported(index: number): readonly Write[] {
    return this.#unreported.get(index) ?? [];
  }
}
