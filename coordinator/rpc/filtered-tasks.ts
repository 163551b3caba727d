// The tasks that a filter wants, as they are read: a task that changes meanwhile is seen as it was or as it is.
import type { TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import type { Reader } from '../store/store.ts';
import { parseTaskName } from '../task/names.ts';
import type { TaskFilter } from './filter.ts';
import { latestRun } from './lookup.ts';
import { viewTask } from './task-view.ts';

const rowsRead = 500;

export interface FoundTask {
  id: string;
  row: TaskRow;
  /** As the API shows it. */
  view: Task;
}

/** In the order of their ids, a page at a time; pages may be empty. Throws what the signal was aborted with. */
export async function* filteredTasks(
  store: Reader,
  filter: TaskFilter,
  signal: AbortSignal,
): AsyncGenerator<FoundTask[]> {
  let after = '';
  for (;;) {
    signal.throwIfAborted();
    const rows = await store.tasks(after, rowsRead);
    const found: FoundTask[] = [];
    for (const row of rows) {
      const id = parseTaskName(row.task!.name, 'name');
      const view = viewTask(row, await latestRun(store, id, row));
      if (filter(view)) found.push({ id, row, view });
      after = id;
    }
    yield found;
    if (rows.length < rowsRead) return;
  }
}
