// Agents of two groups: which of them works on a task, that all of them share it to its end, and that one which is disabled in the middle
// loses nothing that it has done.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { AgentState } from '../gen/drover/v1/agent_pb.ts';
import { ItemKind } from '../gen/drover/v1/item_pb.ts';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, Stack } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree } from './harness/tree.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let stack: Stack;
/** Resource names, by what the agents are called. */
const names = new Map<string, string>();

test.before(async (t) => {
  t.timeout(120_000);
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  stops.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  stack = await Stack.start({ folder }, (stop) => stops.push(stop));
  for (const [name, group] of [
    ['north', 'north'],
    ['south-1', 'south'],
    ['south-2', 'south'],
  ] as const) {
    const agent = await stack.startAgent({ name, threads: 1, arguments: ['--group', group, '--source-root', tmpdir()] }); // oxfmt-ignore
    names.set(name, agent.ready.agent);
  }
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function scene(t: ExecutionContext, files: number, agentGroup: string) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const source = path.join(folder, 'source');
  const items = BigInt(files + makeSmallFiles(source, files, 3000));
  const destination = path.join(folder, 'destination');
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href, agentGroup }); // oxfmt-ignore
  return { source, destination, task, items };
}

/** How many files each agent did. */
async function filesByAgent(run: Run): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { agent, kind } of (await stack.items(run)).values())
    if (kind === ItemKind.FILE) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  return counts;
}

test.serial(
  'a task goes to its group, waits in words for one that is not there, and follows an update at once',
  async (t) => {
    const { source, destination, task, items } = await scene(t, 300, 'west');
    await stack.run(task);
    const waiting = await stack.until(task, ({ waitingFor }) => waitingFor !== '');
    t.is(waiting.waitingFor, 'an agent of the group "west": the attached ones are of "north" and "south"'); // oxfmt-ignore
    const updateMask = { paths: ['agent_group'] };
    await stack.api.tasks.updateTask({ task: { name: task, agentGroup: 'north' }, updateMask });
    const run = await stack.untilEnded(task);
    assertSucceeded(t, run);
    t.is(run.progress!.succeededItems, items);
    t.deepEqual([...(await filesByAgent(run)).keys()], [names.get('north')!]);
    t.deepEqual(readTree(destination), migratable(readTree(source)));
  },
);

test.serial('a run of a group is shared by all its agents, also a small one', async (t) => {
  const { task, items } = await scene(t, 1500, 'south');
  const run = await stack.runToEnd(task);
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, items);
  const counts = await filesByAgent(run);
  t.deepEqual([...counts.keys()].toSorted(), [names.get('south-1')!, names.get('south-2')!].toSorted()); // oxfmt-ignore
  // How evenly depends on what else the machine does at the moment; that is tested where time is played.
  t.log([...counts.values()].join(', '));
});

test.serial('a task whose source no agent reaches says so', async (t) => {
  const destination = pathToFileURL(path.join(await temporaryFolder(t), 'destination')).href;
  const source = path.join(projectRoot, 'docs');
  const task = await stack.createTask({ source, destination });
  await stack.run(task);
  const { waitingFor } = await stack.until(task, (run) => run.waitingFor !== '');
  t.is(waitingFor, `an agent that reaches ${source}: the attached ones reach ${tmpdir()}`);
  await stack.api.tasks.cancelTask({ name: task });
  await stack.untilEnded(task);
});

test.serial(
  'an agent that is disabled in the middle stops, and the others do the rest',
  async (t) => {
    const { source, destination, task, items } = await scene(t, 4000, 'south');
    await stack.run(task);
    await stack.until(task, (run) => run.progress!.succeededItems > 0n);
    const name = names.get('south-1')!;
    t.is((await stack.api.agents.disableAgent({ name })).agent!.state, AgentState.DISABLED);
    const run = await stack.untilEnded(task);
    t.is((await stack.api.agents.getAgent({ name })).agent!.slotsUsed, 0);
    await stack.api.agents.enableAgent({ name });
    assertSucceeded(t, run);
    t.is(run.progress!.succeededItems, items);
    const there = readTree(destination);
    assertSameTree(t, there, migratable(readTree(source)));
    t.deepEqual(leftovers(there), []);
    t.true((await filesByAgent(run)).has(names.get('south-2')!));
  },
);
