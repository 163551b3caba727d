// A run that is reported.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { runName } from '../task/names.ts';

/** A task, and the run of it that is reported. */
export interface ReportedRun {
  task: Task;
  key: RunKey;
  /** Undefined when the task was never run. */
  row: RunRow | undefined;
}

/** Throws NOT_FOUND when the task is not there any more. A new one of the same name is another one. */
export async function checkStillThere(store: Reader, { task, key }: ReportedRun): Promise<void> {
  if ((await store.task(key.task))?.task?.uid === task.uid) return;
  const name = runName(key);
  throw new DroverError(ErrorReason.NOT_FOUND, `${name} was deleted while its report was read`, {
    metadata: { name },
  });
}
