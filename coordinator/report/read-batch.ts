// A batch of a run as its rows are read from the store.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { ItemBatch } from './item-rows.ts';
import { decodeBatchItems, decodeBatchResults } from '../plan/decode-columns.ts';
import type { BatchKey, Reader } from '../store/store.ts';

/** A batch without results is one that is not done, or that never will be because its run only scanned. */
export function hasResults(row: BatchRow): boolean {
  return row.succeededItems + row.skippedItems + row.failedItems > 0;
}

/** A batch as it is stored: its items, and its results where it has some. */
export interface StoredBatch {
  items: Uint8Array | undefined;
  results: Uint8Array | undefined;
}

/** Reads a batch whose header is known. */
export async function readBatch(store: Reader, key: BatchKey, row: BatchRow): Promise<ItemBatch> {
  return decodeStored(row, await readStored(store, key, row));
}

/** The bytes of a batch whose header is known. */
export async function readStored(
  store: Reader,
  key: BatchKey,
  row: BatchRow,
): Promise<StoredBatch> {
  const [items, results] = await Promise.all([
    store.batchItems(key),
    hasResults(row) ? store.batchResults(key) : undefined,
  ]);
  return { items, results };
}

export function decodeStored(row: BatchRow, { items, results }: StoredBatch): ItemBatch {
  return {
    phase: row.phase,
    items: decodeBatchItems(items ?? new Uint8Array()),
    results: results === undefined ? undefined : decodeBatchResults(results),
    agent: row.lease?.agent ?? '',
  };
}
