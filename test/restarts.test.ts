// Processes that die in the middle of a run, all at once or one after another: nothing is lost, nothing half-done is left. The tests
// take turns on one share, one coordinator and what agent the one before has left; each has its own task.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { deterministicBytes } from '../scripts/deterministic-bytes.ts';
import { temporaryFolder } from './harness/folders.ts';
import { LastingAgent } from './harness/lasting-agent.ts';
import { assertSucceeded, Stack } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree, type Found } from './harness/tree.ts';

const smallFiles = 4000;
const largeFiles = 6;
const largeBytes = 7 * 1024 * 1024;
/** 200 files to a folder. */
const items = BigInt(smallFiles + smallFiles / 200 + largeFiles);

interface Scene {
  destination: string;
  task: string;
}

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let source: string;
let wanted: Map<string, Found>;
let stack: Stack;
const agents = new LastingAgent((name) => stack.startAgent({ name }));

/** A share with many files, large ones between small ones. */
test.before(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  source = path.join(folder, 'source');
  makeSmallFiles(source, smallFiles, 3000);
  for (let number = 0; number < largeFiles; number++)
    await writeFile(path.join(source, `folder ${number}`, 'large'), deterministicBytes(number, largeBytes)); // oxfmt-ignore
  wanted = migratable(readTree(source));
  // Short times, so that what a dead agent held is free again while the test waits.
  const coordinatorArguments = ['--lease-ttl', '3', '--heartbeat-interval', '1'];
  const options = { folder: path.join(folder, 'stack'), coordinatorArguments };
  stack = await Stack.start(options, (stop) => stops.push(stop));
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** A task for the share. */
async function scene(t: ExecutionContext): Promise<Scene> {
  t.timeout(180_000);
  const destination = path.join(await temporaryFolder(t), 'destination');
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  return { destination, task };
}

/** Waits until some is done and much is not. */
async function untilInTheMiddle({ task }: Scene): Promise<void> {
  const isInTheMiddle = ({ progress }: Run) =>
    progress!.succeededItems + progress!.inFlightItems > 300n;
  const run = await stack.until(task, isInTheMiddle);
  if (run.progress!.succeededItems === items) throw new Error('the run was over too soon');
}

async function assertComplete(t: ExecutionContext, { destination }: Scene, run: Run) {
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, items);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
}

test.serial('an agent that is killed and started again goes on', async (t) => {
  const here = await scene(t);
  const agent = await agents.running();
  await stack.run(here.task);
  await untilInTheMiddle(here);
  await agent.kill();
  await agents.start(agent.name);
  await assertComplete(t, here, await stack.untilEnded(here.task));
});

test.serial('an agent that is killed and never comes back is replaced by another', async (t) => {
  const here = await scene(t);
  const agent = await agents.running();
  await stack.run(here.task);
  await untilInTheMiddle(here);
  await agent.kill();
  await agents.start('other');
  const run = await stack.untilEnded(here.task);
  assertSucceeded(t, run);
  const there = readTree(here.destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
});

test.serial('a coordinator that is killed and started again goes on with the run', async (t) => {
  const here = await scene(t);
  await agents.running();
  await stack.run(here.task);
  await untilInTheMiddle(here);
  await stack.coordinator.kill();
  await stack.startCoordinator();
  await assertComplete(t, here, await stack.untilEnded(here.task));
});

test.serial('both are killed at once, and go on', async (t) => {
  const here = await scene(t);
  const agent = await agents.running();
  await stack.run(here.task);
  await untilInTheMiddle(here);
  await Promise.all([agent.kill(), stack.coordinator.kill()]);
  await stack.startCoordinator();
  await agents.start(agent.name);
  await assertComplete(t, here, await stack.untilEnded(here.task));
});

test.serial(
  'an agent that is told to drain finishes what it has, and another start goes on',
  async (t) => {
    const here = await scene(t);
    const agent = await agents.running();
    await stack.run(here.task);
    await untilInTheMiddle(here);
    agent.signal('SIGTERM');
    const exit = await agent.exited;
    t.deepEqual(exit, { code: 0, signal: null });
    t.deepEqual(leftovers(readTree(here.destination)), []);
    await agents.start(agent.name);
    await assertComplete(t, here, await stack.untilEnded(here.task));
  },
);

test.serial('two agents share one run', async (t) => {
  const here = await scene(t);
  const one = await agents.running();
  const other = await agents.start('another');
  t.not(one.ready.agent, other.ready.agent);
  const run = await stack.runToEnd(here.task);
  await assertComplete(t, here, run);
  const workers = new Set([...(await stack.items(run)).values()].map(({ agent }) => agent));
  for (const { ready } of [one, other])
    t.true(workers.has(ready.agent), `${ready.agent} did nothing`);
});
