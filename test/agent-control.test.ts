// Agents that are disabled, drained and removed while they work.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { AgentState, type Agent } from '../gen/drover/v1/agent_pb.ts';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import type { LocalProcess } from '../scripts/local-process.ts';
import type { AgentReady } from '../scripts/local-stack.ts';
import { assertSucceeded, Stack, type Cleanup } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree, type Found } from './harness/tree.ts';

const files = 4000;
const stops: Parameters<Cleanup>[0][] = [];
let folder: string;
let source: string;
let wanted: Map<string, Found>;
let stack: Stack;
let one: LocalProcess<AgentReady>;
let two: LocalProcess<AgentReady>;

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  source = path.join(folder, 'source');
  makeSmallFiles(source, files, 3000);
  wanted = migratable(readTree(source));
  stack = await Stack.start({ folder: path.join(folder, 'stack') }, (stop) => stops.push(stop));
  [one, two] = await Promise.all([
    stack.startAgent({ name: 'one', threads: 1 }),
    stack.startAgent({ name: 'two', threads: 1 }),
  ]);
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** Waits until the agent is as wanted. */
async function untilAgent(name: string, isWanted: (agent: Agent) => boolean): Promise<Agent> {
  for await (const { agent } of stack.api.agents.watchAgents({}))
    if (agent!.name === name && isWanted(agent!)) return agent!;
  throw new Error('the watch has ended');
}

/** A run in whose middle the agent has work. */
async function runInTheMiddle(t: ExecutionContext, agent: string) {
  // An agent that was disabled waits up to a minute before it asks again.
  t.timeout(180_000);
  const destination = path.join(folder, `destination of ${t.title.replaceAll(/\W/g, '')}`);
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  await stack.run(task);
  await stack.until(task, ({ progress }: Run) => progress!.succeededItems + progress!.inFlightItems > 100n); // oxfmt-ignore
  await untilAgent(agent, ({ slotsUsed }) => slotsUsed > 0);
  return { task, destination };
}

function assertComplete(t: ExecutionContext, run: Run, destination: string): void {
  assertSucceeded(t, run);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
}

test.serial(
  'the work of an agent that is disabled goes to the other, and it gets none',
  async (t) => {
    const name = one.ready.agent;
    const { task, destination } = await runInTheMiddle(t, name);
    const { agent } = await stack.api.agents.disableAgent({ name });
    t.is(agent!.state, AgentState.DISABLED);
    await untilAgent(name, ({ slotsUsed }) => slotsUsed === 0);
    const run = await stack.untilEnded(task);
    assertComplete(t, run, destination);
    // Its session ends when it has given back what it had, which may be after the run.
    const timesSaid = async () =>
      (await readFile(one.logFile, 'utf8')).match(/is disabled/g)?.length ?? 0;
    while ((await timesSaid()) === 0) await delay(25);
    const after = await stack.migrate(source, `${pathToFileURL(destination).href}-2`);
    assertSucceeded(t, after.run);
    const workers = new Set([...(await stack.items(after.run)).values()].map((item) => item.agent));
    t.deepEqual([...workers].filter((worker) => worker !== ''), [two.ready.agent]); // oxfmt-ignore
    t.is((await stack.api.agents.getAgent({ name })).agent!.state, AgentState.DISABLED);
    await stack.api.agents.enableAgent({ name });
    await untilAgent(name, ({ state }) => state === AgentState.ONLINE);
    t.is(await timesSaid(), 1, 'it says so once');
  },
);

test.serial('an agent that drains finishes what it has', async (t) => {
  const name = one.ready.agent;
  const { task, destination } = await runInTheMiddle(t, name);
  t.is((await stack.api.agents.drainAgent({ name })).agent!.state, AgentState.DRAINING);
  const run = await stack.untilEnded(task);
  assertComplete(t, run, destination);
  const drained = await untilAgent(name, ({ slotsUsed }) => slotsUsed === 0);
  t.is(drained.state, AgentState.DRAINING);
  await stack.api.agents.enableAgent({ name });
});

test.serial('an agent that is removed ends, is refused, and joins again as another', async (t) => {
  const name = one.ready.agent;
  const { task, destination } = await runInTheMiddle(t, name);
  await stack.api.agents.deleteAgent({ name });
  const exit = await one.exited;
  t.not(exit.code, 0);
  t.regex(await readFile(one.logFile, 'utf8'), /was removed from this coordinator; to join again/);
  assertComplete(t, await stack.untilEnded(task), destination);

  const refused = await t.throwsAsync(stack.startAgent({ name: 'one', threads: 1 }));
  t.regex(refused.message, /was removed from this coordinator/);
  await rm(path.join(folder, 'stack', 'one', 'identity'), { recursive: true });
  const again = await stack.startAgent({ name: 'one', threads: 1 });
  t.not(again.ready.agent, name);
  const names = (await stack.api.agents.listAgents({})).agents.map((agent) => agent.name);
  t.deepEqual(names.toSorted(), [again.ready.agent, two.ready.agent].toSorted());
});
