// Showing whether what a scan found can be migrated.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Readiness } from '../../gen/drover/v1/readiness_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { countedItems, showReadiness } from '../plan/show-readiness.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { hasReadiness } from '../task/approval.ts';
import { parseRunOrTaskName, taskName } from '../task/names.ts';
import { requireRun, requireTask } from './lookup.ts';

/**
 * The readiness of a run; of a task, that of its latest run that has one. Throws NOT_FOUND, and WRONG_STATE when there is none.
 */
export async function getReadiness({ store }: { store: Reader }, name: string): Promise<Readiness> {
  const { task, run } = parseRunOrTaskName(name, 'name');
  const key = run === undefined ? await latestKey(store, task) : { task, run };
  const row = await requireRun(store, key);
  if (!hasReadiness(row)) throw noReadiness(row, 'it migrates while it scans');
  // Read after the run's row: when that says that the scan is complete, nothing is counted any more.
  const readiness = await store.readiness(key);
  const { scanComplete, scannedItems } = row.run!.progress!;
  if (scanComplete && countedItems(readiness) !== scannedItems)
    throw noReadiness(row, 'an older version scanned for it');
  return showReadiness(readiness, row.run!);
}

async function latestKey(store: Reader, task: string): Promise<RunKey> {
  const { latestRun: run } = await requireTask(store, task);
  const latest = run === 0 ? undefined : await store.run({ task, run });
  // Of an empty source nothing was counted.
  if (latest !== undefined && hasReadiness(latest)) return { task, run };
  const found = await store.latestReadiness(task);
  if (found !== undefined) return found;
  const name = taskName(task);
  throw new DroverError(ErrorReason.WRONG_STATE, `${name} has no run that has a readiness; plan it with drover runs plan ${name}`, { metadata: { name } }); // oxfmt-ignore
}

function noReadiness({ run }: RunRow, why: string): DroverError {
  const { name } = run!;
  return new DroverError(ErrorReason.WRONG_STATE, `${name} has no readiness: ${why}; plan the task with drover runs plan`, { metadata: { name } }); // oxfmt-ignore
}
