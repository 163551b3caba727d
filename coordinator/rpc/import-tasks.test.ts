// Files of tasks over a real server: all or nothing, every problem with its place, in one commit with one entry in the audit log.
import test, { type ExecutionContext } from 'ava';
import { randomUUID } from 'node:crypto';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { TaskFileFormat, TaskService, TaskState } from '../../gen/drover/v1/task_pb.ts';
import { attachLooking } from './testing/looking-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const bytes = (...lines: string[]) => Buffer.from(lines.join('\r\n'));
const header = 'FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder';
const site = 'https://contoso.sharepoint.com/sites';

async function start(t: ExecutionContext) {
  const running = await runCoordinator(t);
  return { running, tasks: running.client(TaskService, { protocol: 'connect' }) };
}

test("Migration Manager's CSV becomes tasks, with the tags, group and settings of the request", async (t) => {
  const { tasks, running } = await start(t);
  const answer = await tasks.importTasks({
    content: bytes(header, String.raw`\\server\a,,,${site}/hr,Documents,2019`, String.raw`\\server\b,,,ann@contoso.com,Documents,`), // oxfmt-ignore
    checkLocations: false,
    tags: ['wave-1'],
    agentGroup: 'berlin',
    settings: { maxAttempts: 2 },
  });
  t.deepEqual(
    [answer.format, answer.listedTasks, answer.createdTasks, answer.invalidTasks, answer.problemCount],
    [TaskFileFormat.MICROSOFT_CSV, 2, 2, 0, 0],
  ); // oxfmt-ignore
  t.deepEqual(answer.tasks.map(({ line }) => line), [2, 3]); // oxfmt-ignore
  const { task } = await tasks.getTask({ name: answer.tasks[0]!.name });
  t.deepEqual([task!.source, task!.destination], [String.raw`\\server\a`, `${site}/hr/Documents/2019`]); // oxfmt-ignore
  t.deepEqual([task!.tags, task!.agentGroup, task!.settings?.maxAttempts], [['wave-1'], 'berlin', 2]); // oxfmt-ignore
  t.is(task!.state, TaskState.READY);
  const found = await tasks.listTasks({ filter: 'tags:wave-1 AND destination:ann@' });
  t.deepEqual(found.tasks.map(({ name }) => name), [answer.tasks[1]!.name]); // oxfmt-ignore
  const { entries } = await running.client(AuditService).listAuditEntries({});
  t.is(entries[0]!.method, 'drover.v1.TaskService/ImportTasks');
  t.is(entries[0]!.changes.length, 2);
  t.regex(entries[0]!.message, /SHA-256 [0-9a-f]{64}$/);
});

const ownHeader = 'task_id,source,destination,priority,tags,agent_group,schedule.cron,settings.max_attempts,settings.gone_policy'; // oxfmt-ignore

test('what the file says counts more than what the request says', async (t) => {
  const { tasks } = await start(t);
  await tasks.importTasks({
    content: bytes(ownHeader, 'one,/a,file:///b,7,x;wave-1,paris,0 1 * * *,3,'),
    tags: ['wave-1', 'late'],
    agentGroup: 'berlin',
    settings: { maxAttempts: 2, gonePolicy: 2 },
  });
  const { task } = await tasks.getTask({ name: 'tasks/one' });
  t.deepEqual([task!.tags, task!.agentGroup, task!.priority], [['x', 'wave-1', 'late'], 'paris', 7]); // oxfmt-ignore
  t.deepEqual([task!.settings?.maxAttempts, task!.settings?.gonePolicy], [3, 2]);
  t.true(task!.nextRunTime !== undefined, 'its schedule is kept');
});

test('everything that is wrong is told with its place, and nothing is created', async (t) => {
  const { tasks } = await start(t);
  await tasks.createTask({ task: { source: '/srv/old', destination: 'file:///b/old/.' }, taskId: 'old' }); // oxfmt-ignore
  const content = bytes(
    ownHeader,
    'good,/srv/good,file:///b/good',
    'BAD ID,relative,file:///b/2,12,a;a,no group',
    ',/srv/3,file:///srv/3/in,,,,every day,99,',
    'same,/srv/4,file:///b/4',
    'same,/srv/5,file:///b/5',
    ',/srv/4/,file:///b/4/',
    'old,/srv/6,file:///b/6',
    ',/srv/old,file:///b/old',
    String.raw`,\\server\share,file:///b/9`,
    ',/srv/10,ftp://x/y',
    ',/srv/11,file:///b/11,high',
  );
  for (const validateOnly of [false, true]) {
    const answer = await tasks.importTasks({ content, validateOnly });
    t.deepEqual([answer.listedTasks, answer.createdTasks, answer.invalidTasks], [11, 0, 9]);
    t.is(answer.problemCount, answer.problems.length);
    t.deepEqual(
      answer.problems.map(({ line, column, field }) => [line, column, field]),
      [
        [3, 1, 'task_id'],
        [3, 2, 'source'],
        [3, 6, 'agent_group'],
        [4, 3, 'destination'],
        [4, 8, 'settings.max_attempts'],
        [6, 1, 'task_id'],
        [7, 2, 'source'],
        [8, 1, 'task_id'],
        [9, 2, 'source'],
        [10, 2, 'source'],
        [11, 3, 'destination'],
        [12, 4, 'priority'],
      ],
    );
    const messages = answer.problems.map(({ message }) => message);
    t.regex(messages[6]!, /^line 5 has this source and this destination already$/);
    t.regex(messages[8]!, /^tasks\/old has this source/);
    t.regex(messages[9]!, /no connected agent can open a Windows share/);
    t.is((await tasks.listTasks({})).tasks.length, 1);
  }
  const checked = await tasks.importTasks({ content, skipInvalid: true, validateOnly: true });
  t.deepEqual([checked.createdTasks, checked.tasks], [2, []]);
  const some = await tasks.importTasks({ content, skipInvalid: true });
  t.deepEqual([some.createdTasks, some.invalidTasks, some.problemCount], [2, 9, 12]);
  t.deepEqual(some.tasks.map(({ line, name }) => [line, name]), [[2, 'tasks/good'], [5, 'tasks/same']]); // oxfmt-ignore
  t.is((await tasks.listTasks({})).tasks.length, 3);
});

test('of a file that is broken nothing is created, also when what is wrong may be left out', async (t) => {
  const { tasks } = await start(t);
  const contents = [
    bytes(ownHeader, 'a,/a,file:///b', '"b,/c,file:///d', 'e,/e,file:///f'),
    bytes(`${ownHeader},colour`, 'a,/a,file:///b'),
    bytes('{"Tasks": [{"SourcePath": "/a", "TargetPath": "ann@contoso.com", "TargetList": "Documents"}, {'), // oxfmt-ignore
  ];
  for (const content of contents) {
    const answer = await tasks.importTasks({ content, skipInvalid: true, checkLocations: false });
    t.is(answer.createdTasks, 0);
    t.true(answer.problemCount > 0);
  }
  t.deepEqual((await tasks.listTasks({})).tasks, []);
});

const refused: [name: string, request: object, fields: string[]][] = [
  ['nothing', {}, ['content']],
  ['no text', { content: Buffer.from([0xff, 0x00, 0x41]) }, ['content']],
  ['a format that is not known', { content: bytes(header), format: 99 }, ['format']],
  ['a tag with a semicolon', { content: bytes(header), tags: ['a;b'] }, ['tags']],
  ['a group that is none', { content: bytes(header), agentGroup: 'x y' }, ['agent_group']],
  ['settings out of range', { content: bytes(header), settings: { maxAttempts: 99 } }, ['settings.max_attempts']], // oxfmt-ignore
  ['a request id that is none', { content: bytes(header, '/a,,,ann@c.com,Documents,'), requestId: 'x' }, ['request_id']], // oxfmt-ignore
];
for (const [name, request, fields] of refused)
  test(`an import is refused: ${name}`, async (t) => {
    const { tasks } = await start(t);
    const refusal = await refusalOf(tasks.importTasks(request));
    t.deepEqual([refusal.reasons, refusal.fields], [['INVALID_ARGUMENT'], fields]);
  });

test('a request that is repeated imports once; so does a file that is sent twice at once', async (t) => {
  const { tasks } = await start(t);
  const content = bytes(header, '/a,,,ann@contoso.com,Documents,', 'wrong');
  const request = { content, requestId: randomUUID(), checkLocations: false, skipInvalid: true };
  const [one, other] = await Promise.all([tasks.importTasks(request), tasks.importTasks(request)]);
  t.deepEqual(one, other);
  t.deepEqual([one.createdTasks, one.problemCount], [1, 1]);
  t.deepEqual((await refusalOf(tasks.importTasks({ ...request, tags: ['x'] }))).fields, ['request_id']); // oxfmt-ignore
  const again = await tasks.importTasks({ content, checkLocations: false, skipInvalid: true });
  t.deepEqual([again.createdTasks, again.problems[0]!.message], [0, `${one.tasks[0]!.name} has this source and this destination already`]); // oxfmt-ignore
  t.is((await tasks.listTasks({})).tasks.length, 1);
});

test('each library is looked at once, and what is wrong with one is told of all its tasks', async (t) => {
  const { tasks, running } = await start(t);
  const agent = await attachLooking(t, running);
  agent.judge = (destination) =>
    destination.includes('/it/')
      ? { reason: ErrorReason.DESTINATION_NOT_FOUND, message: 'no such library' }
      : undefined;
  const rows = ['hr', 'it', 'hr', 'it', 'it'].map((name, index) => `/srv/${index},,,${site}/${name},Docs,Folder ${index}`); // oxfmt-ignore
  const content = bytes(header, ...rows, '/srv/x,,,ann@contoso.com,Documents,A', '/srv/y,,,Ann@contoso.com,Documents,B'); // oxfmt-ignore
  const answer = await tasks.importTasks({ content });
  t.is(agent.asked.length, 3);
  t.deepEqual([answer.createdTasks, answer.invalidTasks, answer.problemCount], [0, 3, 1]);
  const [problem] = answer.problems;
  t.deepEqual([problem!.line, problem!.column, problem!.field], [3, 4, 'SharePointSite']);
  t.regex(problem!.message, /no such library \(and 2 more tasks for this library\)$/);
  const some = await tasks.importTasks({ content, skipInvalid: true });
  t.deepEqual(some.tasks.map(({ line }) => line), [2, 4, 7, 8]); // oxfmt-ignore
  await tasks.importTasks({ content: bytes(header, rows[1]!.replace('/srv/1', '/srv/z')), checkLocations: false }); // oxfmt-ignore
  t.is(agent.asked.length, 6, 'nobody is asked when nobody is to look');
});

test('without an agent that has a sign-in, tasks for SharePoint are made only when nobody is to look', async (t) => {
  const { tasks } = await start(t);
  const content = bytes(header, `/srv/a,,,${site}/hr,Docs,`);
  const answer = await tasks.importTasks({ content });
  t.deepEqual([answer.createdTasks, answer.problemCount], [0, 1]);
  t.regex(answer.problems[0]!.message, /no connected agent has a sign-in/);
  const many = Array.from({ length: 501 }, (_, index) => `/srv/a,,,${site}/s${index},Docs,`);
  const refusal = await refusalOf(tasks.importTasks({ content: bytes(header, ...many) }));
  t.deepEqual(refusal.fields, ['check_locations']);
  t.is((await tasks.importTasks({ content, checkLocations: false })).createdTasks, 1);
});

test('the ledger that was kept of a deleted task is taken over by the task that is imported', async (t) => {
  const { tasks } = await start(t);
  const content = bytes('task_id,source,destination', 'a,/srv/a,file:///b/a', 'b,/srv/b,file:///b/b'); // oxfmt-ignore
  await tasks.importTasks({ content });
  await tasks.deleteTask({ name: 'tasks/a', ledger: 2 });
  const other = bytes('task_id,source,destination', 'a,/srv/other,file:///b/a');
  for (;;) {
    const { message } = (await tasks.importTasks({ content: other })).problems[0]!;
    if (message.includes('still being removed')) continue;
    t.regex(message, /the ledger of a deleted tasks\/a is kept/);
    break;
  }
  const again = await tasks.importTasks({ content, skipInvalid: true });
  t.deepEqual(again.tasks.map(({ name }) => name), ['tasks/a']); // oxfmt-ignore
});

test('a file with thousands of tasks is one entry in the audit log, and larger than other requests may be', async (t) => {
  const { tasks, running } = await start(t);
  const rows = Array.from({ length: 3000 }, (_, index) => `t-${index},/srv/${index}/${'x'.repeat(1500)},file:///b/${index}`); // oxfmt-ignore
  const content = bytes('task_id,source,destination', ...rows);
  t.true(content.length > 4 * 1024 * 1024);
  const answer = await tasks.importTasks({ content });
  t.is(answer.createdTasks, 3000);
  const audit = running.client(AuditService);
  const { entries } = await audit.listAuditEntries({});
  t.is(entries.length, 1);
  t.deepEqual(entries[0]!.changes.map(({ resource, before, after }) => [resource, before, after]), [
    ['tasks', '', '{"created":3000,"changed":0,"deleted":0}'],
  ]); // oxfmt-ignore
  t.is((await audit.verifyAudit({})).brokenNumber, 0n);
  const large = await refusalOf(tasks.importTasks({ content: Buffer.alloc(32 * 1024 * 1024 + 1, 'a') })); // oxfmt-ignore
  t.deepEqual(large.fields, ['content']);
});
