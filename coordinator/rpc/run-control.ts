// Starting and steering runs: each a pure step of the run machine inside one commit, after which the dispatcher follows.
import { create } from '@bufbuild/protobuf';
import { TaskRowSchema, type RunRow, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Run } from '../../gen/drover/v1/run_pb.ts';
import {
  RunTaskRequestSchema,
  type RunTaskRequest,
  type Task,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import { parseRunName, parseTaskName, runName, taskName } from '../task/names.ts';
import { newRun, stepRun, type RunEvent } from '../task/run-machine.ts';
import { isRunOpen } from '../task/run-states.ts';
import { latestRun, requireRun, requireTask } from './lookup.ts';
import { repeatableRequest } from './request-id.ts';
import { viewRun } from './run-view.ts';
import type { ServiceParts } from './service-parts.ts';
import { effectiveSettings } from './settings.ts';
import { healsByItself, needsLook, servedKinds } from './task-locations.ts';
import { viewTask } from './task-view.ts';

/**
 * Starts a run. Throws NOT_FOUND, WRONG_STATE while a run of the task is going, or why its destination cannot be used, when that
 * does not heal by itself.
 */
export async function runTask(
  parts: ServiceParts,
  request: RunTaskRequest,
  signal: AbortSignal,
): Promise<Run> {
  const task = parseTaskName(request.name, 'name');
  const repeatable = repeatableRequest(RunTaskRequestSchema, request);
  const start = (keep: boolean) =>
    parts.store.commit(async (transaction) => {
      const nowMs = parts.clock.now();
      const earlier = await repeatable.earlier(transaction, nowMs);
      if (earlier !== undefined) {
        const key = parseRunName(earlier, 'request_id');
        return { isRepeated: true, key, row: await requireRun(transaction, key) };
      }
      const { key, row, taskRow } = await nextRun(transaction, task, request.scanOnly, nowMs);
      if (keep) {
        transaction.putRun(key, row);
        transaction.putTask(task, create(TaskRowSchema, { ...taskRow, latestRun: key.run }));
        repeatable.record(transaction, runName(key), nowMs);
      }
      return { isRepeated: false, key, row };
    });
  const { destination } = (await requireTask(parts.store, task)).task!;
  // What can be said without an agent is said first; no commit waits for one.
  if (needsLook(destination) && !(await start(false)).isRepeated)
    await lookAt(parts, destination, signal);
  const { key, row } = await start(true);
  parts.dispatcher.runChanged(key);
  parts.changes.emit({ kind: 'task', task });
  return viewRun(row, parts.dispatcher.progress(key));
}

/** A run may wait for an agent, and for what heals by itself; what somebody has to put in order is said before it is stored. */
async function lookAt(
  { dispatcher, log }: ServiceParts,
  destination: string,
  signal: AbortSignal,
): Promise<void> {
  if (!servedKinds(dispatcher).has('sharepoint')) return;
  try {
    await dispatcher.checkDestination(destination, signal);
  } catch (error) {
    if (!healsByItself(DroverError.from(error).reason)) throw error;
    log.info({ err: error }, 'a run is started although its destination could not be looked at');
  }
}

async function nextRun(transaction: Transaction, task: string, scanOnly: boolean, nowMs: number) {
  const taskRow = await requireTask(transaction, task);
  const before = await latestRun(transaction, task, taskRow);
  if (before !== undefined && isRunOpen(before.run!.state))
    throw new DroverError(
      ErrorReason.WRONG_STATE,
      `${taskName(task)} cannot be run: ${before.run!.name} is still going`,
      { metadata: { name: taskName(task), run: before.run!.name } },
    );
  const key: RunKey = { task, run: taskRow.latestRun + 1 };
  const global = (await transaction.settings())?.settings?.defaults;
  const row = newRun(key, effectiveSettings(taskRow.task!.settings, global), scanOnly, nowMs);
  return { key, row, taskRow };
}

/** Throws NOT_FOUND, or WRONG_STATE when there is no run that can be paused. */
export const pauseTask = (parts: ServiceParts, task: string) =>
  steer(parts, task, { kind: 'pause' });

/** Throws NOT_FOUND, or WRONG_STATE when no run is paused. */
export const resumeTask = (parts: ServiceParts, task: string) =>
  steer(parts, task, { kind: 'resume' });

/** Throws NOT_FOUND, or WRONG_STATE when no run is going. */
export const cancelTask = (parts: ServiceParts, task: string) =>
  steer(parts, task, { kind: 'cancel' });

async function steer(parts: ServiceParts, task: string, event: RunEvent): Promise<Task> {
  const { key, view } = await parts.store.commit(async (transaction) => {
    const taskRow = await requireTask(transaction, task);
    const before = await requireLatestRun(transaction, task, taskRow);
    const key = { task, run: taskRow.latestRun };
    const after = stepRun(before, event, parts.clock.now());
    transaction.putRun(key, after);
    return { key, view: viewTask(taskRow, after) };
  });
  parts.dispatcher.runChanged(key);
  parts.changes.emit({ kind: 'task', task });
  return view;
}

async function requireLatestRun(
  transaction: Transaction,
  task: string,
  row: TaskRow,
): Promise<RunRow> {
  const run = await latestRun(transaction, task, row);
  if (run !== undefined) return run;
  const name = taskName(task);
  throw new DroverError(ErrorReason.WRONG_STATE, `${name} was never run; run it first`, {
    metadata: { name },
  });
}
