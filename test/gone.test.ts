// What becomes at the destination of what was renamed, moved or deleted at the source: with real processes, in a folder and in the
// emulated tenant.
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../gen/drover/v1/item_pb.ts';
import { GoneDecision, RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { GonePolicy, type TaskSettings } from '../gen/drover/v1/settings_pb.ts';
import { callError } from '../scripts/api-client.ts';
import { temporaryFolder } from './harness/folders.ts';
import { boundUser, canBindRights, giveToBoundUser } from './harness/rights.ts';
import { sharedTenant } from './harness/shared.ts';
import { assertSucceeded, describeRun } from './harness/stack.ts';
import { below, type Tenant } from './harness/tenant.ts';
import { makeTree, migratable, readTree } from './harness/tree.ts';

const test = anyTest as TestFn;
const shared = sharedTenant();
let tenant: Tenant;

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(() => shared.leave());

const recycle = { gonePolicy: GonePolicy.RECYCLE };
const freely = { ...recycle, recyclePercentMax: 100 };
const recycled = '.drover-recycled';
/** Of the agent that may read and write everything. */
const agentGroup = 'default';

/** A share with some folders, a destination folder, and a task that has migrated all of it once. */
async function scene(t: ExecutionContext, settings: Partial<TaskSettings>) {
  t.timeout(60_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  await makeTree(source, {
    'a.txt': 'the first',
    docs: { 'b.txt': 'the second', inner: { 'c.txt': 'the third' } },
    'd.txt': 'the fourth',
    keep: { 'e.txt': 'the fifth' },
  });
  const url = pathToFileURL(destination).href;
  const task = await tenant.stack.createTask({ source, destination: url, settings, agentGroup });
  assertSucceeded(t, await tenant.stack.runToEnd(task));
  const arrived = () =>
    new Map([...readTree(destination)].filter(([name]) => !name.startsWith(recycled)));
  const isWhole = () => t.deepEqual(arrived(), migratable(readTree(source)));
  return { source, destination, task, arrived, isWhole };
}

function counts({ progress }: Run) {
  const { goneItems, movedItems, recycledItems, succeededItems } = progress!;
  return [goneItems, movedItems, recycledItems, succeededItems].map(Number);
}

test('a renamed folder is renamed at the destination, without a byte being written', async (t) => {
  const { source, task, isWhole } = await scene(t, {});
  await rename(path.join(source, 'docs'), path.join(source, 'papers'));
  await rename(path.join(source, 'a.txt'), path.join(source, 'keep', 'z.txt'));
  const run = await tenant.stack.runToEnd(task);
  assertSucceeded(t, run);
  isWhole();
  // Two old folders are gone and recycled; three files were moved, and four folders are there.
  t.deepEqual(counts(run), [2, 3, 2, 6]);
  const item = (await tenant.stack.items(run)).get('papers/inner/c.txt')!;
  t.like(item, { action: ItemAction.MOVE, state: ItemState.SUCCEEDED, movedFrom: 'docs/inner/c.txt' }); // oxfmt-ignore
  t.is(item.sha256.length, 64);
  const why = await tenant.stack.api.items.explainItem({ parent: task, path: 'papers/b.txt' });
  t.is(why.summary, `"papers/b.txt" was "docs/b.txt" at the source before, and ${run.name} moved it at the destination to "papers/b.txt".`); // oxfmt-ignore
  const again = await tenant.stack.runToEnd(task);
  t.deepEqual(counts(again).slice(0, 3), [0, 0, 0]);
});

test('what is deleted at the source is recycled, and lies beside', async (t) => {
  const { source, destination, task, isWhole } = await scene(t, freely);
  await rm(path.join(source, 'docs'), { recursive: true });
  await rm(path.join(source, 'd.txt'));
  const run = await tenant.stack.runToEnd(task);
  assertSucceeded(t, run);
  isWhole();
  t.deepEqual(counts(run).slice(0, 3), [5, 0, 5]);
  const beside = [...readTree(path.join(destination, recycled)).keys()].map((name) => path.basename(name)); // oxfmt-ignore
  for (const name of ['b.txt', 'c.txt', 'd.txt']) t.true(beside.includes(name), name);
  const why = await tenant.stack.api.items.explainItem({ parent: task, path: 'd.txt' });
  t.is(why.summary, `"d.txt" was gone from the source when ${run.name} scanned it, and was recycled at the destination.`); // oxfmt-ignore
});

test('what is deleted is kept by default, and told of once', async (t) => {
  const { source, task, arrived } = await scene(t, {});
  await rm(path.join(source, 'docs'), { recursive: true });
  const run = await tenant.stack.runToEnd(task);
  assertSucceeded(t, run);
  t.deepEqual(counts(run).slice(0, 3), [4, 0, 0]);
  const items = await tenant.stack.items(run);
  t.like(items.get('docs/b.txt'), { action: ItemAction.KEEP, state: ItemState.SKIPPED, reason: ErrorReason.SOURCE_GONE }); // oxfmt-ignore
  t.true(arrived().has('docs/inner/c.txt'));
  t.deepEqual(counts(await tenant.stack.runToEnd(task)).slice(0, 3), [0, 0, 0]);
});

test('a share that is not mounted is asked about, and comes back', async (t) => {
  const { source, task, isWhole, arrived } = await scene(t, recycle);
  const { stack } = tenant;
  const before = arrived();
  const elsewhere = `${source} elsewhere`;
  await rename(source, elsewhere);
  await mkdir(source);
  await stack.run(task);
  const asking = await stack.until(task, ({ state }) => state === RunState.PAUSED);
  t.is(asking.goneDecision, GoneDecision.PENDING);
  t.regex(
    asking.waitingFor,
    /^a decision: 8 of 8 migrated items \(100 %\) are gone from the source/,
  );
  const refused = await stack.api.tasks.resumeTask({ name: task }).catch(callError);
  t.like(refused, { reason: ErrorReason.WRONG_STATE });
  t.deepEqual(arrived(), before);
  await stack.api.tasks.cancelTask({ name: task });
  await stack.untilEnded(task);
  t.deepEqual(arrived(), before);
  await rm(source, { recursive: true });
  await rename(elsewhere, source);
  assertSucceeded(t, await stack.runToEnd(task));
  isWhole();

  await rm(path.join(source, 'docs'), { recursive: true });
  await stack.run(task);
  await stack.until(task, ({ state }) => state === RunState.PAUSED);
  await stack.api.tasks.resumeTask({ name: task, gone: GoneDecision.RECYCLE });
  const decided = await stack.untilEnded(task);
  assertSucceeded(t, decided);
  t.deepEqual(counts(decided).slice(0, 3), [4, 0, 4]);
  isWhole();
});

test('what a filter leaves out, and what a link hides, is not gone', async (t) => {
  const { source, task, arrived } = await scene(t, freely);
  const before = arrived();
  await tenant.stack.api.tasks.updateTask({ task: { name: task, settings: { ...freely, excludePatterns: { values: ['docs'] } } } }); // oxfmt-ignore
  await rename(path.join(source, 'keep'), path.join(source, '..', 'kept'));
  await symlink('../kept', path.join(source, 'keep'));
  const run = await tenant.stack.runToEnd(task);
  t.deepEqual(counts(run).slice(0, 3), [0, 0, 0], describeRun(run));
  t.deepEqual(arrived(), before);
});

test('what is in a folder that cannot be read is not gone', async (t) => {
  if (!canBindRights(t)) {
    t.pass();
    return;
  }
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const data = tenant.stack.folderOf('bound');
  for (const place of [destination, data]) {
    await mkdir(place, { recursive: true });
    await giveToBoundUser(place);
  }
  for (const place of [folder, tenant.folder, path.dirname(data)]) await chmod(place, 0o755); // oxfmt-ignore
  await makeTree(source, { closed: { inner: '1', deep: { est: '2' } }, 'gone.txt': '3', open: '4' }); // oxfmt-ignore
  const user = boundUser();
  const agent = await tenant.stack.startAgent({ name: 'bound', arguments: ['--group', 'bound', '--source-root', folder], ...(user === undefined ? {} : { userId: user }) }); // oxfmt-ignore
  t.teardown(() => agent.stop(5000));
  const url = pathToFileURL(destination).href;
  const task = await tenant.stack.createTask({ source, destination: url, settings: freely, agentGroup: 'bound' }); // oxfmt-ignore
  assertSucceeded(t, await tenant.stack.runToEnd(task));
  await chmod(path.join(source, 'closed'), 0o000);
  t.teardown(() => chmod(path.join(source, 'closed'), 0o700));
  await rm(path.join(source, 'gone.txt'));
  const run = await tenant.stack.runToEnd(task);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  t.deepEqual(counts(run).slice(0, 3), [1, 0, 1]);
  const names = [...readTree(destination).keys()].filter((name) => !name.startsWith(recycled));
  t.deepEqual(names, ['closed', 'closed/deep', 'closed/deep/est', 'closed/inner', 'open']);
});

// Alone, because it counts what the whole tenant is asked for.
test.serial(
  'in SharePoint a renamed file keeps its item, and nothing is uploaded; what is gone is recycled',
  async (t) => {
    t.timeout(60_000);
    const source = await temporaryFolder(t);
    await makeTree(source, { 'plan.txt': 'the plan', team: { 'notes.txt': 'notes', 'old.txt': 'old' } }); // oxfmt-ignore
    const destination = tenant.place();
    const task = await tenant.stack.createTask({
      source,
      destination,
      settings: freely,
      agentGroup,
    });
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    const before = await tenant.tree(destination);
    await tenant.put(below(destination, 'plan.txt'), 'somebody edits the plan');

    await rename(path.join(source, 'plan.txt'), path.join(source, 'Plan.txt'));
    await rename(path.join(source, 'team'), path.join(source, 'people'));
    await rm(path.join(source, 'people', 'old.txt'));
    await tenant.resetStats();
    const run = await tenant.stack.runToEnd(task);
    assertSucceeded(t, run);
    t.deepEqual(counts(run).slice(0, 3), [2, 2, 2]);
    const after = await tenant.tree(destination);
    t.deepEqual([...after.keys()].toSorted(), ['Plan.txt', 'people', 'people/notes.txt']);
    t.is(after.get('Plan.txt')!.id, before.get('plan.txt')!.id);
    t.is(after.get('people/notes.txt')!.id, before.get('team/notes.txt')!.id);
    const { classMethods } = await tenant.stats();
    const puts = Object.values(classMethods).map((methods) => methods?.['PUT'] ?? 0);
    t.is(puts.reduce((sum, count) => sum + count, 0), 0, 'nothing was uploaded'); // oxfmt-ignore

    await writeFile(path.join(source, 'people', 'notes.txt'), 'more notes');
    await utimes(path.join(source, 'people', 'notes.txt'), new Date(), new Date());
    const next = await tenant.stack.runToEnd(task);
    assertSucceeded(t, next);
    t.is((await tenant.tree(destination)).get('people/notes.txt')!.id, before.get('team/notes.txt')!.id); // oxfmt-ignore
  },
);

test('a folder that became a file, and the reverse: kept it is in the way, and recycled it makes room in the same run', async (t) => {
  t.timeout(60_000);
  const folder = await temporaryFolder(t);
  const source = path.join(folder, 'source');
  const turn = async (name: string, content: string | undefined) => {
    await rm(path.join(source, name), { recursive: true, force: true });
    if (content !== undefined) await writeFile(path.join(source, name), content);
    else await makeTree(path.join(source, name), { 'in it.txt': 'new', deep: { 'er.txt': 'new' } });
  };
  for (const destination of [
    pathToFileURL(path.join(folder, 'destination')).href,
    tenant.place(),
  ]) {
    await rm(source, { recursive: true, force: true });
    await makeTree(source, { papers: { 'a.txt': 'a', more: { 'b.txt': 'b' } }, plan: 'a plan', rest: 'rest' }); // oxfmt-ignore
    const task = await tenant.stack.createTask({ source, destination, agentGroup });
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    await turn('papers', 'now a file');
    await turn('plan', undefined);
    for (let round = 1; round <= 2; round += 1) {
      const kept = await tenant.stack.runToEnd(task);
      t.is(kept.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(kept));
      t.deepEqual(counts(kept).slice(0, 3), round === 1 ? [5, 0, 0] : [0, 0, 0]);
      const items = await tenant.stack.items(kept);
      for (const name of ['papers', 'plan', 'plan/in it.txt'])
        t.regex(items.get(name)!.message, /where a folder should be: move it away|not a file stands .*: move it away/v, name); // oxfmt-ignore
    }
    await tenant.stack.api.tasks.updateTask({ task: { name: task, settings: freely }, updateMask: { paths: ['settings.gone_policy', 'settings.recycle_percent_max'] } }); // oxfmt-ignore
    const run = await tenant.stack.runToEnd(task);
    assertSucceeded(t, run);
    t.deepEqual(counts(run).slice(0, 3), [5, 0, 5]);
    const wanted = [...readTree(source).keys()].toSorted();
    const arrived = destination.startsWith('file:')
      ? [...readTree(path.join(folder, 'destination')).keys()].filter((name) => !name.startsWith(recycled)) // oxfmt-ignore
      : [...(await tenant.tree(destination)).keys()];
    t.deepEqual(arrived.toSorted(), wanted);
    const again = await tenant.stack.runToEnd(task);
    assertSucceeded(t, again);
    t.deepEqual(counts(again).slice(0, 3), [0, 0, 0]);
  }
});
