// When a schedule is due. PURE: the times are arguments, and the rules of time zones are those of the running Node.
//
// Where a clock is put forward, a fixed time that does not exist that day (02:30 in Berlin on the last Sunday of March) is the first moment
// after the gap. Where it is put back, a fixed time that comes twice counts once, the first time; an expression such as "*/30 * * * *"
// counts on through both hours.
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Cron } from 'croner';
import type { Schedule } from '../../gen/drover/v1/task_pb.ts';

/** A task that was due longer ago than this, because nobody was there to start it, is not run late: it waits for its next time. */
export const lateMsMax = 60 * 60 * 1000;

const timeZoneDefault = 'UTC';

/** What has become due of a schedule. */
export interface DueTimes {
  /** The latest time at which it was due, up to now; undefined when there was none. */
  dueMs: number | undefined;
  /** The first time after now; undefined when there is none any more. */
  nextMs: number | undefined;
}

/** What was due after `afterMs` and up to `nowMs`, and what is due next. The schedule is a good one. */
export function dueTimes(schedule: Schedule, afterMs: number, nowMs: number): DueTimes {
  const nextMs = nextTime(schedule, nowMs);
  const first = nextTime(schedule, afterMs);
  if (first === undefined || first > nowMs) return { dueMs: undefined, nextMs };
  return { dueMs: schedule.cron === '' ? first : latestTime(schedule, nowMs), nextMs };
}

/** The first time after `afterMs` at which the schedule is due; undefined when there is none. */
export function nextTime(schedule: Schedule, afterMs: number): number | undefined {
  if (schedule.cron !== '') return parseCron(schedule).nextRun(new Date(afterMs))?.getTime();
  if (schedule.onceTime === undefined) return undefined;
  const onceMs = timestampMs(schedule.onceTime);
  return onceMs > afterMs ? onceMs : undefined;
}

/** Throws a TypeError or a RangeError with what is wrong with the expression; the time zone is a good one. */
export function parseCron({ cron, timeZone }: Pick<Schedule, 'cron' | 'timeZone'>): Cron {
  return new Cron(cron, {
    paused: true,
    mode: '5-part',
    timezone: timeZone === '' ? timeZoneDefault : timeZone,
  });
}

/** The last time up to `nowMs`, which there is. */
function latestTime(schedule: Schedule, nowMs: number): number | undefined {
  // What is asked for is before the given time, to the second.
  const [latest] = parseCron(schedule).previousRuns(1, new Date(nowMs + 1));
  return latest?.getTime();
}
