// Whether a schedule can be kept. PURE.
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Schedule } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { nextTime, parseCron } from './schedule-times.ts';

const cronLengthMax = 200;
const timeZoneLengthMax = 64;
const example = 'such as "0 22 * * MON-FRI"';

/**
 * Throws INVALID_ARGUMENT that names the value below `field` that cannot be used. A schedule that is as it was before is not asked again
 * whether its time is still to come.
 */
export function checkSchedule(
  schedule: Schedule | undefined,
  field: string,
  { nowMs, isNew }: { nowMs: number; isNew: boolean },
): void {
  if (schedule === undefined) return;
  const { onceTime, cron, timeZone } = schedule;
  if (onceTime !== undefined && cron !== '')
    throw DroverError.invalid(field, 'has both once_time and cron; give one and clear the other');
  if (onceTime === undefined && cron === '')
    throw DroverError.invalid(
      field,
      'has neither once_time nor cron; give one, or clear the whole schedule',
    );
  if (onceTime !== undefined) {
    if (timeZone !== '')
      throw DroverError.invalid(
        `${field}.time_zone`,
        'belongs to a cron expression; once_time says itself what it is meant in',
      );
    if (isNew && timestampMs(onceTime) <= nowMs)
      throw DroverError.invalid(`${field}.once_time`, 'is not in the future');
    return;
  }
  checkTimeZone(timeZone, `${field}.time_zone`);
  checkCron(schedule, `${field}.cron`);
  if (isNew && nextTime(schedule, nowMs) === undefined)
    throw DroverError.invalid(`${field}.cron`, `"${cron}" never comes`);
}

function checkTimeZone(timeZone: string, field: string): void {
  if (timeZone === '') return;
  try {
    // An offset such as +02:00 is taken too, and would be wrong for half of the year.
    if (timeZone.length > timeZoneLengthMax || !/^[A-Za-z]/.test(timeZone))
      throw new RangeError('not a name');
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (cause) {
    throw DroverError.invalid(
      field,
      `"${timeZone}" is no time zone that is known; give an IANA name such as Europe/Berlin`,
      cause,
    );
  }
}

function checkCron(schedule: Schedule, field: string): void {
  const { cron } = schedule;
  if (cron.length > cronLengthMax)
    throw DroverError.invalid(field, `is longer than ${cronLengthMax} characters`);
  const parts = cron.trim().split(/\s+/).length;
  if (parts !== 5)
    throw DroverError.invalid(
      field,
      `"${cron}" has ${parts === 1 ? '1 part' : `${parts} parts`}${parts === 6 ? ', and seconds cannot be given' : ''}; it has five: minute, hour, day of month, month and day of week, ${example}`,
    );
  try {
    // What it stands for would depend on when it is read.
    if (cron.includes('?')) throw new TypeError('"?" cannot be used; write "*"');
    parseCron(schedule);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : '';
    throw DroverError.invalid(
      field,
      `"${cron}" is no cron expression ${example}: ${detail}`,
      cause,
    );
  }
}
