// SharePoint destinations: an agent looks at them before anything is stored.
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { randomUUID } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RunService, RunState } from '../../gen/drover/v1/run_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { reasonName } from '../../lib/error.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { refusalOf } from './testing/refusal.ts';
import { attachLooking as attach } from './testing/looking-agent.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const destination = 'https://contoso.sharepoint.com/sites/hr/Shared Documents';
const task = { source: '/srv/a', destination };
test('a task is created when an agent can write to its destination', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  const request = { task, taskId: 'a', requestId: randomUUID() };
  await tasks.createTask({ ...request, requestId: '', validateOnly: true });
  t.deepEqual((await tasks.listTasks({})).tasks, []);
  t.is((await tasks.createTask(request)).task!.name, 'tasks/a');
  t.is((await tasks.createTask({ task: { ...task, destination: 'ann@contoso.com' }, taskId: 'b' })).task!.name, 'tasks/b'); // oxfmt-ignore
  t.deepEqual(agent.asked, [destination, destination, 'ann@contoso.com']);
  t.is((await tasks.createTask(request)).task!.name, 'tasks/a', 'a request that is repeated');
  t.deepEqual((await refusalOf(tasks.createTask({ task, taskId: 'a' }))).reasons, ['ALREADY_EXISTS']); // oxfmt-ignore
  await refusalOf(tasks.createTask({ task: { ...task, settings: { maxAttempts: 99 } } }));
  t.is(agent.asked.length, 3, 'what is known without an agent needs no look');
});

test('a task whose destination cannot be used is refused in the words of the agent, and nothing is kept of it', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  const verdicts = [
    [ErrorReason.DESTINATION_NOT_FOUND, 'NotFound'],
    [ErrorReason.DESTINATION_ACCESS_DENIED, 'PermissionDenied'],
    [ErrorReason.SIGN_IN_FAILED, 'FailedPrecondition'],
    [ErrorReason.DESTINATION_BUSY, 'Unavailable'],
  ] as const;
  for (const [reason, code] of verdicts)
    for (const validateOnly of [false, true]) {
      agent.verdict = { reason, message: `tried, and got ${reason}` };
      const refusal = await refusalOf(tasks.createTask({ task, taskId: 'a', validateOnly }));
      t.is(refusal.code, code);
      t.deepEqual(refusal.reasons, [reasonName(reason)]);
      t.deepEqual(refusal.fields, ['task.destination']);
      t.true(refusal.message.includes(`${agent.name} cannot use it: tried, and got ${reason}`));
    }
  t.deepEqual((await tasks.listTasks({})).tasks, []);
});

test('without the check a task is made before an agent is connected, and its run asks', async (t) => {
  const running = await runCoordinator(t);
  const tasks = running.client(TaskService);
  for (const given of [task, { ...task, source: String.raw`\\server\share` }]) {
    const refused = await refusalOf(tasks.createTask({ task: given }));
    t.regex(refused.message, /\(check_locations\)/);
    const made = (await tasks.createTask({ task: given, checkLocations: false })).task!;
    t.is(made.destination, destination);
  }
  const wrong = { task: { ...task, source: destination }, checkLocations: false };
  t.deepEqual((await refusalOf(tasks.createTask(wrong))).reasons, ['SOURCE_UNSUPPORTED']);
  const agent = await attach(t, running);
  const { name } = (await tasks.listTasks({})).tasks[0]!;
  agent.verdict = { reason: ErrorReason.DESTINATION_NOT_FOUND, message: 'it is not there' };
  t.deepEqual((await refusalOf(tasks.runTask({ name }))).reasons, ['DESTINATION_NOT_FOUND']);
});

test('a task is refused when the only agent with a sign-in goes away', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  agent.verdict = undefined;
  const tasks = running.client(TaskService);
  const refused = refusalOf(tasks.createTask({ task, taskId: 'a' }));
  while (agent.asked.length === 0) await new Promise(setImmediate);
  await agent.leave();
  t.deepEqual((await refused).reasons, ['UNAVAILABLE']);
  const without = await refusalOf(tasks.createTask({ task, taskId: 'a' }));
  t.deepEqual(without.reasons, ['DESTINATION_UNSUPPORTED']);
  t.regex(without.message, /--tenant/);
  t.deepEqual((await tasks.listTasks({})).tasks, []);
});

test('reading from SharePoint is refused also when an agent has a sign-in', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  for (const source of [destination, 'ann@contoso.com']) {
    const refusal = await refusalOf(tasks.createTask({ task: { source, destination: '/srv/b' } }));
    t.deepEqual(refusal.reasons, ['SOURCE_UNSUPPORTED']);
    t.regex(refusal.message, /reading from SharePoint and OneDrive is not built yet/);
  }
  t.deepEqual(agent.asked, []);
});

test('a run that is due and whose destination cannot be used is skipped, and the task says why', async (t) => {
  const clock = new ManualClock(Date.now() - 3_600_000);
  const running = await runCoordinator(t, undefined, clock);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  const onceTime = timestampFromMs(clock.now() + 1000);
  await tasks.createTask({ task: { ...task, schedule: { onceTime } }, taskId: 'a' });
  agent.verdict = { reason: ErrorReason.DESTINATION_ACCESS_DENIED, message: 'no right to write' };
  clock.advance(1000);
  for (;;) {
    const { skippedRun, nextRunTime, latestRun } = (await tasks.getTask({ name: 'tasks/a' })).task!;
    if (skippedRun === undefined) continue;
    t.deepEqual(skippedRun.dueTime, onceTime);
    t.regex(skippedRun.message, /no right to write/);
    t.deepEqual([nextRunTime, latestRun], [undefined, '']);
    return;
  }
});

test('a run is refused for what somebody has to put in order, and waits for what heals by itself', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  await tasks.createTask({ task, taskId: 'a' });
  await tasks.createTask({ task, taskId: 'b' });
  for (const reason of [ErrorReason.SIGN_IN_FAILED, ErrorReason.DESTINATION_READ_ONLY]) {
    agent.verdict = { reason, message: 'as it is' };
    const refusal = await refusalOf(tasks.runTask({ name: 'tasks/a' }));
    t.deepEqual(refusal.reasons, [reasonName(reason)]);
    t.true(refusal.message.includes('as it is'));
  }
  const runs = running.client(RunService);
  t.deepEqual((await runs.listRuns({ parent: 'tasks/a' })).runs, []);
  const passing = [
    ['tasks/a', ErrorReason.SIGN_IN_UNREACHABLE],
    ['tasks/b', ErrorReason.DESTINATION_BUSY],
  ] as const;
  for (const [name, reason] of passing) {
    agent.verdict = { reason, message: 'later' };
    const looks = agent.asked.length;
    t.is((await tasks.runTask({ name })).run!.name, `${name}/runs/1`);
    t.is(agent.asked.length, looks + 1);
    t.deepEqual((await refusalOf(tasks.runTask({ name }))).reasons, ['WRONG_STATE']);
    t.is(agent.asked.length, looks + 1, 'a run that cannot be started needs no look');
  }
});

test('a run waits for an agent with a sign-in, and a request that is repeated starts one', async (t) => {
  const running = await runCoordinator(t);
  const agent = await attach(t, running);
  const tasks = running.client(TaskService);
  const name = 'tasks/a';
  await tasks.createTask({ task, taskId: 'a' });
  await agent.leave();
  const request = { name, requestId: randomUUID() };
  const { run } = await tasks.runTask(request);
  t.is(run!.state, RunState.QUEUED);
  t.is((await tasks.runTask(request)).run!.name, run!.name);
  const waiting = await running.client(RunService).getRun({ name: run!.name });
  t.is(waiting.run!.waitingFor, 'an agent: none is attached');
  t.deepEqual((await refusalOf(tasks.runTask({ name: 'tasks/b' }))).reasons, ['NOT_FOUND']);
});
