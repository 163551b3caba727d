import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import path from 'node:path';
import { LedgerRowSchema, RunRowSchema, TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { LedgerFate, TaskService, TaskState } from '../../gen/drover/v1/task_pb.ts';
import { checkStore } from '../store/check-store.ts';
import { openLevelStore } from '../store/level-store.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, temporaryFolder } from './testing/running-coordinator.ts';

const { DELETE, KEEP } = LedgerFate;
const name = 'tasks/a';
const task = { source: '/srv/a', destination: 'file:///srv/b' };

/** A coordinator with a task that has migrated so many items in three runs. */
async function open(t: ExecutionContext, items: number) {
  const dataFolder = temporaryFolder(t);
  const folder = path.join(dataFolder, 'store');
  const store = await openLevelStore(folder);
  await store.commit((transaction) => {
    transaction.putTask('a', create(TaskRowSchema, { task: { name, ...task }, latestRun: 3, hasKeptItems: true })); // oxfmt-ignore
    const run = { name: `${name}/runs/3`, state: RunState.SUCCEEDED, progress: {} };
    transaction.putRun({ task: 'a', run: 3 }, create(RunRowSchema, { run, scan: { lease: {} } }));
    for (let index = 0; index < items; index += 1)
      transaction.putLedger('a', `f${String(index).padStart(5, '0')}`, create(LedgerRowSchema, { run: 1 + (index % 3) })); // oxfmt-ignore
  });
  await store.close();
  const { client, coordinator } = await runCoordinator(t, dataFolder);
  const tasks = client(TaskService);
  /** Creates the task as soon as what was deleted is removed. */
  const createAgain = async (request: Parameters<typeof tasks.createTask>[0]) => {
    for (;;) {
      const refusal = await refusalOf(tasks.createTask({ ...request, validateOnly: true })).catch(() => undefined); // oxfmt-ignore
      if (refusal === undefined) return (await tasks.createTask(request)).task!;
      if (refusal.code !== 'Unavailable') throw new Error(refusal.message);
    }
  };
  /** Stops the coordinator, and answers with what its store holds. */
  const leave = async () => {
    await coordinator.close();
    const problems: unknown[] = [];
    const counts = await checkStore(folder, (problem) => problems.push(problem));
    t.deepEqual(problems, []);
    return counts;
  };
  return { tasks, createAgain, leave };
}

test('what becomes of a ledger has to be said, and nothing else of a task without one', async (t) => {
  const { tasks } = await open(t, 1200);
  const refusal = await refusalOf(tasks.deleteTask({ name }));
  t.deepEqual([refusal.reasons, refusal.fields], [['INVALID_ARGUMENT'], ['ledger']]);
  t.regex(refusal.message, /more than 1,000 items.*"keep".*"delete"/);
  t.is((await tasks.getTask({ name })).task!.state, TaskState.SUCCEEDED);
  t.deepEqual((await refusalOf(tasks.deleteTask({ name, ledger: 9 as LedgerFate }))).fields, [
    'ledger',
  ]);
  await tasks.createTask({ task, taskId: 'b' });
  await tasks.deleteTask({ name: 'tasks/b' });
  t.deepEqual((await refusalOf(tasks.getTask({ name: 'tasks/b' }))).reasons, ['NOT_FOUND']);
});

test('a task with a few items says how many', async (t) => {
  const { tasks } = await open(t, 1);
  t.regex((await refusalOf(tasks.deleteTask({ name }))).message, /knows of 1 item that/);
});

test('a new task of the same id, source and destination goes on with a ledger that was kept', async (t) => {
  const { tasks, createAgain, leave } = await open(t, 5);
  await tasks.deleteTask({ name, ledger: KEEP });
  t.deepEqual((await refusalOf(tasks.getTask({ name }))).reasons, ['NOT_FOUND']);
  const again = await createAgain({ task: { ...task, source: '/srv/./a/' }, taskId: 'a' });
  t.is(again.state, TaskState.READY);
  t.is(again.latestRun, '');
  t.is((await tasks.runTask({ name })).run!.name, 'tasks/a/runs/4');
  const { ledger, 'kept-ledger': kept, run } = await leave();
  t.deepEqual([ledger, kept, run], [5, undefined, 1]);
});

test('a ledger that was kept for other places is in the way, until it is deleted', async (t) => {
  const { tasks, createAgain, leave } = await open(t, 5);
  await tasks.deleteTask({ name, ledger: KEEP });
  const other = { ...task, destination: 'file:///srv/c' };
  const create = () => createAgain({ task: other, taskId: 'a' });
  const error = await t.throwsAsync(create());
  t.regex(error.message, /"\/srv\/a" to "file:\/\/\/srv\/b".*--ledger delete/);
  for (const ledger of [LedgerFate.UNSPECIFIED, KEEP]) {
    const refusal = await refusalOf(tasks.deleteTask({ name, ledger }));
    t.deepEqual(refusal.reasons, ['NOT_FOUND']);
    t.regex(refusal.message, /kept/);
  }
  await tasks.deleteTask({ name, ledger: DELETE });
  t.deepEqual((await refusalOf(tasks.deleteTask({ name, ledger: DELETE }))).reasons, ['NOT_FOUND']);
  await create();
  t.is((await tasks.runTask({ name })).run!.name, 'tasks/a/runs/1');
  const { ledger, 'kept-ledger': kept, deleted } = await leave();
  t.deepEqual([ledger, kept, deleted], [undefined, undefined, undefined]);
});

test('a ledger that is deleted is forgotten, and the task that goes on with it can be deleted too', async (t) => {
  const { tasks, createAgain, leave } = await open(t, 5);
  await tasks.deleteTask({ name, ledger: KEEP });
  await createAgain({ task, taskId: 'a' });
  t.deepEqual((await refusalOf(tasks.deleteTask({ name }))).fields, ['ledger']);
  await tasks.deleteTask({ name, ledger: DELETE });
  await createAgain({ task, taskId: 'a' });
  t.is((await leave())['ledger'], undefined);
});

test('ledgers that were kept are listed, page by page, and deleted', async (t) => {
  const { tasks, leave } = await open(t, 5);
  for (const taskId of ['b', 'c']) await tasks.createTask({ task, taskId });
  await tasks.deleteTask({ name: 'tasks/b', ledger: KEEP });
  await tasks.deleteTask({ name, ledger: KEEP });
  const first = await tasks.listKeptLedgers({ pageSize: 1 });
  t.like(first.keptLedgers[0], { task: name, ...task, latestRun: 3 });
  t.not(first.keptLedgers[0]!.deleteTime, undefined);
  const second = await tasks.listKeptLedgers({ pageSize: 1, pageToken: first.nextPageToken });
  t.deepEqual(second.keptLedgers.map((one) => [one.task, one.latestRun]), [['tasks/b', 0]]); // oxfmt-ignore
  t.is(second.nextPageToken, '');
  await tasks.deleteKeptLedger({ name });
  t.deepEqual((await tasks.listKeptLedgers({})).keptLedgers.map((one) => one.task), ['tasks/b']); // oxfmt-ignore
  // One that is deleted, one of a task that is there, and one that never was.
  for (const other of [name, 'tasks/c', 'tasks/d'])
    t.deepEqual((await refusalOf(tasks.deleteKeptLedger({ name: other }))).reasons, ['NOT_FOUND']);
  t.deepEqual((await refusalOf(tasks.deleteKeptLedger({ name: 'a' }))).fields, ['name']);
  t.deepEqual((await refusalOf(tasks.listKeptLedgers({ pageToken: 'x' }))).fields, ['page_token']);
  t.is((await tasks.getTask({ name: 'tasks/c' })).task!.name, 'tasks/c');
  const { ledger, 'kept-ledger': kept } = await leave();
  t.deepEqual([ledger, kept], [undefined, 1]);
});
