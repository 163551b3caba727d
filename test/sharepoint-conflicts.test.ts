// What becomes of files that somebody changed in SharePoint, with real processes and the emulated tenant.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { ConflictPolicy } from '../gen/drover/v1/settings_pb.ts';
import { hash } from 'node:crypto';
import { temporaryFolder } from './harness/folders.ts';
import { sharedTenant } from './harness/shared.ts';
import { assertSucceeded } from './harness/stack.ts';
import { below, type Tenant } from './harness/tenant.ts';
import { makeTree, setModified } from './harness/tree.ts';

const test = anyTest as TestFn;
const shared = sharedTenant();
let tenant: Tenant;

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(() => shared.leave());

test('edits in SharePoint: a version before, beside, or kept when they are newer', async (t) => {
  const source = await temporaryFolder(t);
  await makeTree(source, { 'report.txt': 'first' });
  const edited = hash('sha256', 'edited in the browser');
  const changed = hash('sha256', 'changed at the source');
  const begin = async (conflictPolicy: ConflictPolicy) => {
    await writeFile(path.join(source, 'report.txt'), 'first');
    const destination = tenant.place();
    const task = await tenant.stack.createTask({
      source,
      destination,
      settings: { conflictPolicy },
    });
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    const before = (await tenant.tree(destination)).get('report.txt')!;
    await tenant.put(below(destination, 'report.txt'), 'edited in the browser');
    await writeFile(path.join(source, 'report.txt'), 'changed at the source');
    const content = async (name: string) => {
      const item = (await tenant.tree(destination)).get(name);
      return item && (await tenant.contentHash(destination, item.id));
    };
    return { destination, task, before, content };
  };

  const overwrite = await begin(ConflictPolicy.OVERWRITE);
  assertSucceeded(t, await tenant.stack.runToEnd(overwrite.task));
  const after = (await tenant.tree(overwrite.destination)).get('report.txt')!;
  t.is(after.id, overwrite.before.id);
  t.is(await overwrite.content('report.txt'), changed);
  t.is(await tenant.versions(overwrite.destination, after.id), 3, 'the edit is a version');

  const both = await begin(ConflictPolicy.KEEP_BOTH);
  for (let round = 1; round <= 2; round++) {
    assertSucceeded(t, await tenant.stack.runToEnd(both.task));
    t.is(await both.content('report.txt'), edited);
    t.is(await both.content('report (2).txt'), changed);
    t.is((await tenant.tree(both.destination)).size, 2);
  }

  const newer = await begin(ConflictPolicy.NEWER_WINS);
  await setModified(path.join(source, 'report.txt'), '2001-01-01T00:00:00Z');
  const run = await tenant.stack.runToEnd(newer.task);
  assertSucceeded(t, run);
  const left = await tenant.stack.items(run, ItemState.SKIPPED);
  t.is(left.get('report.txt')?.reason, ErrorReason.DESTINATION_NEWER);
  t.is(await newer.content('report.txt'), edited);
  await setModified(path.join(source, 'report.txt'), '2040-01-01T00:00:00Z');
  assertSucceeded(t, await tenant.stack.runToEnd(newer.task));
  t.is(await newer.content('report.txt'), changed);
});
