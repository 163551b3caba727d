// What a task's row keeps of its schedule. PURE.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { TaskRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { SkippedRunSchema, TaskSchema, type SkippedRun } from '../../gen/drover/v1/task_pb.ts';
import { dueTimes, lateMsMax, nextTime, type DueTimes } from './schedule-times.ts';

/** What is to be done about a task now. */
export type Verdict =
  | { kind: 'none' }
  /** To be run: it was due at `dueMs`. */
  | { kind: 'run'; dueMs: number }
  /** It was due at `dueMs`, which is too long ago. */
  | { kind: 'late'; dueMs: number };

/** Looks at what became due since the schedule was last looked at. */
export function judge(row: TaskRow, nowMs: number): Verdict {
  const { dueMs } = timesOf(row, nowMs);
  if (dueMs === undefined) return { kind: 'none' };
  return { kind: nowMs - dueMs > lateMsMax ? 'late' : 'run', dueMs };
}

/** The row of a task whose schedule was set, changed or cleared: what was due before is not asked any more. */
export function restarted(row: TaskRow, nowMs: number): TaskRow {
  const { schedule } = row.task!;
  if (schedule === undefined) return withTimes(row, undefined, undefined);
  return withTimes(row, nowMs, nextTime(schedule, nowMs));
}

/** The row once everything that was due up to now is done with; `skipped` says of the latest that it was not run. */
export function movedOn(row: TaskRow, nowMs: number, skipped?: SkippedRun): TaskRow {
  const moved = withTimes(row, nowMs, timesOf(row, nowMs).nextMs);
  if (skipped !== undefined) moved.task!.skippedRun = skipped;
  return moved;
}

export function skippedRun(dueMs: number, message: string): SkippedRun {
  return create(SkippedRunSchema, { dueTime: timestampFromMs(dueMs), message });
}

/** When the task is to be run by itself next; undefined when that will not be. */
export function nextRunMs({ task }: TaskRow): number | undefined {
  return toMs(task!.nextRunTime);
}

function timesOf({ task, scheduleTime }: TaskRow, nowMs: number): DueTimes {
  if (task!.schedule === undefined) return { dueMs: undefined, nextMs: undefined };
  return dueTimes(task!.schedule, toMs(scheduleTime) ?? nowMs, nowMs);
}

function withTimes(row: TaskRow, lookedAtMs: number | undefined, nextMs: number | undefined) {
  const task = create(TaskSchema, { ...row.task! });
  if (nextMs === undefined) delete task.nextRunTime;
  else task.nextRunTime = timestampFromMs(nextMs);
  const changed = create(TaskRowSchema, { ...row, task });
  if (lookedAtMs === undefined) delete changed.scheduleTime;
  else changed.scheduleTime = timestampFromMs(lookedAtMs);
  return changed;
}

function toMs(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : timestampMs(time);
}
