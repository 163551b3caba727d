// Agents that end in the middle of a large file on its way into an emulated tenant, and are started again: they go on inside the file.
import { writeFile } from 'node:fs/promises';
import anyTest, { type TestFn } from 'ava';
import { deterministicBytes } from '../scripts/deterministic-bytes.ts';
import { assertUploadedOnce, largeBytes, startUploader, uploadInTheMiddle } from './harness/large-upload.ts'; // oxfmt-ignore
import { sharedTenant } from './harness/shared.ts';
import { assertSucceeded } from './harness/stack.ts';
import type { Tenant } from './harness/tenant.ts';

const test = anyTest as TestFn;
const shared = sharedTenant();
let tenant: Tenant;

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(() => shared.leave());

test.serial('an agent that is killed inside a large file goes on inside it', async (t) => {
  const upload = await uploadInTheMiddle(t, tenant, 'killed');
  await upload.agent.kill();
  // What it needs to go on is in its journal, but not for others to read.
  t.deepEqual(tenant.filesHolding([tenant.ready.clientSecret, 'tempauth', '/uploadSession']), []);
  await tenant.resetStats();
  await startUploader(t, tenant, 'killed');
  assertSucceeded(t, await tenant.stack.untilEnded(upload.task));
  const { classes, bytesIn } = await tenant.stats();
  t.is(classes['createUploadSession'], 0);
  t.true(bytesIn < largeBytes, `${bytesIn} bytes came after the kill`);
  await assertUploadedOnce(t, tenant, upload);
});

test.serial('a large file that changed meanwhile is uploaded anew as it is now', async (t) => {
  const upload = await uploadInTheMiddle(t, tenant, 'changed');
  await upload.agent.kill();
  await writeFile(upload.file, deterministicBytes(7, 6 * 1024 * 1024));
  await startUploader(t, tenant, 'changed');
  assertSucceeded(t, await tenant.stack.untilEnded(upload.task));
  await assertUploadedOnce(t, tenant, upload);
});

test.serial(
  'an agent that is stopped at once leaves nothing open, and its next start brings the file',
  async (t) => {
    const upload = await uploadInTheMiddle(t, tenant, 'stopped');
    // Two of one kind may arrive as one.
    upload.agent.signal('SIGINT');
    upload.agent.signal('SIGTERM');
    t.deepEqual(await upload.agent.exited, { code: 130, signal: null });
    t.is((await tenant.stats()).graph.openSessions, 0);
    t.is((await tenant.tree(upload.destination)).size, 0);
    await startUploader(t, tenant, 'stopped');
    assertSucceeded(t, await tenant.stack.untilEnded(upload.task));
    await assertUploadedOnce(t, tenant, upload);
  },
);
