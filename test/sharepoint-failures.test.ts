// What goes wrong at an emulated tenant in the middle of a run: it is reported item by item with its reason, the rest goes on, and nothing
// that is secret is written down on the way.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, describeRun } from './harness/stack.ts';
import { below, idsOfFiles, Tenant } from './harness/tenant.ts';
import { makeTree } from './harness/tree.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
const hr = 'https://contoso.sharepoint.com/sites/hr';
const small = 'https://contoso.sharepoint.com/sites/small/Small';
const smallBytes = 512 * 1024;
let tenant: Tenant;
let agent: Awaited<ReturnType<Tenant['startAgent']>>;

test.before(async () => {
  tenant = await Tenant.start(
    {
      // A session whose address was lost when the tenant went away is in the way until it expires.
      emulatorArguments: ['--latency', '5', '--session-expiry', '5'],
      edit: ({ sites }) => {
        const library = { title: 'Small', urlName: 'Small', quotaBytes: smallBytes };
        sites.push({ path: '/sites/small', title: 'Small', libraries: [library] });
      },
    },
    (stop) => stops.push(stop),
  );
  await startAgent();
});

async function startAgent(): Promise<void> {
  agent = await tenant.startAgent({ arguments: ['--log-level', 'debug'] });
}

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function sourceFolder(t: ExecutionContext): Promise<string> {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  await mkdir(source);
  return source;
}

test.serial('a tenant that is away for a while holds a run up, and does not end it', async (t) => {
  const source = await sourceFolder(t);
  makeSmallFiles(source, 300, 3000);
  const destination = tenant.place();
  const task = await tenant.stack.createTask({ source, destination });
  await tenant.stack.run(task);
  await tenant.stack.until(task, ({ progress }) => progress!.succeededItems + progress!.inFlightItems > 50n); // oxfmt-ignore
  await tenant.emulator.kill();
  await tenant.startEmulator();
  const run = await tenant.stack.untilEnded(task);
  assertSucceeded(t, run);
  const there = await tenant.tree(destination);
  t.deepEqual([...there.keys()].sort(), [...(await tenant.stack.items(run)).keys()].sort());
  const ids = idsOfFiles(there);
  const versions = await tenant.versionCounts(destination, ids);
  for (const id of ids) t.is(versions.get(id), 1, id);
});

test.serial(
  'a sign-in service that is away when an agent starts holds its work up, and fails none of it',
  async (t) => {
    const source = await sourceFolder(t);
    makeSmallFiles(source, 300, 3000);
    const task = await tenant.stack.createTask({ source, destination: tenant.place() });
    await tenant.stack.run(task);
    await tenant.stack.until(task, ({ progress }) => progress!.succeededItems + progress!.inFlightItems > 50n); // oxfmt-ignore
    await agent.kill();
    await tenant.faults({ path: '/token', times: 3, fault: { kind: 'unavailable' } });
    await startAgent();
    assertSucceeded(t, await tenant.stack.untilEnded(task));
    t.is((await tenant.stats()).rules[0]!.hits, 3);
    await tenant.faults();
  },
);

test.serial(
  'a library whose quota is used up keeps what arrived, and is not asked for the rest again and again',
  async (t) => {
    const source = await sourceFolder(t);
    const files = 300;
    makeSmallFiles(source, files, 8000);
    await makeTree(source, { 'folder 2': { empty: '' } });
    const task = await tenant.stack.createTask({ source, destination: small });
    await tenant.resetStats();
    const run = await tenant.stack.runToEnd(task);
    t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
    const failed = await tenant.stack.items(run, ItemState.FAILED);
    for (const item of failed.values()) {
      t.is(item.reason, ErrorReason.DESTINATION_FULL, item.message);
      t.is(item.attempts, 1);
    }
    const there = await tenant.tree(small);
    const bytes = [...there.values()].reduce(
      (sum, { size, isFolder }) => sum + (isFolder ? 0 : size),
      0,
    );
    t.true(bytes > smallBytes - 8000 * 2 && bytes <= smallBytes, `${bytes} bytes are there`);
    t.is([...there.values()].filter(({ isFolder }) => !isFolder).length + failed.size, files + 1);
    // An empty file needs no room.
    t.true(there.has('folder 2/empty'));
    const { classes, graph } = await tenant.stats();
    t.is(graph.openSessions, 0);
    const inVain = classes['createUploadSession']! - (files - failed.size);
    t.true(
      inVain < failed.size / 4,
      `${inVain} uploads were begun for ${failed.size} files that had no room`,
    );

    // With room again the next run brings the rest.
    await tenant.editTenant(({ sites }) => {
      sites.find(({ path: sitePath }) => sitePath === '/sites/small')!.libraries[0]!.quotaBytes =
        100 * smallBytes;
    });
    const second = await tenant.stack.runToEnd(task);
    assertSucceeded(t, second);
    t.is((await tenant.stack.items(second, ItemState.SUCCEEDED)).size, failed.size);
  },
);

test.serial(
  'a file that is locked at the destination is reported after its attempts, and comes when it is free',
  async (t) => {
    const source = await sourceFolder(t);
    await makeTree(source, { locked: 'before', other: 'before' });
    const destination = tenant.place();
    const { task, run } = await tenant.stack.migrate(source, destination);
    assertSucceeded(t, run);
    await tenant.setLock(below(destination, 'locked'), true);
    await makeTree(source, { locked: 'after it was changed', other: 'after it was changed' });
    const second = await tenant.stack.runToEnd(task);
    t.is(second.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(second));
    const failed = await tenant.stack.items(second, ItemState.FAILED);
    t.deepEqual([...failed.keys()], ['locked']);
    t.is(failed.get('locked')!.reason, ErrorReason.DESTINATION_LOCKED);
    t.is(failed.get('locked')!.attempts, 3);
    const { message, requestId } = failed.get('locked')!;
    t.regex(requestId, /^[0-9a-f-]{36}$/);
    t.true(message.includes(`request ${requestId})`), message);
    await tenant.setLock(below(destination, 'locked'), false);
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    const { id } = (await tenant.tree(destination)).get('locked')!;
    t.is(await tenant.versions(destination, id), 2);
    t.is((await tenant.stats()).graph.openSessions, 0);
  },
);

test.serial(
  'files in a library that requires check-out end checked in, so that others see them',
  async (t) => {
    const source = await sourceFolder(t);
    await makeTree(source, { file: 'before', empty: '', folder: { inner: 'content' } });
    const destination = tenant.place(`${hr}/Records`);
    const { task, run } = await tenant.stack.migrate(source, destination);
    assertSucceeded(t, run);
    const assertVisible = async (...names: string[]) => {
      const there = await tenant.tree(destination);
      t.deepEqual([...there.keys()].sort(), ['empty', 'folder', ...names].sort());
      for (const [name, { isCheckedOut }] of there) t.false(isCheckedOut, name);
      return there;
    };
    await assertVisible('file', 'folder/inner');
    await writeFile(path.join(source, 'file'), 'after it was changed');
    const second = await tenant.stack.runToEnd(task);
    assertSucceeded(t, second);
    t.deepEqual([...(await tenant.stack.items(second, ItemState.SUCCEEDED)).keys()], ['file']);
    await assertVisible('file', 'folder/inner');
    // What is renamed and moved stays the same item, which has to be checked out for that, and in again.
    const before = await tenant.tree(destination);
    await rename(path.join(source, 'file'), path.join(source, 'renamed'));
    await rename(path.join(source, 'folder', 'inner'), path.join(source, 'moved'));
    const third = await tenant.stack.runToEnd(task);
    assertSucceeded(t, third);
    t.is(third.progress?.movedItems, 2n);
    const after = await assertVisible('moved', 'renamed');
    for (const [from, to] of [
      ['file', 'renamed'],
      ['folder/inner', 'moved'],
    ] as const) {
      // oxfmt-ignore
      t.is(after.get(to)?.id, before.get(from)?.id);
      t.is(after.get(to)?.modified, before.get(from)?.modified);
    }
    // And the next change finds what it expects.
    await writeFile(path.join(source, 'renamed'), 'after it was renamed');
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    await assertVisible('moved', 'renamed');
  },
);

test.serial('a permission that is taken away in the middle is reported as such', async (t) => {
  const source = await sourceFolder(t);
  makeSmallFiles(source, 100, 1000);
  const destination = tenant.place();
  const task = await tenant.stack.createTask({ source, destination });
  const denied = { kind: 'status', status: 403, code: 'accessDenied' };
  await tenant.faults({ method: 'POST', path: 'file.*createUploadSession', fault: denied });
  t.teardown(() => tenant.faults());
  const run = await tenant.stack.runToEnd(task);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await tenant.stack.items(run, ItemState.FAILED);
  t.is(failed.size, 100);
  for (const item of failed.values()) {
    t.is(item.reason, ErrorReason.DESTINATION_ACCESS_DENIED, item.message);
    t.is(item.attempts, 1);
  }
});

test.serial(
  'neither secret, token nor upload address is in any file that was written on the way',
  async (t) => {
    const token = await tenant.token();
    const secrets = [tenant.ready.clientSecret, token.split('.')[0]!, 'tempauth'];
    t.deepEqual(tenant.filesHolding(secrets), []);
    // The check itself can fail.
    t.not(tenant.filesHolding(['agents/']).length, 0);
  },
);
