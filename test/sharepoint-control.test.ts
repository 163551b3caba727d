// Pausing and cancelling a run in the middle of a large file on its way into an emulated tenant: at once, and nothing half-done stays.
import anyTest, { type TestFn } from 'ava';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { assertUploadedOnce, uploadInTheMiddle, type LargeUpload } from './harness/large-upload.ts'; // oxfmt-ignore
import { sharedTenant } from './harness/shared.ts';
import { assertSucceeded, describeRun } from './harness/stack.ts';
import type { Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const shared = sharedTenant();
let tenant: Tenant;

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(() => shared.leave());

/** Waits until the agent of the upload holds no lease. */
async function untilIdle(upload: LargeUpload): Promise<void> {
  const { agent: name } = upload.agent.ready;
  for await (const { agent } of tenant.stack.api.agents.watchAgents({}))
    if (agent!.name === name && agent!.slotsUsed === 0) return;
}

/** How many chunks were begun; one that gets no answer would be begun again after minutes. */
async function chunks(): Promise<number> {
  return (await tenant.stats()).classMethods['uploadSession']!['PUT']!;
}

test.serial('a cancelled run gives up a large file at once', async (t) => {
  const upload = await uploadInTheMiddle(t, tenant, 'cancelled');
  const begun = await chunks();
  await tenant.stack.api.tasks.cancelTask({ name: upload.task });
  await untilIdle(upload);
  t.is(await chunks(), begun);
  const run = await tenant.stack.untilEnded(upload.task);
  t.is(run.state, RunState.CANCELLED, describeRun(run));
  t.is((await tenant.tree(upload.destination)).size, 0);
  t.is((await tenant.stats()).graph.openSessions, 0);
  assertSucceeded(t, await tenant.stack.runToEnd(upload.task));
  await assertUploadedOnce(t, tenant, upload);
});

test.serial(
  'a paused run gives up a large file at once, and brings it when it is resumed',
  async (t) => {
    const upload = await uploadInTheMiddle(t, tenant, 'paused');
    const begun = await chunks();
    await tenant.stack.api.tasks.pauseTask({ name: upload.task });
    await untilIdle(upload);
    t.is(await chunks(), begun);
    t.is((await tenant.tree(upload.destination)).size, 0);
    t.is((await tenant.stats()).graph.openSessions, 0);
    await tenant.stack.api.tasks.resumeTask({ name: upload.task });
    assertSucceeded(t, await tenant.stack.untilEnded(upload.task));
    await assertUploadedOnce(t, tenant, upload);
  },
);
