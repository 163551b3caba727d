// What goes wrong on the way is reported, item by item or for the whole run, with its reason; the rest of the run goes on.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { DroverError } from '../lib/error.ts';
import { temporaryFolder } from './harness/folders.ts';
import { boundUser, canBindRights, giveToBoundUser } from './harness/rights.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, describeRun, type Stack } from './harness/stack.ts';
import { leftovers, makeTree, migratable, readTree } from './harness/tree.ts';
import { changeConstantly } from './harness/writer.ts';

const test = anyTest as TestFn;
const shared = sharedStack();
let stack: Stack;

test.before(async () => {
  stack = await shared.take();
});

test.after.always(() => shared.leave());

const url = (folder: string) => pathToFileURL(folder).href;

async function places(t: ExecutionContext) {
  const folder = await temporaryFolder(t);
  return {
    folder,
    source: path.join(folder, 'source'),
    destination: path.join(folder, 'destination'),
  };
}

async function refusal(task: {
  source: string;
  destination: string;
}): Promise<ErrorReason | undefined> {
  try {
    await stack.createTask(task);
    return undefined;
  } catch (error) {
    return DroverError.from(error).reason;
  }
}

test('a source that is missing fails the run, and makes no destination', async (t) => {
  const { source, destination } = await places(t);
  const { run } = await stack.migrate(source, url(destination));
  t.is(run.state, RunState.FAILED);
  t.is(run.errorReason, ErrorReason.SOURCE_NOT_FOUND);
  t.true(run.error!.message.includes(source));
  t.false(existsSync(destination));
});

test('a source that is a file fails the run', async (t) => {
  const { folder, source, destination } = await places(t);
  await makeTree(folder, { source: 'a file' });
  const { run } = await stack.migrate(source, url(destination));
  t.is(run.state, RunState.FAILED);
  t.is(run.errorReason, ErrorReason.SOURCE_NOT_A_FOLDER);
});

test('a destination that is a file fails the run, and leaves the file', async (t) => {
  const { folder, source, destination } = await places(t);
  await makeTree(folder, { source: { file: '1' }, destination: 'a file' });
  const { run } = await stack.migrate(source, url(destination));
  t.not(run.state, RunState.SUCCEEDED, describeRun(run));
  t.is(readTree(folder).get('destination')?.kind, 'file');
});

test('source and destination that lie in each other are refused', async (t) => {
  const { source } = await places(t);
  await makeTree(source, { inner: {} });
  const inner = path.join(source, 'inner');
  const overlap = ErrorReason.LOCATIONS_OVERLAP;
  t.is(await refusal({ source, destination: url(inner) }), overlap);
  t.is(await refusal({ source: inner, destination: url(source) }), overlap);
  t.is(await refusal({ source, destination: url(source) }), overlap);
  t.is(await refusal({ source, destination: `${url(source)}/x/../y` }), overlap);
});

test('source and destination that lie in each other by a link fail the run, and nothing is written', async (t) => {
  const { folder, source } = await places(t);
  await makeTree(source, { inner: {}, file: '1' });
  const alias = path.join(folder, 'alias');
  await symlink(path.join(source, 'inner'), alias);
  const before = readTree(source);
  const { run } = await stack.migrate(source, url(path.join(alias, 'below')));
  t.is(run.state, RunState.FAILED, describeRun(run));
  t.is(run.errorReason, ErrorReason.LOCATIONS_OVERLAP);
  t.deepEqual(readTree(source), before);
});

test('locations that no agent can serve are refused with the reason', async (t) => {
  const { source, destination } = await places(t);
  const to = url(destination);
  const sharepoint = 'https://contoso.sharepoint.com/sites/a/Shared Documents';
  t.is(await refusal({ source, destination: sharepoint }), ErrorReason.DESTINATION_UNSUPPORTED);
  t.is(
    await refusal({ source: '\\\\server\\share', destination: to }),
    ErrorReason.SOURCE_UNSUPPORTED,
  );
  for (const bad of ['', 'relative/path', 'ftp://host/x', `file:///a%00b`, `/${'x'.repeat(5000)}`])
    t.is(await refusal({ source: bad, destination: to }), ErrorReason.INVALID_ARGUMENT, bad);
});

for (const how of ['grow', 'shrink'] as const)
  test.serial(`a file that does not stop to ${how} is never reported as migrated`, async (t) => {
    const { source, destination } = await places(t);
    await makeTree(source, { 'changing.log': '', still: 'as it is', zebra: 'too' });
    // Large enough that it cannot be read between two changes.
    await truncate(path.join(source, 'changing.log'), 48 * 1024 * 1024);
    const stop = await changeConstantly(path.join(source, 'changing.log'), how);
    t.teardown(stop);
    const { task, run } = await stack.migrate(source, url(destination));
    t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
    const failed = await stack.items(run, ItemState.FAILED);
    t.deepEqual([...failed.keys()], ['changing.log']);
    t.is(failed.get('changing.log')!.reason, ErrorReason.SOURCE_CHANGED);
    t.is(failed.get('changing.log')!.attempts, 3);
    const there = readTree(destination);
    t.deepEqual([...there.keys()], ['still', 'zebra']);
    await stop();
    assertSucceeded(t, await stack.runToEnd(task));
    t.deepEqual(readTree(destination), migratable(readTree(source)));
  });

test.serial('a file that vanishes after the scan is reported, and the rest arrives', async (t) => {
  const { source, destination } = await places(t);
  await makeTree(source, { stays: '1', vanishes: '2' });
  // Nothing is read before somebody has approved the plan.
  const settings = { requireApproval: true };
  const task = await stack.createTask({ source, destination: url(destination), settings });
  await stack.run(task);
  const { name } = await stack.until(task, ({ state }) => state === RunState.AWAITING_APPROVAL);
  await rm(path.join(source, 'vanishes'));
  await stack.api.runs.approveRun({ name });
  const run = await stack.untilEnded(task);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await stack.items(run, ItemState.FAILED);
  t.deepEqual([...failed.keys()], ['vanishes']);
  t.is(failed.get('vanishes')!.reason, ErrorReason.SOURCE_VANISHED);
  t.deepEqual([...readTree(destination).keys()], ['stays']);
});

test.serial(
  'a destination that is full keeps what arrived, and a second run brings the rest',
  async (t) => {
    const { source, destination } = await places(t);
    await mkdir(destination, { recursive: true });
    if (!mountSmall(t, destination, '16m')) return;
    t.teardown(() => execFileSync('umount', [destination]));
    const content = (number: number) => Buffer.alloc(3 * 1024 * 1024, number + 1);
    const names = Array.from({ length: 10 }, (_, number) => `file ${number}`);
    await mkdir(source);
    for (const [number, name] of names.entries())
      await writeFile(path.join(source, name), content(number));
    const { task, run } = await stack.migrate(source, url(destination));
    t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
    const failed = await stack.items(run, ItemState.FAILED);
    t.true(failed.size >= 5 && failed.size < 10, `${failed.size} failed`);
    for (const item of failed.values())
      t.is(item.reason, ErrorReason.DESTINATION_FULL, item.message);
    const [here, there] = [readTree(source), readTree(destination)];
    t.deepEqual(leftovers(there), []);
    for (const [name, found] of there) t.deepEqual(found, here.get(name));

    execFileSync('mount', ['-o', 'remount,size=64m', destination]);
    const second = await stack.runToEnd(task);
    assertSucceeded(t, second);
    t.is(second.progress!.succeededItems, BigInt(failed.size));
    t.deepEqual(readTree(destination), here);
  },
);

/** A small file system of memory at `place`; false, with the reason in the test's log, where that is not allowed. */
function mountSmall(t: ExecutionContext, place: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], { stdio: 'pipe' });
    return true;
  } catch {
    t.log('skipped: a small file system cannot be mounted here');
    t.pass();
    return false;
  }
}

test.serial('what the agent may not read or write is reported, and the rest arrives', async (t) => {
  if (!canBindRights(t)) {
    t.pass();
    return;
  }
  const { folder, source, destination } = await places(t);
  const name = 'bound';
  const data = stack.folderOf(name);
  await makeTree(source, { closed: { inner: '1' }, 'closed file': '2', open: { inner: '3' } });
  for (const place of [destination, data]) {
    await mkdir(place);
    await giveToBoundUser(place);
  }
  for (const place of [folder, path.dirname(data)]) await chmod(place, 0o755);
  for (const closed of ['closed', 'closed file']) await chmod(path.join(source, closed), 0o000);
  t.teardown(() => chmod(path.join(source, 'closed'), 0o700));
  const user = boundUser();
  const agentGroup = name;
  const agent = await stack.startAgent({
    name,
    arguments: ['--group', agentGroup, '--source-root', folder],
    ...(user === undefined ? {} : { userId: user }),
  });
  t.teardown(() => agent.stop(5000));
  const migrate = async (from: string, to: string) => {
    const bound = await stack.createTask({ source: from, destination: url(to), agentGroup });
    return { task: bound, run: await stack.runToEnd(bound) };
  };

  const { task, run } = await migrate(source, destination);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await stack.items(run, ItemState.FAILED);
  t.deepEqual([...failed.keys()], ['closed', 'closed file']);
  for (const item of failed.values()) t.is(item.reason, ErrorReason.SOURCE_ACCESS_DENIED);
  t.true(readTree(destination).has('open/inner'));

  await chmod(source, 0o000);
  const closedSource = await stack.runToEnd(task);
  await chmod(source, 0o755);
  t.is(closedSource.state, RunState.FAILED, describeRun(closedSource));
  t.is(closedSource.errorReason, ErrorReason.SOURCE_ACCESS_DENIED);

  const readOnly = path.join(folder, 'read only');
  await mkdir(readOnly, { mode: 0o555 });
  const { run: refused } = await migrate(path.join(source, 'open'), readOnly);
  const denied = [...(await stack.items(refused, ItemState.FAILED)).values()];
  const reasons = denied.length > 0 ? denied.map(({ reason }) => reason) : [refused.errorReason];
  t.deepEqual([...new Set(reasons)], [ErrorReason.DESTINATION_ACCESS_DENIED], describeRun(refused));
});
