// Runs of one task as the API shows them, with all that is not in their rows.
import type { RunRow, TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Run } from '../../gen/drover/v1/run_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { viewRun } from './run-view.ts';

/** Answers with the function that shows a run of the task. */
export async function runsOf(
  { store, dispatcher }: { store: Reader; dispatcher: Dispatcher },
  task: TaskRow,
): Promise<(key: RunKey, row: RunRow) => Run> {
  const tenantLicenses = (await store.settings())?.settings?.tenantLicenses ?? 0;
  const ofAnyRun = dispatcher.capacity(task.task!);
  const capacityOf = (settings: TaskSettings | undefined) =>
    settings === undefined ? ofAnyRun : dispatcher.capacity(task.task!, settings);
  const estimate = { capacityOf, tenantLicenses };
  return (key, row) => viewRun(row, dispatcher.progress(key), estimate);
}
