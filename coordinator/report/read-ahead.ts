// The batches of a run, one after the other, a few of them read before their turn comes, so that nobody waits for the disk.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { isPart, type BatchHeader } from './batch-parts.ts';
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

/** Each batch as it was planned, in the order of their numbers: with what was cut off it, as far as that is wanted. */
export async function* readAhead(
  store: Reader,
  run: RunKey,
  isWanted: (row: BatchRow) => boolean,
): AsyncGenerator<ItemBatch[]> {
  const reading: Promise<StoredPart[]>[] = [];
  for await (const header of batchHeaders(store, run)) {
    if (isPart(header)) continue;
    const read = readParts(store, run, header, isWanted);
    // What goes wrong is thrown when its turn comes; nobody may be left to hear of it when the reading ends before.
    read.catch(() => {});
    reading.push(read);
    if (reading.length > batchesAhead)
      yield await decodeParts(store, run, await reading.shift()!, isWanted);
  }
  for (const read of reading) yield await decodeParts(store, run, await read, isWanted);
}

/** A batch and its bytes, which are taken apart when its turn comes: what waits as objects would be copied by every collection of garbage. */
interface StoredPart {
  header: BatchHeader;
  stored: StoredBatch;
}

/** A batch, and what was cut off it. */
async function readParts(
  store: Reader,
  run: RunKey,
  whole: BatchHeader,
  isWanted: (row: BatchRow) => boolean,
): Promise<StoredPart[]> {
  const parts: StoredPart[] = [];
  for (let header: BatchHeader | undefined = whole; header !== undefined;) {
    const { batch, row }: BatchHeader = header;
    if (isWanted(row))
      parts.push({ header, stored: await readStored(store, { ...run, batch }, row) });
    header = await headerOf(store, run, row.nextPart);
  }
  return parts;
}

async function decodeParts(
  store: Reader,
  run: RunKey,
  parts: readonly StoredPart[],
  isWanted: (row: BatchRow) => boolean,
): Promise<ItemBatch[]> {
  const decoded: ItemBatch[] = [];
  for (const { header, stored } of parts) {
    const part = decodeStored(header.row, stored);
    if (part.items.path.length === header.row.items) {
      decoded.push(part);
      continue;
    }
    // It was cut, or filled, between the two reads; or its items are lost, and would be so for ever.
    const now = await headerOf(store, run, header.batch);
    if (now?.row.items === header.row.items) throw lostItems(run, header.batch);
    const others = now === undefined ? [] : await readParts(store, run, now, isWanted);
    return [...decoded, ...(await decodeParts(store, run, others, isWanted))];
  }
  return decoded;
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
