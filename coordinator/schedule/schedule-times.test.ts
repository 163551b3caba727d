import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { ScheduleSchema } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkSchedule } from './check-schedule.ts';
import { dueTimes, nextTime } from './schedule-times.ts';

const at = (text: string): number => Date.parse(text);
const text = (ms: number | undefined) => ms && new Date(ms).toISOString().replace(':00.000Z', 'Z');
const berlin = { timeZone: 'Europe/Berlin' };

function times(schedule: MessageInitShape<typeof ScheduleSchema>, from: string, count: number) {
  const found: (string | number | undefined)[] = [];
  let ms: number | undefined = at(from);
  while (found.length < count && ms !== undefined)
    found.push(text((ms = nextTime(create(ScheduleSchema, schedule), ms))));
  return found;
}

test('a cron expression is meant in its time zone, UTC when none is given', (t) => {
  const cron = '0 22 * * MON-FRI';
  const friday = '2026-07-31T12:00:00Z';
  t.deepEqual(times({ cron }, friday, 2), ['2026-07-31T22:00Z', '2026-08-03T22:00Z']);
  t.deepEqual(times({ cron, ...berlin }, friday, 2), ['2026-07-31T20:00Z', '2026-08-03T20:00Z']);
  t.deepEqual(times({ cron, timeZone: 'Asia/Kolkata' }, friday, 1), ['2026-07-31T16:30Z']);
  t.deepEqual(times({ cron, timeZone: 'Pacific/Auckland' }, friday, 2), [
    '2026-08-03T10:00Z',
    '2026-08-04T10:00Z',
  ]);
});

test('the next time comes after the given one, to the millisecond', (t) => {
  const cron = '0 12 * * *';
  t.deepEqual(times({ cron }, '2026-05-01T11:59:59.999Z', 1), ['2026-05-01T12:00Z']);
  t.deepEqual(times({ cron }, '2026-05-01T12:00:00.000Z', 1), ['2026-05-02T12:00Z']);
});

test('a time that the clock jumps over is the first one after the gap', (t) => {
  t.deepEqual(times({ cron: '30 2 * * *', ...berlin }, '2026-03-28T00:00:00Z', 3), [
    '2026-03-28T01:30Z',
    '2026-03-29T01:00Z',
    '2026-03-30T00:30Z',
  ]);
  t.deepEqual(times({ cron: '*/30 * * * *', ...berlin }, '2026-03-29T00:00:00Z', 3), [
    '2026-03-29T00:30Z',
    '2026-03-29T01:00Z',
    '2026-03-29T01:30Z',
  ]);
});

test('a time that comes twice counts once, and an expression without a fixed time goes on through both hours', (t) => {
  t.deepEqual(times({ cron: '30 2 * * *', ...berlin }, '2026-10-24T12:00:00Z', 2), [
    '2026-10-25T00:30Z',
    '2026-10-26T01:30Z',
  ]);
  t.deepEqual(times({ cron: '*/30 * * * *', ...berlin }, '2026-10-24T23:59:00Z', 4), [
    '2026-10-25T00:00Z',
    '2026-10-25T00:30Z',
    '2026-10-25T01:00Z',
    '2026-10-25T01:30Z',
  ]);
});

test('of the times that were missed only the latest counts', (t) => {
  const hourly = create(ScheduleSchema, { cron: '0 * * * *' });
  const due = (after: string, now: string) => {
    const { dueMs, nextMs } = dueTimes(hourly, at(after), at(now));
    return [text(dueMs), text(nextMs)];
  };
  t.deepEqual(due('2026-05-01T10:00:00Z', '2026-05-01T10:59:59Z'), [undefined, '2026-05-01T11:00Z']); // oxfmt-ignore
  t.deepEqual(due('2026-05-01T10:00:00Z', '2026-05-01T11:00:00Z'), ['2026-05-01T11:00Z', '2026-05-01T12:00Z']); // oxfmt-ignore
  t.deepEqual(due('2025-05-01T10:00:00Z', '2026-05-01T11:30:00Z'), ['2026-05-01T11:00Z', '2026-05-01T12:00Z']); // oxfmt-ignore
  t.deepEqual(due('2026-05-01T12:00:00Z', '2026-05-01T11:30:00Z'), [undefined, '2026-05-01T12:00Z']); // oxfmt-ignore
});

test('a schedule for once is due once', (t) => {
  const onceMs = at('2026-05-01T10:00:30.500Z');
  const once = create(ScheduleSchema, { onceTime: timestampFromMs(onceMs) });
  t.deepEqual(dueTimes(once, onceMs - 10, onceMs - 1), { dueMs: undefined, nextMs: onceMs });
  t.deepEqual(dueTimes(once, onceMs - 10, onceMs), { dueMs: onceMs, nextMs: undefined });
  t.deepEqual(dueTimes(once, onceMs, onceMs + 10), { dueMs: undefined, nextMs: undefined });
});

const nowMs = at('2026-05-01T12:00:00Z');
const bad: [schedule: MessageInitShape<typeof ScheduleSchema>, field: string, words: RegExp][] = [
  [{}, 's', /neither once_time nor cron/],
  [{ cron: '* * * * *', onceTime: timestampFromMs(nowMs + 1) }, 's', /both/],
  [berlin, 's', /neither/],
  [{ onceTime: timestampFromMs(nowMs) }, 's.once_time', /not in the future/],
  [{ onceTime: timestampFromMs(nowMs + 1), ...berlin }, 's.time_zone', /cron/],
  [{ cron: '* * * * * *' }, 's.cron', /seconds/],
  [{ cron: '0 0 1 1 * 2030 1' }, 's.cron', /7 parts/],
  [{ cron: '@daily' }, 's.cron', /1 part;/],
  [{ cron: '61 * * * *' }, 's.cron', /minute: 61/],
  [{ cron: 'x * * * *' }, 's.cron', /illegal/],
  [{ cron: '0 0 ? * *' }, 's.cron', /write "\*"/],
  [{ cron: '0 0 30 2 *' }, 's.cron', /never comes/],
  [{ cron: `${'0,'.repeat(100)}0 * * * *` }, 's.cron', /longer/],
  [{ cron: '* * * * *', timeZone: 'Europe/Berlim' }, 's.time_zone', /Europe\/Berlin/],
  [{ cron: '* * * * *', timeZone: '+02:00' }, 's.time_zone', /IANA/],
];

test('a schedule that cannot be kept is refused in words', (t) => {
  for (const [schedule, field, words] of bad) {
    const check = () =>
      checkSchedule(create(ScheduleSchema, schedule), 's', { nowMs, isNew: true });
    const error = t.throws(check, { instanceOf: DroverError });
    t.is(error.violations[0]?.field, field, words.source);
    t.regex(error.message, words);
  }
});

test('a schedule that was kept before is not asked again whether it still comes', (t) => {
  const past = create(ScheduleSchema, { onceTime: timestampFromMs(nowMs - 1) });
  t.notThrows(() => checkSchedule(past, 's', { nowMs, isNew: false }));
  t.notThrows(() => checkSchedule(undefined, 's', { nowMs, isNew: true }));
});
