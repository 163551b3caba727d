// Starting and steering runs: each a pure step of the run machine inside one commit, after which the dispatcher follows.
import { create } from '@bufbuild/protobuf';
import { TaskRowSchema, type RunRow, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { PlanRunRequestSchema, RetryRunRequestSchema, type GoneDecision, type PlanRunRequest, type RetryRunRequest, type Run } from '../../gen/drover/v1/run_pb.ts'; // oxfmt-ignore
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import {
  RunTaskRequestSchema,
  type RunTaskRequest,
  type Task,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { firstPosition } from '../dispatch/failed-paths.ts';
import type { RunKey, Transaction } from '../store/store.ts';
import {
  parseRunName,
  parseRunOrTaskName,
  parseTaskName,
  runName,
  taskName,
} from '../task/names.ts';
import { newRetry, newRun, stepRun, type RunEvent } from '../task/run-machine.ts';
import { isRunOpen } from '../task/run-states.ts';
import { currentCall } from '../trust/audit-call.ts';
import { checkRetryable } from './check-retryable.ts';
import { latestRun, requireRun, requireTask } from './lookup.ts';
import { repeatableRequest, type RepeatableRequest } from './request-id.ts';
import type { ServiceParts } from './service-parts.ts';
import { effectiveSettings, settingsAt } from './settings.ts';
import { runsOf } from './show-run.ts';
import { healsByItself, needsLook, servedKinds } from './task-locations.ts';
import { viewTask } from './task-view.ts';

/**
 * Starts a run. Throws NOT_FOUND, WRONG_STATE while a run of the task is going, or why its destination cannot be used, when that
 * does not heal by itself.
 */
export function runTask(
  parts: ServiceParts,
  request: RunTaskRequest,
  signal: AbortSignal,
): Promise<Run> {
  const task = parseTaskName(request.name, 'name');
  const repeatable = repeatableRequest(RunTaskRequestSchema, request);
  if (request.scanOnly && request.requireApproval)
    throw DroverError.invalid('require_approval', 'cannot be asked for with scan_only: such a run writes nothing'); // oxfmt-ignore
  const next = ({ key, settings, nowMs }: NextRun) => {
    if (request.requireApproval) settings.requireApproval = true;
    return newRun(key, settings, request.scanOnly || settings.scanOnly === true, nowMs);
  };
  return startRun(parts, { task, repeatable, next, signal });
}

/** Starts a run that scans and plans only. Throws as `runTask` does. */
export function planRun(
  parts: ServiceParts,
  request: PlanRunRequest,
  signal: AbortSignal,
): Promise<Run> {
  const task = parseTaskName(request.name, 'name');
  const repeatable = repeatableRequest(PlanRunRequestSchema, request);
  const next = ({ key, settings, nowMs }: NextRun) => newRun(key, settings, true, nowMs);
  return startRun(parts, { task, repeatable, next, signal });
}

/**
 * Starts a run that tries again what failed in another. Throws as `runTask` does, and WRONG_STATE when nothing failed in it, or it
 * is going.
 */
export function retryRun(
  parts: ServiceParts,
  request: RetryRunRequest,
  signal: AbortSignal,
): Promise<Run> {
  const given = parseRunOrTaskName(request.name, 'name');
  const repeatable = repeatableRequest(RetryRunRequestSchema, request);
  const next = async ({ transaction, key, settings, nowMs }: NextRun) => {
    const retried = given.run ?? key.run - 1;
    if (retried === 0) throw neverRun(given.task);
    await checkRetryable(transaction, { ...key, run: retried });
    return newRetry(key, { settings, retried, position: firstPosition() }, nowMs);
  };
  return startRun(parts, { task: given.task, repeatable, next, signal });
}

/**
 * Starts a run because its time has come; `change` is made of the task's row in the same commit. Throws as `runTask` does, and what
 * `change` throws.
 */
export function runDueTask(
  parts: ServiceParts,
  task: string,
  change: (row: TaskRow) => TaskRow,
  signal: AbortSignal,
): Promise<Run> {
  const request = create(RunTaskRequestSchema, { name: taskName(task) });
  const repeatable = repeatableRequest(RunTaskRequestSchema, request);
  const next = ({ key, settings, nowMs }: NextRun) =>
    newRun(key, settings, settings.scanOnly === true, nowMs);
  return startRun(parts, { task, repeatable, next, change, signal });
}

/**
 * Starts a run by itself that tries again what failed in this one. Throws as `retryRun` does, and WRONG_STATE when the task was run
 * since.
 */
export function rerun(parts: ServiceParts, retried: RunKey, signal: AbortSignal): Promise<Run> {
  const { task, run } = retried;
  const request = create(RetryRunRequestSchema, { name: runName(retried) });
  const repeatable = repeatableRequest(RetryRunRequestSchema, request);
  const next = async ({ transaction, key, settings, nowMs }: NextRun) => {
    const name = taskName(task);
    if (key.run !== run + 1) throw new DroverError(ErrorReason.WRONG_STATE, `${name} was run since`, { metadata: { name } }); // oxfmt-ignore
    await checkRetryable(transaction, retried);
    const before = await requireRun(transaction, retried);
    const row = newRetry(key, { settings, retried: run, position: firstPosition() }, nowMs);
    row.run!.automaticRerun = before.run!.automaticRerun + 1;
    return row;
  };
  return startRun(parts, { task, repeatable, next, signal });
}

/** What a run is made of. */
interface NextRun {
  transaction: Transaction;
  key: RunKey;
  settings: TaskSettings;
  nowMs: number;
}

interface RunStart {
  task: string;
  repeatable: RepeatableRequest;
  next: (parts: NextRun) => RunRow | Promise<RunRow>;
  /** What else becomes of the task's row. @default nothing */
  change?: (row: TaskRow) => TaskRow;
  signal: AbortSignal;
}

async function startRun(
  parts: ServiceParts,
  { task, repeatable, next, change = (row) => row, signal }: RunStart,
): Promise<Run> {
  const start = (keep: boolean) =>
    parts.store.commit(async (transaction) => {
      const nowMs = parts.clock.now();
      const earlier = await repeatable.earlier(transaction, nowMs);
      if (earlier !== undefined) {
        const key = parseRunName(earlier, 'request_id');
        const row = await requireRun(transaction, key);
        return { isRepeated: true, key, row, taskRow: await requireTask(transaction, task) };
      }
      const { key, settings, taskRow } = await nextRun(transaction, task, nowMs);
      const row = await next({ transaction, key, settings, nowMs });
      row.run!.creator = currentCall().caller;
      const changed = change(taskRow);
      if (keep) {
        transaction.putRun(key, row);
        transaction.putTask(task, create(TaskRowSchema, { ...changed, latestRun: key.run }));
        repeatable.record(transaction, runName(key), nowMs);
      }
      return { isRepeated: false, key, row, taskRow };
    });
  const { destination, agentGroup } = (await requireTask(parts.store, task)).task!;
  // What can be said without an agent is said first; no commit waits for one.
  if (needsLook(destination) && !(await start(false)).isRepeated)
    await lookAt(parts, { destination, group: agentGroup }, signal);
  const { key, row, taskRow } = await start(true);
  parts.dispatcher.runChanged(key);
  parts.changes.emit({ kind: 'task', task });
  return (await runsOf(parts, taskRow))(key, row);
}

/** A run may wait for an agent, and for what heals by itself; what somebody has to put in order is said before it is stored. */
async function lookAt(
  { dispatcher, log }: ServiceParts,
  { destination, group }: { destination: string; group: string },
  signal: AbortSignal,
): Promise<void> {
  if (!servedKinds(dispatcher).has('sharepoint')) return;
  try {
    await dispatcher.checkDestination(destination, { group, signal });
  } catch (error) {
    if (!healsByItself(DroverError.from(error).reason)) throw error;
    log.info({ err: error }, 'a run is started although its destination could not be looked at');
  }
}

async function nextRun(transaction: Transaction, task: string, nowMs: number) {
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
  const settings = settingsAt(effectiveSettings(taskRow.task!.settings, global), nowMs);
  return { key, settings, taskRow };
}

/** Throws NOT_FOUND, or WRONG_STATE when there is no run that can be paused. */
export const pauseTask = (parts: ServiceParts, task: string) =>
  steer(parts, task, { kind: 'pause' });

/**
 * Throws NOT_FOUND, or WRONG_STATE when no run is paused, when the run asks what is to become of what is gone from the source and `gone`
 * does not say so, or when it says so without having been asked.
 */
export const resumeTask = (parts: ServiceParts, task: string, gone: GoneDecision) =>
  steer(parts, task, { kind: 'resume', gone });

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
  throw neverRun(task);
}

export function neverRun(task: string): DroverError {
  const name = taskName(task);
  return new DroverError(ErrorReason.WRONG_STATE, `${name} was never run; run it first`, {
    metadata: { name },
  });
}
