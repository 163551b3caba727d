// Several agents that migrate one share into an emulated tenant: side by side, one after the death of another, also when what they write
// are new versions of files that are there, and one in place of another whose sign-in stops working.
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { AgentState, type Agent } from '../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../gen/drover/v1/item_pb.ts';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { LastingAgent } from './harness/lasting-agent.ts';
import { sharedBriefTenant } from './harness/shared.ts';
import { assertSucceeded } from './harness/stack.ts';
import { idsOfFiles, type Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const shared = sharedBriefTenant();
const files = 300;
let tenant: Tenant;
const agents = new LastingAgent((name) => tenant.startAgent({ name }));

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(async () => {
  await agents.stop();
  await shared.leave();
});

async function scene(t: ExecutionContext, count = files) {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  makeSmallFiles(source, count, 3000);
  const destination = tenant.place();
  const task = await tenant.stack.createTask({ source, destination });
  return { source, destination, task };
}

/** Asserts that every file is there as it is at the source, in so many versions, and nothing else is. */
async function assertComplete(
  t: ExecutionContext,
  { source, destination }: { source: string; destination: string },
  run: Run,
  versions: number,
): Promise<void> {
  assertSucceeded(t, run);
  const there = await tenant.tree(destination);
  const items = await tenant.stack.items(run);
  t.deepEqual([...there.keys()].sort(), [...items.keys()].sort());
  const counts = await tenant.versionCounts(destination, idsOfFiles(there));
  for (const [name, { id, isFolder }] of there) {
    t.is(isFolder, items.get(name)!.kind === ItemKind.FOLDER, name);
    if (isFolder) continue;
    const content = hash('sha256', readFileSync(path.join(source, name)));
    t.is(hash('sha256', readFileSync(tenant.localCopy(destination, name))), content, name);
    t.is(counts.get(id), versions, name);
  }
  t.is((await tenant.stats()).graph.openSessions, 0);
}

test.serial('two agents share one run', async (t) => {
  const one = await agents.running();
  t.teardown(() => one.stop(5000));
  const other = await agents.start('other');
  const here = await scene(t);
  const run = await tenant.stack.runToEnd(here.task);
  await assertComplete(t, here, run, 1);
  const workers = new Set([...(await tenant.stack.items(run)).values()].map(({ agent }) => agent));
  for (const { ready } of [one, other])
    t.true(workers.has(ready.agent), `${ready.agent} did nothing`);
});

test.serial('one that dies among many files, new ones and new versions, is replaced', async (t) => {
  for (const again of [false, true]) {
    const first = await agents.running();
    const here = await scene(t);
    if (again) {
      assertSucceeded(t, await tenant.stack.runToEnd(here.task));
      makeSmallFiles(here.source, files, 4000);
    }
    await tenant.stack.run(here.task);
    await tenant.stack.until(here.task, ({ progress }) => {
      const done = progress!.succeededItems + progress!.inFlightItems;
      return done > files / 4 && done < files;
    });
    await first.kill();
    await agents.start(`in its place ${again}`);
    const run = await tenant.stack.untilEnded(here.task);
    await assertComplete(t, here, run, again ? 2 : 1);
  }
});

/** Waits until the agent is as wanted. */
async function untilAgent(name: string, isWanted: (agent: Agent) => boolean): Promise<Agent> {
  for await (const { agent } of tenant.stack.api.agents.watchAgents({}))
    if (agent!.name === name && isWanted(agent!)) return agent!;
  throw new Error('the watch has ended');
}

/** Tells every client that its token has ended, once for each file, until the agent is found out. */
async function untilFoundOut(name: string): Promise<void> {
  // One rule for each file, so that no call can be told so twice: a second time would be more than a token that has ended.
  const told = Array.from({ length: files }, (_, number) => ({
    method: 'POST',
    path: `/file%20${number}\\.bin:`,
    times: 1,
    fault: { kind: 'expiredToken' },
  }));
  await tenant.faults(...told);
  await untilAgent(name, ({ state }) => state === AgentState.NEEDS_ATTENTION);
  await tenant.faults();
}

test.serial(
  'one whose secret stops working leaves the rest to another, and is back when it works again',
  async (t) => {
    const secret = 'a-secret-of-one-agent-alone';
    await tenant.setSecret(secret, true);
    const signIn = { ...tenant.signIn(), clientSecret: secret };
    const well = await agents.running();
    const ailing = await tenant.startAgent({ name: 'ailing', signIn, arguments: ['--requests', '2'] }); // oxfmt-ignore
    t.teardown(() => ailing.stop(5000));
    const name = ailing.ready.agent;
    const [here, next] = [await scene(t), await scene(t, 20)];
    await tenant.stack.run(here.task);
    await tenant.stack.until(here.task, ({ progress }) => progress!.succeededItems + progress!.inFlightItems > files / 10); // oxfmt-ignore
    await untilAgent(name, ({ slotsUsed }) => slotsUsed > 0);
    await tenant.setSecret(secret, false);
    await untilFoundOut(name);

    const { agent } = await tenant.stack.api.agents.getAgent({ name });
    t.is(agent!.attentionReason, ErrorReason.SIGN_IN_FAILED);
    t.regex(agent!.attentionMessage, /AADSTS7000215/);
    const env = { ...process.env, DROVER_DATA: tenant.stack.coordinator.ready.data };
    const commandLine = path.join(projectRoot, 'admin', 'cli', 'main.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [commandLine, 'agents', 'list'], { env }); // oxfmt-ignore
    t.regex(stdout, new RegExp(`${name} +needs attention .*AADSTS7000215`));
    const run = await tenant.stack.untilEnded(here.task);
    await well.stop(5000);
    await tenant.stack.run(next.task);
    const waiting = await tenant.stack.until(next.task, ({ waitingFor }) => waitingFor.startsWith('agents')); // oxfmt-ignore
    t.regex(waiting.waitingFor, new RegExp(`^${name} needs attention: .*AADSTS7000215`));
    await tenant.setSecret(secret, true);
    const last = await tenant.stack.untilEnded(next.task);
    const after = await untilAgent(name, ({ slotsUsed }) => slotsUsed === 0);
    t.is(after.state, AgentState.ONLINE);
    t.is(after.attentionMessage, '');
    await assertComplete(t, here, run, 1);
    await assertComplete(t, next, last, 1);
    t.deepEqual(tenant.filesHolding([secret]), []);
  },
);
