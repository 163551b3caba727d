// Several agents that migrate one share into an emulated tenant: side by side, and one after the death of another, also when what they
// write are new versions of files that are there.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ItemKind } from '../gen/drover/v1/item_pb.ts';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded } from './harness/stack.ts';
import { Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
const files = 400;
let tenant: Tenant;

test.before(async () => {
  // Short times, so that what a dead agent held is free while the test waits.
  tenant = await Tenant.start(
    {
      emulatorArguments: ['--session-expiry', '3', '--latency', '10'],
      coordinatorArguments: ['--lease-ttl', '3', '--heartbeat-interval', '1'],
    },
    (stop) => stops.push(stop),
  );
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function scene(t: ExecutionContext) {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  makeSmallFiles(source, files, 3000);
  const destination = tenant.place();
  const task = await tenant.stack.createTask({ source, destination });
  return { source, destination, task };
}

async function startAgent(t: ExecutionContext, name: string) {
  const agent = await tenant.startAgent({ name, threads: 1 });
  t.teardown(() => agent.stop(5000));
  return agent;
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
  for (const [name, { id, isFolder }] of there) {
    t.is(isFolder, items.get(name)!.kind === ItemKind.FOLDER, name);
    if (isFolder) continue;
    const content = hash('sha256', readFileSync(path.join(source, name)));
    t.is(hash('sha256', readFileSync(tenant.localCopy(destination, name))), content, name);
    t.is(await tenant.versions(destination, id), versions, name);
  }
  t.is((await tenant.stats()).graph.openSessions, 0);
}

test.serial('two agents share one run', async (t) => {
  const [one, other] = [await startAgent(t, 'one'), await startAgent(t, 'two')];
  const here = await scene(t);
  const run = await tenant.stack.runToEnd(here.task);
  await assertComplete(t, here, run, 1);
  const workers = new Set([...(await tenant.stack.items(run)).values()].map(({ agent }) => agent));
  for (const { ready } of [one, other])
    t.true(workers.has(ready.agent), `${ready.agent} did nothing`);
});

test.serial('one that dies among many files, new ones and new versions, is replaced', async (t) => {
  for (const again of [false, true]) {
    const first = await startAgent(t, `first ${again}`);
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
    const other = await startAgent(t, `other ${again}`);
    await first.kill();
    const run = await tenant.stack.untilEnded(here.task);
    await assertComplete(t, here, run, again ? 2 : 1);
    await other.stop();
  }
});
