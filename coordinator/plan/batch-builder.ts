// Collects planned items in columns until they are a batch. PURE.
import { create } from '@bufbuild/protobuf';
import type { LedgerRow, UnreportedRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  ExpectedDestinationSchema,
  MoveOriginSchema,
  UnreportedWriteSchema,
  type BatchItems,
} from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind, type ItemAction } from '../../gen/drover/v1/item_pb.ts';
import { encodeBatchItems } from './encode-columns.ts';
import { isCertain, type Origin } from './moves.ts';
import type { ScannedItem } from './plan-item.ts';

/** The most items in a batch. */
export const batchItemsMax = 500;
/** A batch is closed before it holds more bytes than this; a larger file is a batch of its own. */
export const batchBytesMax = 64n * 1024n * 1024n;

/** One item as it goes into a batch. */
export interface BatchItem {
  item: ScannedItem;
  action: ItemAction;
  /** Where the item goes below the destination. */
  destinationPath: string;
  /** What an earlier run left there; undefined when nothing is expected. */
  expected?: LedgerRow | undefined;
  /** Where the item was, when it is to be moved. */
  origin?: Origin | undefined;
  /** What agents may have written of it and not reported. */
  unreported?: readonly (UnreportedRow | undefined)[] | undefined;
}

/** Items of one batch on their way. */
export class BatchBuilder {
  readonly items: BatchItems;
  bytes = 0n;
  /** Bytes that have to be read. */
  #weight = 0n;

  /** Goes on with `items`, or begins a new batch. */
  constructor(items: BatchItems = create(BatchItemsSchema)) {
    this.items = items;
  }

  get count(): number {
    return this.items.path.length;
  }

  /** Whether another file of `size` bytes still belongs into this batch. */
  hasRoom(size: bigint): boolean {
    if (this.count === 0) return true;
    return this.count < batchItemsMax && this.#weight + size <= batchBytesMax;
  }

  add(added: BatchItem): void {
    const { items } = this;
    const { item, action, destinationPath } = added;
    // The column is there from the first item on that goes to another path, and then for each.
    if (destinationPath !== item.path && items.destinationPath.length === 0)
      items.destinationPath = [...items.path];
    if (destinationPath !== item.path || items.destinationPath.length > 0)
      items.destinationPath.push(destinationPath);
    this.#addSparse(added, items.path.length);
    items.path.push(item.path);
    items.kind.push(item.kind);
    items.action.push(action);
    items.size.push(item.size);
    items.modifiedNs.push(item.modifiedNs);
    items.createdNs.push(item.createdNs);
    items.fileId.push(item.fileId);
    if (item.kind !== ItemKind.FILE) return;
    this.bytes += item.size;
    this.#weight += weightOf(added);
  }

  /** What only some items have. */
  #addSparse({ item, expected, origin, unreported = [] }: BatchItem, index: number): void {
    const { items } = this;
    if (expected !== undefined)
      items.expected.push(
        create(ExpectedDestinationSchema, {
          index,
          size: expected.size,
          modifiedNs: expected.destinationModifiedNs,
          id: expected.destinationId,
          version: expected.destinationVersion,
        }),
      );
    if (origin !== undefined)
      items.origin.push(
        create(MoveOriginSchema, {
          index,
          path: origin.path,
          destinationPath: origin.row.destinationPath || origin.path,
          sha256: origin.row.sha256,
          quickXorHash: origin.row.quickXorHash,
          isCertain: isCertain(item, origin),
        }),
      );
    for (const { size, modifiedNs } of unreported.flatMap((row) => row?.files ?? []))
      items.unreported.push(create(UnreportedWriteSchema, { index, size, modifiedNs }));
  }

  encode(): Uint8Array {
    return encodeBatchItems(this.items);
  }
}

/** How many bytes an item adds to the work of its batch: what is moved for certain is not read. */
export function weightOf({ item, origin }: Pick<BatchItem, 'item' | 'origin'>): bigint {
  return origin !== undefined && isCertain(item, origin) ? 0n : item.size;
}
