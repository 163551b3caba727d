// Pausing, resuming and cancelling a run that is going.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { TaskState } from '../gen/drover/v1/task_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { callError } from '../scripts/api-client.ts';
import { reasonName } from '../lib/error.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, describeRun, Stack } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree, type Found } from './harness/tree.ts';

const files = 4000;

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let source: string;
let wanted: Map<string, Found>;
let items: bigint;
let stack: Stack;

test.before(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  source = path.join(folder, 'source');
  items = BigInt(files + makeSmallFiles(source, files, 3000));
  wanted = migratable(readTree(source));
  stack = await Stack.start({ folder: path.join(folder, 'stack') }, (stop) => stops.push(stop));
  await stack.startAgent();
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function scene(t: ExecutionContext) {
  t.timeout(180_000);
  const destination = path.join(await temporaryFolder(t), 'destination');
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  return { destination, task };
}

async function untilSomeIsDone(task: string): Promise<void> {
  await stack.until(task, (run) => run.progress!.succeededItems > 0n);
}

/** Waits until no agent holds a lease. */
async function untilIdle(): Promise<void> {
  for await (const { agent } of stack.api.agents.watchAgents({}))
    if (agent!.slotsUsed === 0) return;
}

test.serial(
  'a paused run stands still, leaves nothing half-done, and goes on when it is resumed',
  async (t) => {
    const { destination, task } = await scene(t);
    await stack.run(task);
    await untilSomeIsDone(task);
    const paused = (await stack.api.tasks.pauseTask({ name: task })).task!;
    t.is(paused.state, TaskState.PAUSED);
    await untilIdle();
    const before = readTree(destination);
    t.deepEqual(leftovers(before), []);
    t.true(before.size > 0 && BigInt(before.size) < items, `${before.size} items are there`);
    // Whoever has nothing to do gets other work meanwhile.
    const other = await stack.migrate(
      path.join(source, 'folder 0'),
      `${pathToFileURL(destination).href}-other`,
    );
    t.teardown(() => rm(`${destination}-other`, { recursive: true }));
    assertSucceeded(t, other.run);
    assertSameTree(t, readTree(destination), before);

    await stack.api.tasks.resumeTask({ name: task });
    const run = await stack.untilEnded(task);
    assertSucceeded(t, run);
    t.is(run.progress!.succeededItems, items);
    assertSameTree(t, readTree(destination), wanted);
  },
);

test.serial('a cancelled run keeps what it migrated, and the next one does the rest', async (t) => {
  const { destination, task } = await scene(t);
  await stack.run(task);
  await untilSomeIsDone(task);
  await stack.api.tasks.cancelTask({ name: task });
  const cancelled = await stack.untilEnded(task);
  t.is(cancelled.state, RunState.CANCELLED, describeRun(cancelled));
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  t.true(BigInt(there.size) < items);
  const done = cancelled.progress!.succeededItems;
  t.true(done > 0n && done < items);
  t.is(BigInt((await stack.items(cancelled, ItemState.SUCCEEDED)).size), done);

  const rest = await stack.runToEnd(task);
  assertSucceeded(t, rest);
  assertSameTree(t, readTree(destination), wanted);
});

test.serial('what does not fit the state is refused with the reason', async (t) => {
  const destination = pathToFileURL(path.join(await temporaryFolder(t), 'destination')).href;
  const task = await stack.createTask({ source, destination, agentGroup: 'nobody' });
  const { tasks } = stack.api;
  const reasonOf = (call: Promise<unknown>) =>
    call.then(
      () => 'accepted',
      (thrown: unknown) => reasonName(callError(thrown).reason),
    );
  for (const call of [tasks.pauseTask, tasks.resumeTask, tasks.cancelTask])
    t.is(await reasonOf(call({ name: task })), 'WRONG_STATE');
  t.is(await reasonOf(tasks.runTask({ name: 'tasks/none' })), 'NOT_FOUND');
  // No agent of the group is there, so that the run waits.
  await stack.run(task);
  t.is(await reasonOf(tasks.runTask({ name: task })), 'WRONG_STATE');
  const waiting = await stack.until(task, (run: Run) => run.waitingFor !== '');
  t.is(waiting.state, RunState.QUEUED);
  await tasks.cancelTask({ name: task });
  t.is((await stack.untilEnded(task)).state, RunState.CANCELLED);
});
