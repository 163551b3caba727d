// CreateTask: a task of its own, or one that goes on with the ledger that was kept of a deleted one.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { TaskRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  CreateTaskRequestSchema,
  TaskSchema,
  type CreateTaskRequest,
  type Task,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { nextRunMs, restarted } from '../schedule/schedule-row.ts';
import type { Transaction } from '../store/store.ts';
import { checkId, parseTaskName, taskName } from '../task/names.ts';
import { randomBase32 } from '../trust/agent-id.ts';
import { computeEtag } from './etag.ts';
import { latestRun, requireTask } from './lookup.ts';
import { repeatableRequest } from './request-id.ts';
import type { TaskServiceParts } from './service-parts.ts';
import { checkTask } from './task-fields.ts';
import { checkLocations, everyKind, needsLook, servedKinds } from './task-locations.ts';
import { viewTask } from './task-view.ts';

/**
 * Agents look at the destination unless `check_locations` is off. Throws INVALID_ARGUMENT for what cannot be kept, ALREADY_EXISTS when the id is taken, also by a ledger that does not fit, or why the
 * destination cannot be used.
 */
export async function createTask(
  parts: TaskServiceParts,
  request: CreateTaskRequest,
  signal: AbortSignal,
): Promise<Task> {
  const { store, dispatcher, clock, changes, scheduler } = parts;
  const { task, taskId, validateOnly, checkLocations: isAsked = true } = request;
  if (task === undefined) throw DroverError.invalid('task', 'is missing');
  if (taskId !== '') checkId(taskId, 'task_id');
  const repeatable = repeatableRequest(CreateTaskRequestSchema, request);
  checkLocations(task, isAsked ? servedKinds(dispatcher) : everyKind);
  const id = taskId === '' ? `t-${randomBase32(8)}` : taskId;
  const make = (keep: boolean) =>
    store.commit(async (transaction) => {
      const nowMs = clock.now();
      const earlier = await repeatable.earlier(transaction, nowMs);
      if (earlier !== undefined) {
        const made = parseTaskName(earlier, 'request_id');
        const row = await requireTask(transaction, made);
        const view = viewTask(row, await latestRun(transaction, made, row));
        return { isRepeated: true, view, nextMs: undefined };
      }
      checkTask(task, nowMs);
      const row = restarted(await newRow(transaction, id, newTask(id, task, nowMs)), nowMs);
      if (keep) {
        transaction.takeLedger(id);
        transaction.putTask(id, row);
        repeatable.record(transaction, taskName(id), nowMs);
      }
      return { isRepeated: false, view: viewTask(row, undefined), nextMs: nextRunMs(row) };
    });
  if (isAsked && needsLook(task.destination)) {
    // What can be said without an agent is said first; no commit waits for one.
    const { isRepeated, view } = await make(false);
    if (isRepeated) return view;
    await dispatcher.checkDestination(task.destination, { group: task.agentGroup, signal });
  }
  const { isRepeated, view, nextMs } = await make(!validateOnly);
  if (isRepeated || validateOnly) return view;
  scheduler.taskChanged(id, nextMs);
  changes.emit({ kind: 'task', task: id });
  return view;
}

/** The task with the time of its change and an etag of its own. */
export function stamped(task: Task, nowMs: number): Task {
  const changed = create(TaskSchema, { ...task, updateTime: timestampFromMs(nowMs), etag: '' });
  changed.etag = computeEtag(TaskSchema, changed);
  return changed;
}

/** A task of this id with what a caller may set. */
export function newTask(id: string, task: Task, nowMs: number): Task {
  const { displayName, source, destination, settings, agentGroup, priority, schedule, tags } = task;
  return stamped(
    create(TaskSchema, {
      name: taskName(id),
      uid: randomUUID(),
      displayName,
      source,
      destination,
      agentGroup,
      priority,
      tags,
      ...(settings === undefined ? {} : { settings }),
      ...(schedule === undefined ? {} : { schedule }),
      createTime: timestampFromMs(nowMs),
    }),
    nowMs,
  );
}

/** The row of a new task, with what was kept of an earlier one of its id. */
async function newRow(transaction: Transaction, id: string, task: Task): Promise<TaskRow> {
  return create(TaskRowSchema, { task, ...(await inheritance(transaction, id, task)) });
}

/**
 * What was kept of an earlier task of the id, for a new one; undefined when nothing was. Throws ALREADY_EXISTS when the id is taken, also by
 * what was kept of a task that went elsewhere, and UNAVAILABLE while an earlier one is still being removed.
 */
export async function inheritance(
  transaction: Transaction,
  id: string,
  task: Task,
): Promise<Pick<TaskRow, 'latestRun' | 'hasKeptItems' | 'hasUnreportedItems'> | undefined> {
  if ((await transaction.task(id)) !== undefined) throw taken(id);
  if (await transaction.isBeingDeleted(id)) throw beingDeleted(id);
  const kept = await transaction.keptLedger(id);
  if (kept === undefined) return undefined;
  const isSame = isSamePlace(kept.source, task.source) && isSamePlace(kept.destination, task.destination); // oxfmt-ignore
  if (!isSame) throw keptForAnother(id, kept);
  const { latestRun, hasKeptItems, hasUnreportedItems } = kept;
  return { latestRun, hasKeptItems, hasUnreportedItems };
}

/** Whether two texts mean one place, however they are written. */
function isSamePlace(one: string, other: string): boolean {
  return isDeepStrictEqual(parseLocation(one, 'kept'), parseLocation(other, 'task'));
}

function taken(id: string): DroverError {
  const name = taskName(id);
  return new DroverError(ErrorReason.ALREADY_EXISTS, `there is a task ${name} already`, {
    metadata: { name },
  });
}

function keptForAnother(
  id: string,
  { source, destination }: { source: string; destination: string },
) {
  // oxfmt-ignore
  const name = taskName(id);
  return new DroverError(
    ErrorReason.ALREADY_EXISTS,
    `the ledger of a deleted ${name} is kept, which migrated "${source}" to "${destination}"; give the new task the same two to go on with it, ` +
      `or another id, or delete the ledger first: drover tasks delete ${id} --ledger delete`,
    { metadata: { name, source, destination } },
  );
}

function beingDeleted(id: string): DroverError {
  const name = taskName(id);
  return new DroverError(
    ErrorReason.UNAVAILABLE,
    `the records of an earlier ${name} are still being removed; try again in a moment`,
    { metadata: { name } },
  );
}
