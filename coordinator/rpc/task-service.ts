// TaskService: tasks as people keep them. Runs are started and steered in run-control.ts, watched in task-watch.ts.
import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  ScheduleSchema,
  TaskSchema,
  TaskService,
  type ListTasksRequest,
  type Task,
  type UpdateTaskRequest,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { nextRunMs, restarted } from '../schedule/schedule-row.ts';
import type { Reader } from '../store/store.ts';
import { parseTaskName } from '../task/names.ts';
import { applyToTasks } from './apply-to-tasks.ts';
import { createTask, stamped } from './create-task.ts';
import { deleteTask } from './delete-task.ts';
import { listEffectiveSettings } from './effective-settings.ts';
import { checkEtag } from './etag.ts';
import { exportTasks } from './export-tasks.ts';
import { applyUpdate } from './field-mask.ts';
import { parseTaskFilter } from './filter.ts';
import { deleteKeptLedger, listKeptLedgers } from './kept-ledgers.ts';
import { latestRun, requireTask } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { cancelTask, pauseTask, resumeTask, runTask } from './run-control.ts';
import type { TaskServiceParts } from './service-parts.ts';
import { checkTask, isSameSchedule } from './task-fields.ts';
import { taskRules } from './task-rules.ts';
import { viewTask } from './task-view.ts';
import { watchTask } from './task-watch.ts';

/** How many tasks one call looks at, at most, when a filter leaves most of them out; the next page goes on. */
const filteredTasksMax = 10_000;

/** All but ImportTasks, which takes larger requests than the others: see routes.ts. */
export function createTaskService(
  parts: TaskServiceParts,
): Omit<ServiceImpl<typeof TaskService>, 'importTasks'> {
  return {
    createTask: async (request, { signal }) => ({ task: await createTask(parts, request, signal) }),
    getTask: async ({ name }) => ({ task: await readTask(parts.store, taskId(name)) }),
    listTasks: (request) => listTasks(parts.store, request),
    updateTask: async (request) => ({ task: await updateTask(parts, request) }),
    deleteTask: async (request) => {
      await deleteTask(parts, request);
      return {};
    },
    listKeptLedgers: (request) => listKeptLedgers(parts.store, request),
    deleteKeptLedger: async ({ name }) => {
      await deleteKeptLedger(parts, taskId(name));
      return {};
    },
    runTask: async (request, { signal }) => ({ run: await runTask(parts, request, signal) }),
    pauseTask: async ({ name }) => ({ task: await pauseTask(parts, taskId(name)) }),
    resumeTask: async ({ name, gone }) => ({ task: await resumeTask(parts, taskId(name), gone) }),
    cancelTask: async ({ name }) => ({ task: await cancelTask(parts, taskId(name)) }),
    listEffectiveSettings: (request) => listEffectiveSettings(parts.store, request),
    exportTasks: (request, { signal }) => exportTasks(parts.store, request, signal),
    applyToTasks: (request, { signal }) => applyToTasks(parts, request, signal),
    watchTask: (request, { signal }) => watchTask(parts, request, signal),
  };
}

const taskId = (name: string): string => parseTaskName(name, 'name');

async function readTask(reader: Reader, id: string): Promise<Task> {
  const row = await requireTask(reader, id);
  return viewTask(row, await latestRun(reader, id, row));
}

async function listTasks(store: Reader, request: ListTasksRequest) {
  const scope = ['tasks', request.filter];
  const page = readPageRequest(request, scope);
  const filter = parseTaskFilter(request.filter);
  const tasks: Task[] = [];
  let after = page.cursor;
  for (let seen = 0; tasks.length < page.size && seen < filteredTasksMax;) {
    const rows = await store.tasks(after, page.size);
    for (const row of rows) {
      const id = parseTaskName(row.task!.name, 'name');
      const task = viewTask(row, await latestRun(store, id, row));
      if (filter(task)) tasks.push(task);
      after = id;
      if (tasks.length === page.size) break;
    }
    seen += rows.length;
    if (rows.length < page.size) break;
  }
  const more = (await store.tasks(after, 1)).length > 0;
  return { tasks, nextPageToken: writePageToken(more ? after : undefined, scope) };
}

async function updateTask(parts: TaskServiceParts, request: UpdateTaskRequest): Promise<Task> {
  const { task: incoming, updateMask } = request;
  if (incoming === undefined) throw DroverError.invalid('task', 'is missing');
  const id = parseTaskName(incoming.name, 'task.name');
  const { row, view } = await parts.store.commit(async (transaction) => {
    const before = await requireTask(transaction, id);
    const current = before.task!;
    checkEtag(incoming.etag, current.etag, current.name);
    const update = { schema: TaskSchema, current, incoming, mask: updateMask, rules: taskRules };
    const changed = applyUpdate({ ...update, field: 'task' });
    // Of a schedule that was cleared field by field, nothing is left.
    if (isSameSchedule(changed.schedule, create(ScheduleSchema))) delete changed.schedule;
    const nowMs = parts.clock.now();
    checkTask(changed, nowMs, current);
    const next = create(TaskRowSchema, { ...before, task: stamped(changed, nowMs) });
    const isKept = isSameSchedule(changed.schedule, current.schedule);
    const row = isKept ? next : restarted(next, nowMs);
    transaction.putTask(id, row);
    return { row, view: viewTask(row, await latestRun(transaction, id, row)) };
  });
  parts.scheduler.taskChanged(id, nextRunMs(row));
  parts.dispatcher.taskChanged(id);
  parts.changes.emit({ kind: 'task', task: id });
  return view;
}
