// Processes that are killed while they migrate into an emulated tenant: another agent takes over, or they are started again, and every
// file arrives once.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { LastingAgent } from './harness/lasting-agent.ts';
import { assertUploadedOnce, startUploader, uploadInTheMiddle } from './harness/large-upload.ts';
import { sharedBriefTenant } from './harness/shared.ts';
import { assertSucceeded } from './harness/stack.ts';
import { idsOfFiles, type Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const shared = sharedBriefTenant();
let tenant: Tenant;
const agents = new LastingAgent((name) => tenant.startAgent({ name }));

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(async () => {
  await agents.stop();
  await shared.leave();
});

test.serial('another agent takes over a large file from one that never comes back', async (t) => {
  const upload = await uploadInTheMiddle(t, tenant, 'dies');
  const other = await startUploader(t, tenant, 'other');
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

for (const [who, isAgent, isCoordinator] of [
  ['the agent is', true, false],
  ['the coordinator is', false, true],
  ['both are', true, true],
] as const)
  test.serial(`of many small files each arrives once when ${who} killed among them`, async (t) => {
    t.timeout(120_000);
    const files = 300;
    const source = path.join(await temporaryFolder(t), 'source');
    makeSmallFiles(source, files, 3000);
    const destination = tenant.place();
    const agent = await agents.running();
    const task = await tenant.stack.createTask({ source, destination });
    await tenant.stack.run(task);
    const isInTheMiddle = (done: bigint) => done > files / 4 && done < files;
    await tenant.stack.until(task, ({ progress }) =>
      isInTheMiddle(progress!.succeededItems + progress!.inFlightItems),
    );
    if (isAgent) await agent.kill();
    if (isCoordinator) {
      await tenant.stack.coordinator.kill();
      await tenant.stack.startCoordinator();
    }
    if (isAgent) await agents.start(agent.name);
    assertSucceeded(t, await tenant.stack.untilEnded(task));
    const there = await tenant.tree(destination);
    const arrived = [...there].filter(([, { isFolder }]) => !isFolder);
    t.is(arrived.length, files);
    const versions = await tenant.versionCounts(destination, idsOfFiles(there));
    for (const [file, { id }] of arrived) {
      const content = hash('sha256', readFileSync(path.join(source, file)));
      t.is(hash('sha256', readFileSync(tenant.localCopy(destination, file))), content, file);
      t.is(versions.get(id), 1, file);
    }
    t.is((await tenant.stats()).graph.openSessions, 0);
  });
