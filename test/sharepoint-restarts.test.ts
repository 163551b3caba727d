// Processes that are killed while they migrate into an emulated tenant: another agent takes over, or they are started again, and every
// file arrives once.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import {
  assertUploadedOnce,
  coordinatorArguments,
  uploadInTheMiddle,
} from './harness/large-upload.ts';
import { assertSucceeded } from './harness/stack.ts';
import { Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let tenant: Tenant;

test.before(async () => {
  // Short times, so that what a dead agent held is free while the test waits.
  tenant = await Tenant.start(
    {
      // Slow enough that a run of small files is seen in its middle.
      emulatorArguments: ['--latency', '20', '--session-expiry', '3'],
      coordinatorArguments: [...coordinatorArguments, '--lease-ttl', '3'],
    },
    (stop) => stops.push(stop),
  );
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

test.serial('another agent takes over a large file from one that never comes back', async (t) => {
  const upload = await uploadInTheMiddle(t, tenant, 'dies');
  const other = await tenant.startAgent({ name: 'other', threads: 2 });
  t.teardown(() => other.stop(5000));
  await upload.agent.kill();
  const run = await tenant.stack.untilEnded(upload.task);
  assertSucceeded(t, run);
  const items = await tenant.stack.items(run);
  t.deepEqual(
    [...items.values()].map(({ agent }) => agent),
    [other.ready.agent],
  );
  await assertUploadedOnce(t, tenant, upload);
});

for (const [who, agents, coordinators] of [
  ['the agent is', 1, 0],
  ['the coordinator is', 0, 1],
  ['both are', 1, 1],
] as const)
  test.serial(`of many small files each arrives once when ${who} killed among them`, async (t) => {
    t.timeout(120_000);
    const files = 400;
    const source = path.join(await temporaryFolder(t), 'source');
    makeSmallFiles(source, files, 3000);
    const destination = tenant.place();
    const name = `small ${agents}${coordinators}`;
    const agent = await tenant.startAgent({ name, threads: 2 });
    t.teardown(() => agent.stop(5000));
    const task = await tenant.stack.createTask({ source, destination });
    await tenant.stack.run(task);
    const isInTheMiddle = (done: bigint) => done > files / 4 && done < files;
    await tenant.stack.until(task, ({ progress }) =>
      isInTheMiddle(progress!.succeededItems + progress!.inFlightItems),
    );
    if (agents > 0) await agent.kill();
    if (coordinators > 0) {
      await tenant.stack.coordinator.kill();
      await tenant.stack.startCoordinator();
    }
    if (agents > 0) {
      const again = await tenant.startAgent({ name, threads: 2 });
      t.teardown(() => again.stop(5000));
    }
    assertSucceeded(t, await tenant.stack.untilEnded(task));
    const there = await tenant.tree(destination);
    const arrived = [...there].filter(([, { isFolder }]) => !isFolder);
    t.is(arrived.length, files);
    for (const [file, { id }] of arrived) {
      const content = hash('sha256', readFileSync(path.join(source, file)));
      t.is(hash('sha256', readFileSync(tenant.localCopy(destination, file))), content, file);
      t.is(await tenant.versions(destination, id), 1, file);
    }
    t.is((await tenant.stats()).graph.openSessions, 0);
  });
