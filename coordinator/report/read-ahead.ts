// The batches of a run, one after the other, a few of them read before their turn comes, so that nobody waits for the disk.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { countBatchItems } from '../plan/decode-columns.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { isPart, type BatchHeader } from './batch-parts.ts';
import { inOrder } from './in-order.ts';
import type { ItemBatch } from './item-rows.ts';
import { decodeStored, readStored, type StoredBatch } from './read-batch.ts';

/** How many batches' headers are read at once. */
const headersRead = 200;
/** How many batches are read before their turn: with 2,000 items each some megabytes. */
const batchesAhead = 4;

/** The headers of a run's batches, in the order of their numbers. */
export async function* batchHeaders(store: Reader, run: RunKey): AsyncGenerator<BatchHeader> {
  for (let after = 0; ;) {
    const headers = await store.batches(run, after, headersRead);
    yield* headers;
    if (headers.length < headersRead) return;
    after = headers.at(-1)!.batch;
  }
}

/** A batch as it was planned: what is left of it, and what was cut off it. */
export interface PlannedBatch {
  parts: StoredBatch[];
  /** How many items these have. */
  items: number;
}

/** Each batch as it was planned, in the order of their numbers: of its parts those that are wanted. */
export function storedAhead(
  store: Reader,
  run: RunKey,
  isWanted: (row: BatchRow) => boolean,
): AsyncGenerator<PlannedBatch> {
  // They wait as bytes: objects that wait would be copied by every collection of garbage.
  return inOrder(plannedHeaders(store, run), batchesAhead, (header) => readParts(store, run, header, isWanted)); // oxfmt-ignore
}

/** The same, decoded. */
export async function* readAhead(
  store: Reader,
  run: RunKey,
  isWanted: (row: BatchRow) => boolean,
): AsyncGenerator<ItemBatch[]> {
  for await (const { parts } of storedAhead(store, run, isWanted)) yield parts.map(decodeStored);
}

async function* plannedHeaders(store: Reader, run: RunKey): AsyncGenerator<BatchHeader> {
  for await (const header of batchHeaders(store, run)) if (!isPart(header)) yield header;
}

/** A batch, and what was cut off it. */
async function readParts(
  store: Reader,
  run: RunKey,
  whole: BatchHeader,
  isWanted: (row: BatchRow) => boolean,
): Promise<PlannedBatch> {
  const planned: PlannedBatch = { parts: [], items: 0 };
  for (let header: BatchHeader | undefined = whole; header !== undefined;) {
    const { batch, row }: BatchHeader = header;
    const stored = isWanted(row) ? await readStored(store, { ...run, batch }, row) : undefined;
    const isSame = stored === undefined || countBatchItems(stored.items) === row.items;
    if (!isSame) {
      // It was cut, or filled, between the two reads; or its items are lost, and would be so for ever.
      header = await headerOf(store, run, batch);
      if (header?.row.items === row.items) throw lostItems(run, batch);
      continue;
    }
    if (stored !== undefined) planned.parts.push(stored);
    planned.items += stored === undefined ? 0 : row.items;
    header = await headerOf(store, run, row.nextPart);
  }
  return planned;
}

function lostItems(run: RunKey, batch: number): DroverError {
  const name = runName(run);
  return new DroverError(
    ErrorReason.INTERNAL,
    `the store has not all items of batch ${batch} of ${name}: drover-coordinator check says what is damaged`,
    { metadata: { name } },
  );
}

async function headerOf(
  store: Reader,
  run: RunKey,
  batch: number,
): Promise<BatchHeader | undefined> {
  // oxfmt-ignore
  const row = batch === 0 ? undefined : await store.batch({ ...run, batch });
  return row && { batch, row };
}
