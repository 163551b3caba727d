// A batch of a run as its rows are read from the store.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { decodeBatchItems, decodeBatchResults } from '../plan/decode-columns.ts';
import type { BatchKey, Reader } from '../store/store.ts';
import type { ItemBatch } from './item-rows.ts';

/** A batch without results is one that is not done, or that never will be because its run only scanned. */
export function hasResults(row: BatchRow): boolean {
  return row.succeededItems + row.skippedItems + row.failedItems > 0;
}

/** A batch as it is stored, and what its header says of it: plain data, which can go to a thread. */
export interface StoredBatch {
  phase: BatchPhase;
  /** The id of the agent that did it; empty when nobody had to. */
  agent: string;
  items: Uint8Array;
  /** Undefined until the batch is done. */
  results: Uint8Array | undefined;
}

/** Reads a batch whose header is known. */
export async function readBatch(store: Reader, key: BatchKey, row: BatchRow): Promise<ItemBatch> {
  return decodeStored(await readStored(store, key, row));
}

/** Reads a batch whose header is known, and leaves it as it is stored. */
export async function readStored(
  store: Reader,
  key: BatchKey,
  row: BatchRow,
): Promise<StoredBatch> {
  const [items = new Uint8Array(), results] = await Promise.all([
    store.batchItems(key),
    hasResults(row) ? store.batchResults(key) : undefined,
  ]);
  return { phase: row.phase, agent: row.lease?.agent ?? '', items, results };
}

export function decodeStored({ phase, agent, items, results }: StoredBatch): ItemBatch {
  return {
    phase,
    items: decodeBatchItems(items),
    results: results === undefined ? undefined : decodeBatchResults(results),
    agent,
  };
}
