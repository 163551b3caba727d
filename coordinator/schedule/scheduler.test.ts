import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import test, { type ExecutionContext } from 'ava';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import { ScheduleSchema, TaskService, TaskState, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { refusalOf } from '../rpc/testing/refusal.ts';
import { runCoordinator, temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { openLevelStore } from '../store/level-store.ts';
import { nextRunMs, restarted } from './schedule-row.ts';
import { openScheduler } from './scheduler.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const name = 'tasks/a';
const places = { source: '/srv/a', destination: 'file:///srv/b' };

/** A coordinator whose clock stands at the beginning of an hour, some days ago: what it signs later must be good for a client already. */
async function open(t: ExecutionContext, dataFolder = temporaryFolder(t), at?: ManualClock) {
  const clock = at ?? new ManualClock((Math.floor(Date.now() / hourMs) - 72) * hourMs);
  const running = await runCoordinator(t, dataFolder, clock);
  const tasks = running.client(TaskService);
  const get = async () => (await tasks.getTask({ name })).task!;
  const until = async (wanted: (task: Task) => boolean): Promise<Task> => {
    for (let tries = 0; tries < 2000; tries += 1) {
      const task = await get();
      if (wanted(task)) return task;
      await setImmediate();
    }
    throw new Error('it does not happen');
  };
  const cancel = async () => {
    await tasks.cancelTask({ name });
    await until(({ state }) => state === TaskState.CANCELLED);
  };
  return { ...running, dataFolder, clock, tasks, get, until, cancel, startMs: clock.now() };
}

const nextMs = ({ nextRunTime }: Task) => nextRunTime && timestampMs(nextRunTime);

test('a task is run whenever its schedule says, and says when it will be next', async (t) => {
  const { clock, tasks, get, until, cancel, startMs } = await open(t);
  const schedule = { cron: '*/10 * * * *' };
  const { task } = await tasks.createTask({ task: { ...places, schedule }, taskId: 'a' });
  t.is(nextMs(task!), startMs + 10 * minuteMs);
  clock.advance(9 * minuteMs);
  t.is((await get()).latestRun, '');
  clock.advance(minuteMs);
  const first = await until(({ latestRun }) => latestRun !== '');
  t.is(first.latestRun, 'tasks/a/runs/1');
  t.is(nextMs(first), startMs + 20 * minuteMs);
  t.is(first.etag, task!.etag);
  await cancel();
  clock.advance(10 * minuteMs);
  t.is(nextMs(await until(({ latestRun }) => latestRun.endsWith('/2'))), startMs + 30 * minuteMs);
});

test('a run that is still going is not doubled, also while it is paused', async (t) => {
  const { clock, client, tasks, until, startMs } = await open(t);
  const schedule = { cron: '0 * * * *' };
  await tasks.createTask({ task: { ...places, schedule }, taskId: 'a' });
  await tasks.runTask({ name });
  clock.advance(hourMs);
  const skipped = await until(({ skippedRun }) => skippedRun !== undefined);
  t.is(timestampMs(skipped.skippedRun!.dueTime!), startMs + hourMs);
  t.is(skipped.skippedRun!.message, 'tasks/a/runs/1 had not ended');
  t.is(nextMs(skipped), startMs + 2 * hourMs);
  await tasks.pauseTask({ name });
  clock.advance(hourMs);
  await until((task) => timestampMs(task.skippedRun!.dueTime!) === startMs + 2 * hourMs);
  t.is((await client(RunService).listRuns({ parent: name })).runs.length, 1);
});

test('a schedule for once is done once', async (t) => {
  const { clock, tasks, get, until, cancel, startMs } = await open(t);
  const schedule = { onceTime: timestampFromMs(startMs + 90_500) };
  await tasks.createTask({ task: { ...places, schedule }, taskId: 'a' });
  clock.advance(minuteMs);
  clock.advance(30_500);
  const ran = await until(({ latestRun }) => latestRun !== '');
  t.is(ran.nextRunTime, undefined);
  t.deepEqual(ran.schedule!.onceTime, schedule.onceTime);
  await cancel();
  await tasks.updateTask({ task: { name, displayName: 'Done' } });
  clock.advance(24 * hourMs);
  t.is((await get()).latestRun, 'tasks/a/runs/1');
});

test('a schedule is changed and cleared, field by field or whole', async (t) => {
  const { clock, tasks, get, startMs } = await open(t);
  await tasks.createTask({ task: places, taskId: 'a' });
  const update = async (schedule: Task['schedule'] | object, ...paths: string[]) => {
    const task = { name, ...(schedule === undefined ? {} : { schedule }) };
    return (await tasks.updateTask({ task, updateMask: { paths } })).task!;
  };
  const set = await update({ cron: '0 * * * *' }, 'schedule.cron');
  t.is(nextMs(set), startMs + hourMs);
  const moved = await update({ cron: '30 * * * *', timeZone: 'Asia/Kolkata' }, 'schedule');
  t.is(nextMs(moved), startMs + hourMs);
  t.is(moved.schedule!.timeZone, 'Asia/Kolkata');
  t.is((await update({}, 'schedule.time_zone')).schedule!.timeZone, '');
  const cleared = await update({}, 'schedule.cron');
  t.is(cleared.schedule, undefined);
  t.is(cleared.nextRunTime, undefined);
  await update({ cron: '0 * * * *' }, 'schedule');
  t.is((await update(undefined, 'schedule')).schedule, undefined);
  clock.advance(3 * hourMs);
  t.is((await get()).latestRun, '');
  const zoneAlone = update({ timeZone: 'UTC' }, 'schedule.time_zone');
  t.deepEqual((await refusalOf(zoneAlone)).fields, ['task.schedule']);
  t.deepEqual((await refusalOf(update({}, 'next_run_time'))).fields, ['update_mask']);
});

test('what was missed less than an hour ago is run at the start, once, and what is older is skipped', async (t) => {
  const first = await open(t);
  const { clock, dataFolder, startMs } = first;
  const schedule = { cron: '0 * * * *' };
  await first.tasks.createTask({ task: { ...places, schedule }, taskId: 'a' });
  const daily = { cron: '0 0 * * *', timeZone: 'UTC' };
  await first.tasks.createTask({ task: { ...places, schedule: daily }, taskId: 'b' });
  const { nextRunTime } = (await first.tasks.getTask({ name: 'tasks/b' })).task!;
  await first.coordinator.close();
  clock.advance(timestampMs(nextRunTime!) - startMs + 5.5 * hourMs);
  const second = await open(t, dataFolder, clock);
  const ran = await second.until(({ latestRun }) => latestRun !== '');
  t.is(ran.skippedRun, undefined);
  t.is(nextMs(ran), Math.floor(clock.now() / hourMs) * hourMs + hourMs);
  let late = (await second.tasks.getTask({ name: 'tasks/b' })).task!;
  while (late.skippedRun === undefined)
    late = (await second.tasks.getTask({ name: 'tasks/b' })).task!;
  t.is(timestampMs(late.skippedRun.dueTime!), timestampMs(nextRunTime!));
  t.regex(late.skippedRun.message, /no coordinator was running/);
  t.is(late.latestRun, '');
  await second.coordinator.close();
  const third = await open(t, dataFolder, clock);
  t.is((await third.get()).latestRun, 'tasks/a/runs/1');
  t.is((await third.tasks.getTask({ name: 'tasks/b' })).task!.latestRun, '');
});

test('a run that cannot be started for a reason that passes is tried again in a minute', async (t) => {
  await using store = await openLevelStore(path.join(temporaryFolder(t), 'store'));
  const clock = new ManualClock();
  const nowMs = clock.now();
  const schedule = create(ScheduleSchema, { cron: '0 * * * *' });
  const row = restarted(create(TaskRowSchema, { task: { name, schedule } }), nowMs);
  await store.commit((transaction) => transaction.putTask('a', row));
  const dueMs = nextRunMs(row)!;
  const tries: number[] = [];
  const scheduler = await openScheduler({
    store,
    clock,
    log: createLog('test', 'silent'),
    startRun: async () => {
      tries.push(clock.now() - dueMs);
      throw new DroverError(ErrorReason.UNAVAILABLE, 'the disk is full');
    },
    onChange: () => t.fail('nothing was changed'),
  });
  const settled = async () => {
    // A firing reads the store, and what it throws sets the next timer.
    while (clock.timers === 0) await setImmediate();
  };
  clock.advance(dueMs - nowMs);
  await settled();
  clock.advance(minuteMs - 1);
  t.deepEqual(tries, [0]);
  clock.advance(1);
  await settled();
  t.deepEqual(tries, [0, minuteMs]);
  await scheduler.close();
  t.is(clock.timers, 0);
});

test('a task that is deleted is run no more', async (t) => {
  const { clock, tasks, client } = await open(t);
  const schedule = { cron: '*/5 * * * *' };
  await tasks.createTask({ task: { ...places, schedule }, taskId: 'a' });
  await tasks.deleteTask({ name });
  clock.advance(hourMs);
  t.deepEqual((await refusalOf(client(RunService).listRuns({ parent: name }))).reasons, [
    'NOT_FOUND',
  ]);
});

test('many tasks that are due at once are all run', async (t) => {
  const { clock, tasks } = await open(t);
  const schedule = { cron: '0 * * * *' };
  for (let index = 0; index < 30; index += 1)
    await tasks.createTask({ task: { ...places, schedule }, taskId: `t${index}` });
  clock.advance(hourMs);
  for (let ran = 0; ran < 30;) {
    const { tasks: all } = await tasks.listTasks({});
    ran = all.filter(({ latestRun }) => latestRun !== '').length;
  }
  t.pass();
});
