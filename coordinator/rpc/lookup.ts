// Reading resources by their names, or saying that they are not there.
import type { RunRow, TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { runName, taskName } from '../task/names.ts';

/** Throws NOT_FOUND when there is no such task. */
export async function requireTask(reader: Reader, task: string): Promise<TaskRow> {
  const row = await reader.task(task);
  if (row === undefined) throw notFound('task', taskName(task));
  return row;
}

/** Throws NOT_FOUND when there is no such run, or its task is gone. */
export async function requireRun(reader: Reader, key: RunKey): Promise<RunRow> {
  const [task, row] = await Promise.all([reader.task(key.task), reader.run(key)]);
  if (task === undefined) throw notFound('task', taskName(key.task));
  if (row === undefined) throw notFound('run', runName(key));
  return row;
}

/** The run a task had last; undefined when it was never run. */
export async function latestRun(
  reader: Reader,
  task: string,
  row: TaskRow,
): Promise<RunRow | undefined> {
  return row.latestRun === 0 ? undefined : reader.run({ task, run: row.latestRun });
}

export function notFound(what: string, name: string): DroverError {
  return new DroverError(ErrorReason.NOT_FOUND, `there is no ${what} ${name}`, {
    metadata: { name },
  });
}
