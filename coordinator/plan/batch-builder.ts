// Collects planned items in columns until they are a batch. PURE.
import { create, toBinary } from '@bufbuild/protobuf';
import type { LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ExpectedDestinationSchema,
  ItemRemarkSchema,
  type BatchItems,
} from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { Decision, ScannedItem } from './plan-item.ts';

/** The most items in a batch. */
export const batchItemsMax = 500;
/** A batch is closed before it holds more bytes than this; a larger file is a batch of its own. */
export const batchBytesMax = 64n * 1024n * 1024n;

/** Items of one batch on their way. */
export class BatchBuilder {
  readonly items: BatchItems;
  bytes = 0n;

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
    return this.count < batchItemsMax && this.bytes + size <= batchBytesMax;
  }

  /** `destinationPath` is where the item goes below the destination. */
  add(
    item: ScannedItem,
    action: ItemAction,
    ledger: LedgerRow | undefined,
    destinationPath: string,
  ): void {
    const { items } = this;
    // The column is there from the first item on that goes to another path, and then for each.
    if (destinationPath !== item.path && items.destinationPath.length === 0)
      items.destinationPath = [...items.path];
    if (destinationPath !== item.path || items.destinationPath.length > 0)
      items.destinationPath.push(destinationPath);
    if (action === ItemAction.UPDATE && ledger !== undefined && item.kind === ItemKind.FILE)
      items.expected.push(
        create(ExpectedDestinationSchema, {
          index: items.path.length,
          size: ledger.size,
          modifiedNs: ledger.destinationModifiedNs,
          id: ledger.destinationId,
          version: ledger.destinationVersion,
        }),
      );
    items.path.push(item.path);
    items.kind.push(item.kind);
    items.action.push(action);
    items.size.push(item.size);
    items.modifiedNs.push(item.modifiedNs);
    items.createdNs.push(item.createdNs);
    items.fileId.push(item.fileId);
    if (item.kind === ItemKind.FILE) this.bytes += item.size;
  }

  encode(): Uint8Array {
    return toBinary(BatchItemsSchema, this.items);
  }
}

/** Results of items that the plan settled: skipped or failed, in the order of their batch. */
export function encodeSettledResults(decisions: readonly Decision[]): Uint8Array {
  const results = create(BatchResultsSchema);
  const none = new Array<bigint>(decisions.length).fill(0n);
  results.size = none;
  results.modifiedNs = none;
  results.destinationModifiedNs = none;
  results.attempts = new Array<number>(decisions.length).fill(0);
  results.sha256 = new Uint8Array(32 * decisions.length);
  results.quickXorHash = new Uint8Array(20 * decisions.length);
  for (const [index, { action, reason, message }] of decisions.entries()) {
    results.state.push(action === ItemAction.FAIL ? ItemState.FAILED : ItemState.SKIPPED);
    results.remark.push(create(ItemRemarkSchema, { index, reason, message }));
  }
  return toBinary(BatchResultsSchema, results);
}
