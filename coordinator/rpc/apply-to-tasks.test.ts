// One thing done to many tasks, and tasks as a file, over a real server.
import test, { type ExecutionContext } from 'ava';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { TaskAction, TaskFileFormat, TaskService, TaskState } from '../../gen/drover/v1/task_pb.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

/** Tasks a-1 to a-3 of wave 1, and b of wave 2. */
async function start(t: ExecutionContext) {
  const running = await runCoordinator(t);
  const tasks = running.client(TaskService);
  for (const [id, tag] of [['a-1', 'wave-1'], ['a-2', 'wave-1'], ['a-3', 'wave-1'], ['b', 'wave-2']] as const) // oxfmt-ignore
    await tasks.createTask({ task: { source: `/srv/${id}`, destination: 'file:///b', tags: [tag] }, taskId: id }); // oxfmt-ignore
  const apply = async (request: Parameters<typeof tasks.applyToTasks>[0]) => {
    const told: unknown[] = [];
    for await (const { step } of tasks.applyToTasks(request))
      if (step.case === 'matchedTasks') told.push(step.value);
      else if (step.case === 'outcome') told.push([step.value.name, step.value.reason, step.value.run]); // oxfmt-ignore
    return told;
  };
  const states = async () =>
    Object.fromEntries((await tasks.listTasks({})).tasks.map(({ name, state }) => [name, state]));
  return { running, tasks, apply, states };
}

const wave1 = { filter: 'tags:wave-1' };

test('every task that the filter wants is run, and each has its own entry in the audit log', async (t) => {
  const { apply, states, running } = await start(t);
  const checked = await apply({ ...wave1, action: TaskAction.RUN, validateOnly: true });
  t.deepEqual(checked, [3, ['tasks/a-1', 0, ''], ['tasks/a-2', 0, ''], ['tasks/a-3', 0, '']]);
  t.deepEqual(
    Object.values(await states()),
    Array.from({ length: 4 }, () => TaskState.READY),
  );
  const told = await apply({ ...wave1, action: TaskAction.RUN, expectedCount: 3 });
  t.deepEqual(told, [3, ...[1, 2, 3].map((n) => [`tasks/a-${n}`, 0, `tasks/a-${n}/runs/1`])]);
  t.deepEqual(await states(), { 'tasks/a-1': 2, 'tasks/a-2': 2, 'tasks/a-3': 2, 'tasks/b': 1 });
  const { entries } = await running.client(AuditService).listAuditEntries({ pageSize: 3 });
  t.deepEqual(entries.map(({ resource }) => resource).toSorted(), ['tasks/a-1', 'tasks/a-2', 'tasks/a-3']); // oxfmt-ignore
  for (const { method, caller } of entries)
    t.deepEqual([method, caller], ['drover.v1.TaskService/ApplyToTasks', 'admin-token']);
});

test('what is refused for one task is told, and done to the others', async (t) => {
  const { apply, states, tasks } = await start(t);
  await tasks.runTask({ name: 'tasks/a-2' });
  const wrong = ErrorReason.WRONG_STATE;
  const all = { filter: 'name:tasks/' };
  t.deepEqual(await apply({ ...all, action: TaskAction.PAUSE }), [4, ['tasks/a-1', wrong, ''], ['tasks/a-2', 0, ''], ['tasks/a-3', wrong, ''], ['tasks/b', wrong, '']]); // oxfmt-ignore
  t.is((await states())['tasks/a-2'], TaskState.PAUSED);
  t.deepEqual(await apply({ filter: 'state:PAUSED', action: TaskAction.RESUME }), [1, ['tasks/a-2', 0, '']]); // oxfmt-ignore
  t.deepEqual(await apply({ ...wave1, action: TaskAction.DELETE }), [3, ['tasks/a-1', 0, ''], ['tasks/a-2', wrong, ''], ['tasks/a-3', 0, '']]); // oxfmt-ignore
  t.deepEqual(await apply({ ...all, action: TaskAction.CANCEL }), [2, ['tasks/a-2', 0, ''], ['tasks/b', wrong, '']]); // oxfmt-ignore
  t.deepEqual(await states(), { 'tasks/a-2': TaskState.CANCELLED, 'tasks/b': TaskState.READY });
  t.deepEqual(await apply({ filter: 'tags:nothing', action: TaskAction.RUN }), [0]);
});

const refused: [name: string, request: object, reason: string, words: RegExp][] = [
  ['no filter', { action: TaskAction.RUN }, 'INVALID_ARGUMENT', /filter: is missing/],
  ['a filter that cannot be read', { filter: 'x', action: TaskAction.RUN }, 'INVALID_ARGUMENT', /filter/], // oxfmt-ignore
  ['no action', wave1, 'INVALID_ARGUMENT', /action: is missing/],
  ['an action that is not known', { ...wave1, action: 99 }, 'INVALID_ARGUMENT', /action/],
  ['another number of tasks', { ...wave1, action: TaskAction.RUN, expectedCount: 2 }, 'WRONG_STATE', /wants 3 tasks, not 2; nothing was done/], // oxfmt-ignore
];
for (const [name, request, reason, words] of refused)
  test(`nothing is done for ${name}`, async (t) => {
    const { apply, states } = await start(t);
    const refusal = await refusalOf(apply(request));
    t.deepEqual(refusal.reasons, [reason]);
    t.regex(refusal.message, words);
    t.deepEqual(
      Object.values(await states()),
      Array.from({ length: 4 }, () => TaskState.READY),
    );
  });

test('who has gone away does nothing more', async (t) => {
  const { tasks, states } = await start(t);
  const left = new AbortController();
  const steps = tasks.applyToTasks({ ...wave1, action: TaskAction.RUN }, { signal: left.signal });
  left.abort();
  await t.throwsAsync(Array.fromAsync(steps));
  t.is((await states())['tasks/b'], TaskState.READY);
});

test('tasks are exported as a file that makes the same tasks elsewhere', async (t) => {
  const { tasks } = await start(t);
  await tasks.updateTask({ task: { name: 'tasks/a-1', displayName: '=1+1', settings: { maxAttempts: 7, excludePatterns: { values: ['a;b'] } }, schedule: { cron: '0 1 * * *' } } }); // oxfmt-ignore
  const file = async (request: object) => {
    const pieces = await Array.fromAsync(tasks.exportTasks(request));
    return {
      content: Buffer.concat(pieces.map(({ content }) => content)),
      notes: pieces.flatMap(({ notes }) => notes),
    };
  };
  const { content, notes } = await file(wave1);
  t.deepEqual(notes, []);
  t.is(content.toString().split('\r\n').length, 5);
  t.regex(content.toString(), /\r\na-1,'=1\+1,/);
  const other = (await runCoordinator(t)).client(TaskService);
  t.is((await other.importTasks({ content })).createdTasks, 3);
  for (const name of ['tasks/a-1', 'tasks/a-2']) {
    const [one, two] = [await tasks.getTask({ name }), await other.getTask({ name })];
    for (const { task } of [one, two]) for (const key of ['uid', 'etag', 'createTime', 'updateTime'] as const) delete (task as Partial<typeof task>)![key]; // oxfmt-ignore
    t.deepEqual(two.task, one.task);
  }
  const microsoft = await file({ format: TaskFileFormat.MICROSOFT_CSV });
  t.is(microsoft.content.toString(), '\uFEFFFileSharePath,,,SharePointSite,DocLibrary,DocSubFolder\r\n'); // oxfmt-ignore
  t.regex(microsoft.notes[0]!, /left out are: tasks\/a-1, tasks\/a-2, tasks\/a-3, tasks\/b$/);
  t.deepEqual((await refusalOf(file({ format: 99 }))).fields, ['format']);
  t.deepEqual((await refusalOf(file({ filter: 'x' }))).fields, ['filter']);
});

test('tags are changed, cleared and checked', async (t) => {
  const { tasks } = await start(t);
  const name = 'tasks/b';
  const tagsOf = async () => (await tasks.getTask({ name })).task!.tags;
  await tasks.updateTask({ task: { name, tags: ['x', 'Wave-2'] } });
  t.deepEqual(await tagsOf(), ['x', 'Wave-2']);
  await tasks.updateTask({ task: { name }, updateMask: { paths: ['tags'] } });
  t.deepEqual(await tagsOf(), []);
  const wrong = [['a;b'], [''], [' a'], ['a', 'a'], ['a\nb'], ['x'.repeat(101)], Array.from({ length: 21 }, (_, i) => `t${i}`)]; // oxfmt-ignore
  for (const tags of wrong)
    t.deepEqual((await refusalOf(tasks.updateTask({ task: { name, tags } }))).fields, ['task.tags']); // oxfmt-ignore
});
