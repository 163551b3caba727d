// The items of a run, read from the store in portions that can be worked on apart from each other.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Reader } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { DeviceNames } from './device-names.ts';
import type { ItemJob, NamedBatch } from './item-lines.ts';
import { storedAhead } from './read-ahead.ts';
import { checkStillThere, type ReportedRun } from './reported-run.ts';
import type { StoredBatch } from './read-batch.ts';

/** A job has at least so many items, where there are so many: batches of large files have a few only. */
const jobItems = 2000;

export interface ItemSource {
  store: Reader;
  /** Aborts when nobody waits for the items any longer. */
  signal: AbortSignal;
}

/**
 * The batches of a run whose headers are wanted, in jobs. Throws NOT_FOUND at the end when the run was deleted meanwhile: what is not whole would
 * look as if it were.
 */
export async function* itemJobs(
  { store, signal }: ItemSource,
  reported: ReportedRun,
  isWanted: (row: BatchRow) => boolean,
): AsyncGenerator<ItemJob> {
  const { task, key, row } = reported;
  if (row === undefined) return;
  const { uid, source, destination } = task;
  const empty = { run: runName(key), task: { uid, source, destination }, items: 0 };
  const devices = new DeviceNames(store);
  let job: ItemJob = { ...empty, batches: [] };
  for await (const { parts, items } of storedAhead(store, key, isWanted)) {
    // Also where nothing is to be told of a million items.
    signal.throwIfAborted();
    if (parts.length === 0) continue;
    job.batches.push(await named(parts, devices));
    job.items += items;
    if (job.items < jobItems) continue;
    yield job;
    job = { ...empty, batches: [] };
  }
  if (job.items > 0) yield job;
  await checkStillThere(store, reported);
}

async function named(parts: readonly StoredBatch[], devices: DeviceNames): Promise<NamedBatch[]> {
  const found: NamedBatch[] = [];
  for (const part of parts) found.push({ ...part, device: await devices.nameOf(part.agent) });
  return found;
}
