// Processes that die in the middle of a run, all at once or one after another: nothing is lost, nothing half-done is left.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { deterministicBytes } from '../scripts/deterministic-bytes.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, stackOf, type Stack } from './harness/stack.ts';
import { leftovers, migratable, readTree } from './harness/tree.ts';

const smallFiles = 6000;
const largeFiles = 6;
const largeBytes = 7 * 1024 * 1024;
/** 200 files to a folder. */
const items = BigInt(smallFiles + smallFiles / 200 + largeFiles);

interface Scene {
  source: string;
  destination: string;
  stack: Stack;
  task: string;
}

/** A share with many files, large ones between small ones, and a task for it. */
async function scene(t: ExecutionContext): Promise<Scene> {
  t.timeout(180_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  makeSmallFiles(source, smallFiles, 3000);
  for (let number = 0; number < largeFiles; number++)
    await writeFile(path.join(source, `folder ${number}`, 'large'), deterministicBytes(number, largeBytes)); // prettier-ignore
  // Short times, so that what a dead agent held is free again while the test waits.
  const coordinatorArguments = ['--lease-ttl', '3', '--heartbeat-interval', '1'];
  const stack = await stackOf(t, { folder: path.join(folder, 'stack'), coordinatorArguments });
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  return { source, destination, stack, task };
}

/** Waits until some is done and much is not. */
async function untilInTheMiddle({ stack, task }: Scene): Promise<void> {
  const isInTheMiddle = ({ progress }: Run) =>
    progress!.succeededItems + progress!.inFlightItems > 300n;
  const run = await stack.until(task, isInTheMiddle);
  if (run.progress!.succeededItems === items) throw new Error('the run was over too soon');
}

async function assertComplete(t: ExecutionContext, { source, destination }: Scene, run: Run) {
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, items);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  t.deepEqual(there, migratable(readTree(source)));
}

test.serial('an agent that is killed and started again goes on', async (t) => {
  const here = await scene(t);
  const agent = await here.stack.startAgent({ threads: 2 });
  await here.stack.run(here.task);
  await untilInTheMiddle(here);
  await agent.kill();
  await here.stack.startAgent({ threads: 2 });
  await assertComplete(t, here, await here.stack.untilEnded(here.task));
});

test.serial('an agent that is killed and never comes back is replaced by another', async (t) => {
  const here = await scene(t);
  const agent = await here.stack.startAgent({ threads: 2 });
  await here.stack.run(here.task);
  await untilInTheMiddle(here);
  await agent.kill();
  await here.stack.startAgent({ name: 'other', threads: 2 });
  const run = await here.stack.untilEnded(here.task);
  assertSucceeded(t, run);
  const [source, there] = [readTree(here.source), readTree(here.destination)];
  t.deepEqual(leftovers(there), []);
  t.deepEqual(there, migratable(source));
});

test.serial('a coordinator that is killed and started again goes on with the run', async (t) => {
  const here = await scene(t);
  await here.stack.startAgent({ threads: 2 });
  await here.stack.run(here.task);
  await untilInTheMiddle(here);
  await here.stack.coordinator.kill();
  await here.stack.startCoordinator();
  await assertComplete(t, here, await here.stack.untilEnded(here.task));
});

test.serial('both are killed at once, and go on', async (t) => {
  const here = await scene(t);
  const agent = await here.stack.startAgent({ threads: 2 });
  await here.stack.run(here.task);
  await untilInTheMiddle(here);
  await Promise.all([agent.kill(), here.stack.coordinator.kill()]);
  await here.stack.startCoordinator();
  await here.stack.startAgent({ threads: 2 });
  await assertComplete(t, here, await here.stack.untilEnded(here.task));
});

test.serial(
  'an agent that is told to drain finishes what it has, and another start goes on',
  async (t) => {
    const here = await scene(t);
    const agent = await here.stack.startAgent({ threads: 2 });
    await here.stack.run(here.task);
    await untilInTheMiddle(here);
    agent.signal('SIGTERM');
    const exit = await agent.exited;
    t.deepEqual(exit, { code: 0, signal: null });
    t.deepEqual(leftovers(readTree(here.destination)), []);
    await here.stack.startAgent({ threads: 2 });
    await assertComplete(t, here, await here.stack.untilEnded(here.task));
  },
);

test.serial('two agents share one run', async (t) => {
  const here = await scene(t);
  const [one, other] = await Promise.all([
    here.stack.startAgent({ name: 'one', threads: 1 }),
    here.stack.startAgent({ name: 'other', threads: 1 }),
  ]);
  t.not(one.ready.agent, other.ready.agent);
  const run = await here.stack.runToEnd(here.task);
  await assertComplete(t, here, run);
  const workers = new Set([...(await here.stack.items(run)).values()].map(({ agent }) => agent));
  for (const { ready } of [one, other])
    t.true(workers.has(ready.agent), `${ready.agent} did nothing`);
});
