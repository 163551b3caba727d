// A task as the API shows it: its state is that of its latest run. PURE.
import { clone } from '@bufbuild/protobuf';
import type { RunRow, TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { TaskSchema, type Task } from '../../gen/drover/v1/task_pb.ts';
import { taskState } from '../task/run-states.ts';

/** The priority of a task that says none. */
const priorityDefault = 5;

/** `latestRun` is undefined when the task was never run. */
export function viewTask(row: TaskRow, latestRun: RunRow | undefined): Task {
  const task = clone(TaskSchema, row.task!);
  task.state = taskState(latestRun?.run?.state);
  task.latestRun = latestRun?.run?.name ?? '';
  if (task.priority === 0) task.priority = priorityDefault;
  return task;
}
