import type { MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { randomUUID } from 'node:crypto';
import { RunService, RunState } from '../../gen/drover/v1/run_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import {
  TaskService,
  TaskState,
  type CreateTaskRequestSchema,
} from '../../gen/drover/v1/task_pb.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const task = { source: '/srv/a', destination: 'file:///srv/b' };

test('a task is created, shown, changed and deleted', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService, { protocol: 'connect' });
  const created = await tasks.createTask({ task: { ...task, displayName: 'One' }, taskId: 'one' });
  t.is(created.task!.name, 'tasks/one');
  t.is(created.task!.state, TaskState.READY);
  const name = 'tasks/one';
  t.deepEqual((await tasks.getTask({ name })).task, created.task);
  const { etag } = created.task!;
  const changed = await tasks.updateTask({ task: { name, etag, displayName: 'Two' } });
  t.is(changed.task!.displayName, 'Two');
  t.not(changed.task!.etag, etag);
  t.is(changed.task!.uid, created.task!.uid);
  const stale = await refusalOf(tasks.updateTask({ task: { name, etag, displayName: 'Three' } }));
  t.deepEqual([stale.code, stale.reasons], ['Aborted', ['ETAG_MISMATCH']]);
  t.deepEqual((await refusalOf(tasks.deleteTask({ name, etag }))).reasons, ['ETAG_MISMATCH']);
  await tasks.deleteTask({ name, etag: changed.task!.etag });
  t.deepEqual((await refusalOf(tasks.getTask({ name }))).reasons, ['NOT_FOUND']);
  t.deepEqual((await refusalOf(tasks.deleteTask({ name }))).reasons, ['NOT_FOUND']);
});

test('a task has a group and a priority, which can be changed and cleared', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  const name = 'tasks/a';
  const created = await tasks.createTask({ task: { ...task, agentGroup: 'berlin' }, taskId: 'a' });
  t.deepEqual([created.task!.agentGroup, created.task!.priority], ['berlin', 5]);
  const update = async (change: { agentGroup?: string; priority?: number }, ...paths: string[]) => {
    const answer = await tasks.updateTask({ task: { name, ...change }, updateMask: { paths } });
    return [answer.task!.agentGroup, answer.task!.priority];
  };
  t.deepEqual(await update({ agentGroup: 'x', priority: 9 }, 'priority'), ['berlin', 9]);
  t.deepEqual(await update({ agentGroup: 'paris.1_a-b' }), ['paris.1_a-b', 9]);
  t.deepEqual(await update({}, 'agent_group', 'priority'), ['', 5]);
  t.deepEqual((await refusalOf(update({ priority: 99 }))).fields, ['task.priority']);
});

test('an id is made when none is given, and none is taken twice', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  t.regex((await tasks.createTask({ task })).task!.name, /^tasks\/t-[a-z2-7]{8}$/);
  await tasks.createTask({ task, taskId: 'a' });
  const again = await refusalOf(tasks.createTask({ task, taskId: 'a' }));
  t.deepEqual([again.code, again.reasons], ['AlreadyExists', ['ALREADY_EXISTS']]);
});

test('validation alone creates nothing', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  const requestId = randomUUID();
  const request = { task, taskId: 'a', requestId, validateOnly: true };
  t.is((await tasks.createTask(request)).task!.name, 'tasks/a');
  t.deepEqual((await tasks.listTasks({})).tasks, []);
  await tasks.createTask({ ...request, validateOnly: false });
  t.is((await tasks.listTasks({})).tasks.length, 1);
});

test('a request that is repeated is done once', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  const request = { task, requestId: randomUUID() };
  const answers = await Promise.all([tasks.createTask(request), tasks.createTask(request)]);
  t.is(answers[0].task!.name, answers[1].task!.name);
  await tasks.updateTask({ task: { name: answers[0].task!.name, displayName: 'now' } });
  t.is((await tasks.createTask(request)).task!.displayName, 'now');
  t.is((await tasks.listTasks({})).tasks.length, 1);
  const other = { ...request, task: { ...task, source: '/srv/c' } };
  t.deepEqual((await refusalOf(tasks.createTask(other))).fields, ['request_id']);
  const { name } = answers[0].task!;
  const asRun = tasks.runTask({ name, requestId: request.requestId });
  t.deepEqual((await refusalOf(asRun)).fields, ['request_id']);
});

type CreateInit = MessageInitShape<typeof CreateTaskRequestSchema>;

const bad: [name: string, request: CreateInit, reason: string, fields: string[]][] = [
  ['no task', {}, 'INVALID_ARGUMENT', ['task']],
  ['no source', { task: { destination: '/b' } }, 'INVALID_ARGUMENT', ['task.source']],
  ['no destination', { task: { source: '/b' } }, 'INVALID_ARGUMENT', ['task.destination']],
  ['a relative path', { task: { ...task, source: 'a/b' } }, 'INVALID_ARGUMENT', ['task.source']],
  [
    'another scheme',
    { task: { ...task, destination: 'ftp://x/y' } },
    'INVALID_ARGUMENT',
    ['task.destination'],
  ],
  [
    'SharePoint as destination',
    { task: { ...task, destination: 'https://x.sharepoint.com/sites/y' } },
    'DESTINATION_UNSUPPORTED',
    ['task.destination'],
  ],
  [
    'SharePoint as source',
    { task: { ...task, source: 'https://x.sharepoint.com/sites/y' } },
    'SOURCE_UNSUPPORTED',
    [],
  ],
  [
    'a share that no agent serves',
    { task: { ...task, source: '\\\\server\\share' } },
    'SOURCE_UNSUPPORTED',
    [],
  ],
  [
    'a destination in the source',
    { task: { source: '/srv/a', destination: 'file:///srv/a/b' } },
    'LOCATIONS_OVERLAP',
    ['task.destination'],
  ],
  [
    'a source in the destination',
    { task: { source: '/srv/a/b/../c', destination: '/srv/a' } },
    'LOCATIONS_OVERLAP',
    ['task.destination'],
  ],
  ['a bad id', { task, taskId: 'No' }, 'INVALID_ARGUMENT', ['task_id']],
  ['an id that is too long', { task, taskId: 'a'.repeat(64) }, 'INVALID_ARGUMENT', ['task_id']],
  ['a request id that is none', { task, requestId: 'x' }, 'INVALID_ARGUMENT', ['request_id']],
  [
    'a long title',
    { task: { ...task, displayName: 'x'.repeat(201) } },
    'INVALID_ARGUMENT',
    ['task.display_name'],
  ],
  [
    'a title with a newline',
    { task: { ...task, displayName: 'a\nb' } },
    'INVALID_ARGUMENT',
    ['task.display_name'],
  ],
  [
    'a group that cannot be',
    { task: { ...task, agentGroup: 'my group' } },
    'INVALID_ARGUMENT',
    ['task.agent_group'],
  ],
  [
    'a group with a long name',
    { task: { ...task, agentGroup: 'g'.repeat(64) } },
    'INVALID_ARGUMENT',
    ['task.agent_group'],
  ],
  [
    'a priority that is too high',
    { task: { ...task, priority: 10 } },
    'INVALID_ARGUMENT',
    ['task.priority'],
  ],
  [
    'a schedule with seconds',
    { task: { ...task, schedule: { cron: '* * * * * *' } } },
    'INVALID_ARGUMENT',
    ['task.schedule.cron'],
  ],
  [
    'a schedule of the past',
    { task: { ...task, schedule: { onceTime: { seconds: 1n } } } },
    'INVALID_ARGUMENT',
    ['task.schedule.once_time'],
  ],
  [
    'a schedule without a time',
    { task: { ...task, schedule: {} } },
    'INVALID_ARGUMENT',
    ['task.schedule'],
  ],
  [
    'settings that cannot be',
    { task: { ...task, settings: { maxAttempts: 99 } } },
    'INVALID_ARGUMENT',
    ['task.settings.max_attempts'],
  ],
];

test('a task that cannot work is refused, and nothing is kept of it', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  for (const [name, request, reason, fields] of bad) {
    const refusal = await refusalOf(tasks.createTask(request));
    t.deepEqual([refusal.reasons, refusal.fields], [[reason], fields], name);
  }
  t.deepEqual((await tasks.listTasks({})).tasks, []);
});

test('tasks are listed by pages and filters', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  for (let index = 0; index < 7; index += 1)
    await tasks.createTask({
      task: { ...task, displayName: `n${index % 2}` },
      taskId: `t${index}`,
    });
  const names: string[][] = [];
  let pageToken = '';
  do {
    const page = await tasks.listTasks({ pageSize: 3, pageToken });
    names.push(page.tasks.map(({ name }) => name.slice('tasks/'.length)));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  t.deepEqual(names, [['t0', 't1', 't2'], ['t3', 't4', 't5'], ['t6']]);
  const filter = 'display_name:n1 AND state:READY';
  const first = await tasks.listTasks({ filter, pageSize: 2 });
  t.deepEqual(
    first.tasks.map(({ name }) => name),
    ['tasks/t1', 'tasks/t3'],
  );
  const rest = await tasks.listTasks({ filter, pageSize: 2, pageToken: first.nextPageToken });
  t.deepEqual(
    rest.tasks.map(({ name }) => name),
    ['tasks/t5'],
  );
  const token = first.nextPageToken;
  t.deepEqual((await refusalOf(tasks.listTasks({ pageToken: token }))).fields, ['page_token']);
  t.deepEqual((await refusalOf(tasks.listTasks({ pageSize: -1 }))).fields, ['page_size']);
  t.deepEqual((await refusalOf(tasks.listTasks({ filter: 'x' }))).fields, ['filter']);
});

test('a run is started once, steered, and ends with its task', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService);
  const name = 'tasks/a';
  await tasks.createTask({ task: { ...task, settings: { maxAttempts: 5 } }, taskId: 'a' });
  for (const call of [
    tasks.pauseTask({ name }),
    tasks.resumeTask({ name }),
    tasks.cancelTask({ name }),
  ])
    t.deepEqual((await refusalOf(call)).reasons, ['WRONG_STATE']);
  await client(SettingsService).updateSettings({
    settings: { defaults: { excludeExtensions: { values: ['.TMP'] } } },
  });
  const request = { name, requestId: randomUUID() };
  const { run } = await tasks.runTask(request);
  t.is(run!.name, 'tasks/a/runs/1');
  t.is(run!.state, RunState.QUEUED);
  t.is(run!.settings!.maxAttempts, 5);
  t.is(run!.settings!.migrateHiddenItems, true);
  t.deepEqual(run!.settings!.excludeExtensions!.values, ['tmp']);
  t.is((await tasks.runTask(request)).run!.name, run!.name);
  t.deepEqual((await refusalOf(tasks.runTask({ name }))).reasons, ['WRONG_STATE']);
  t.deepEqual((await refusalOf(tasks.deleteTask({ name }))).reasons, ['WRONG_STATE']);
  t.is((await tasks.pauseTask({ name })).task!.state, TaskState.PAUSED);
  t.deepEqual((await refusalOf(tasks.pauseTask({ name }))).reasons, ['WRONG_STATE']);
  t.is((await tasks.resumeTask({ name })).task!.state, TaskState.QUEUED);
  await tasks.cancelTask({ name });
  const states: TaskState[] = [];
  for await (const { task } of tasks.watchTask({ name })) states.push(task!.state);
  t.is(states.at(-1), TaskState.CANCELLED);
  t.is((await tasks.runTask({ name, scanOnly: true })).run!.name, 'tasks/a/runs/2');
  const runs = client(RunService);
  const page = await runs.listRuns({ parent: name, pageSize: 1 });
  t.is(page.runs[0]!.state, RunState.CANCELLED);
  const next = await runs.listRuns({ parent: name, pageSize: 1, pageToken: page.nextPageToken });
  t.true(next.runs[0]!.scanOnly);
  t.is(next.nextPageToken, '');
  t.is(
    (await runs.getRun({ name: 'tasks/a/runs/2' })).run!.waitingFor,
    'an agent: none is attached',
  );
  await tasks.cancelTask({ name });
  for await (const _ of tasks.watchTask({ name }));
  await tasks.deleteTask({ name });
  t.deepEqual((await refusalOf(runs.getRun({ name: 'tasks/a/runs/1' }))).reasons, ['NOT_FOUND']);
  t.deepEqual((await refusalOf(runs.listRuns({ parent: name }))).reasons, ['NOT_FOUND']);
});

test('names that are none are refused by their field', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService);
  const runs = client(RunService);
  for (const name of ['', 'a', 'tasks/', 'tasks/A', 'tasks/a/b', 'agents/a', 'tasks/../a'])
    t.deepEqual((await refusalOf(tasks.getTask({ name }))).fields, ['name'], name);
  for (const name of ['', 'tasks/a', 'tasks/a/runs/0', 'tasks/a/runs/x', 'tasks/a/runs/1/x'])
    t.deepEqual((await refusalOf(runs.getRun({ name }))).fields, ['name'], name);
});
