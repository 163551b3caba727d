// TaskService: tasks as people keep them. Runs are started and steered in run-control.ts, watched in task-watch.ts.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { randomUUID } from 'node:crypto';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  CreateTaskRequestSchema,
  TaskSchema,
  TaskService,
  type CreateTaskRequest,
  type DeleteTaskRequest,
  type ListTasksRequest,
  type Task,
  type UpdateTaskRequest,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { checkId, parseTaskName, taskName } from '../task/names.ts';
import { isRunOpen } from '../task/run-states.ts';
import { randomBase32 } from '../trust/agent-id.ts';
import { checkEtag, computeEtag } from './etag.ts';
import { applyUpdate, type FieldRules } from './field-mask.ts';
import { parseTaskFilter } from './filter.ts';
import { latestRun, requireTask } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { repeatableRequest } from './request-id.ts';
import { cancelTask, pauseTask, resumeTask, runTask } from './run-control.ts';
import type { ServiceParts } from './service-parts.ts';
import { checkSettings } from './settings.ts';
import { checkLocations, needsLook, servedKinds } from './task-locations.ts';
import { viewTask } from './task-view.ts';
import { watchTask } from './task-watch.ts';

const displayNameLengthMax = 200;
/** How many tasks one call looks at, at most, when a filter leaves most of them out; the next page goes on. */
const filteredTasksMax = 10_000;

/** What callers may change of a task. */
export const taskRules: FieldRules = {
  outputOnly: ['uid', 'state', 'latest_run', 'create_time', 'update_time'],
  immutable: ['source', 'destination'],
  addressing: ['name', 'etag'],
};

export interface TaskServiceParts extends ServiceParts {
  /** Removes what a deleted task left behind, in the background. */
  sweep: () => void;
}

export function createTaskService(parts: TaskServiceParts): ServiceImpl<typeof TaskService> {
  return {
    createTask: async (request, { signal }) => ({ task: await createTask(parts, request, signal) }),
    getTask: async ({ name }) => ({ task: await readTask(parts.store, taskId(name)) }),
    listTasks: (request) => listTasks(parts.store, request),
    updateTask: async (request) => ({ task: await updateTask(parts, request) }),
    deleteTask: async (request) => {
      await deleteTask(parts, request);
      return {};
    },
    runTask: async (request, { signal }) => ({ run: await runTask(parts, request, signal) }),
    pauseTask: async ({ name }) => ({ task: await pauseTask(parts, taskId(name)) }),
    resumeTask: async ({ name }) => ({ task: await resumeTask(parts, taskId(name)) }),
    cancelTask: async ({ name }) => ({ task: await cancelTask(parts, taskId(name)) }),
    watchTask: (request, { signal }) => watchTask(parts, request, signal),
  };
}

const taskId = (name: string): string => parseTaskName(name, 'name');

async function readTask(reader: Reader, id: string): Promise<Task> {
  const row = await requireTask(reader, id);
  return viewTask(row, await latestRun(reader, id, row));
}

async function createTask(
  parts: ServiceParts,
  request: CreateTaskRequest,
  signal: AbortSignal,
): Promise<Task> {
  const { store, dispatcher, clock, changes } = parts;
  const { task, taskId, validateOnly } = request;
  if (task === undefined) throw DroverError.invalid('task', 'is missing');
  if (taskId !== '') checkId(taskId, 'task_id');
  const repeatable = repeatableRequest(CreateTaskRequestSchema, request);
  checkLocations(task, servedKinds(dispatcher));
  checkTask(task);
  const id = taskId === '' ? `t-${randomBase32(8)}` : taskId;
  const make = (keep: boolean) =>
    store.commit(async (transaction) => {
      const nowMs = clock.now();
      const earlier = await repeatable.earlier(transaction, nowMs);
      if (earlier !== undefined) {
        const made = await readTask(transaction, parseTaskName(earlier, 'request_id'));
        return { isRepeated: true, made };
      }
      await checkFree(transaction, id);
      if (await transaction.isBeingDeleted(id)) throw beingDeleted(id);
      const row = create(TaskRowSchema, { task: newTask(id, task, nowMs) });
      if (keep) {
        transaction.putTask(id, row);
        repeatable.record(transaction, taskName(id), nowMs);
      }
      return { isRepeated: false, made: viewTask(row, undefined) };
    });
  if (needsLook(task.destination)) {
    // What can be said without an agent is said first; no commit waits for one.
    const { isRepeated, made } = await make(false);
    if (isRepeated) return made;
    await dispatcher.checkDestination(task.destination, signal);
  }
  const { made } = await make(!validateOnly);
  if (!validateOnly) changes.emit({ kind: 'task', task: id });
  return made;
}

function newTask(id: string, task: Task, nowMs: number): Task {
  const { displayName, source, destination, settings } = task;
  const now = timestampFromMs(nowMs);
  return stamped(
    create(TaskSchema, {
      name: taskName(id),
      uid: randomUUID(),
      displayName,
      source,
      destination,
      ...(settings === undefined ? {} : { settings }),
      createTime: now,
    }),
    nowMs,
  );
}

/** The task with the time of its change and an etag of its own. */
function stamped(task: Task, nowMs: number): Task {
  const changed = create(TaskSchema, { ...task, updateTime: timestampFromMs(nowMs), etag: '' });
  changed.etag = computeEtag(TaskSchema, changed);
  return changed;
}

async function checkFree(reader: Reader, id: string): Promise<void> {
  if ((await reader.task(id)) === undefined) return;
  const name = taskName(id);
  throw new DroverError(ErrorReason.ALREADY_EXISTS, `there is a task ${name} already`, {
    metadata: { name },
  });
}

function beingDeleted(id: string): DroverError {
  const name = taskName(id);
  return new DroverError(
    ErrorReason.UNAVAILABLE,
    `the records of an earlier ${name} are still being removed; try again in a moment`,
    { metadata: { name } },
  );
}

function checkTask({ displayName, settings }: Task): void {
  const field = 'task.display_name';
  if (displayName.length > displayNameLengthMax)
    throw DroverError.invalid(field, `is longer than ${displayNameLengthMax} characters`);
  if (/\p{Cc}/u.test(displayName)) throw DroverError.invalid(field, 'holds a control character');
  checkSettings(settings, 'task.settings');
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

async function updateTask(parts: ServiceParts, request: UpdateTaskRequest): Promise<Task> {
  const { task: incoming, updateMask } = request;
  if (incoming === undefined) throw DroverError.invalid('task', 'is missing');
  const id = parseTaskName(incoming.name, 'task.name');
  const updated = await parts.store.commit(async (transaction) => {
    const row = await requireTask(transaction, id);
    const current = row.task!;
    checkEtag(incoming.etag, current.etag, current.name);
    const update = { schema: TaskSchema, current, incoming, mask: updateMask, rules: taskRules };
    const changed = applyUpdate({ ...update, field: 'task' });
    checkTask(changed);
    const task = stamped(changed, parts.clock.now());
    const next = create(TaskRowSchema, { ...row, task });
    transaction.putTask(id, next);
    return viewTask(next, await latestRun(transaction, id, row));
  });
  parts.changes.emit({ kind: 'task', task: id });
  return updated;
}

async function deleteTask(parts: TaskServiceParts, request: DeleteTaskRequest): Promise<void> {
  const id = taskId(request.name);
  await parts.store.commit(async (transaction) => {
    const row = await requireTask(transaction, id);
    checkEtag(request.etag, row.task!.etag, request.name);
    const run = await latestRun(transaction, id, row);
    if (run !== undefined && isRunOpen(run.run!.state))
      throw new DroverError(
        ErrorReason.WRONG_STATE,
        `${request.name} cannot be deleted: its run is going; cancel it first`,
        { metadata: { name: request.name } },
      );
    transaction.deleteTask(id);
  });
  parts.changes.emit({ kind: 'task', task: id });
  parts.sweep();
}
