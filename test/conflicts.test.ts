// What becomes of files that somebody changed at the destination, with real processes.
import { utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { ConflictPolicy } from '../gen/drover/v1/settings_pb.ts';
import { temporaryFolder } from './harness/folders.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, describeRun, stackOf } from './harness/stack.ts';
import { makeTree, readTree } from './harness/tree.ts';

const shared = sharedStack();
test.after.always(() => shared.leave());

test('each policy does what it says, and the run keeps the one it started with', async (t) => {
  const folder = await temporaryFolder(t);
  const source = path.join(folder, 'source');
  await makeTree(source, { 'a.txt': 'ours', 'same.txt': 'same', sub: { 'b.txt': 'ours' } });
  const late = new Date('2040-01-01T00:00:00Z');
  const stack = await shared.take();
  const begin = async (conflictPolicy: ConflictPolicy) => {
    const destination = path.join(folder, `destination ${conflictPolicy}`);
    const theirs = { 'a.txt': 'theirs', 'same.txt': 'same', sub: { 'b.txt': 'theirs' } };
    await makeTree(destination, theirs);
    await utimes(path.join(destination, 'sub', 'b.txt'), late, late);
    const url = pathToFileURL(destination).href;
    const task = await stack.createTask({ source, destination: url, settings: { conflictPolicy } });
    const contents = () => readContents(destination);
    return { task, contents, destination };
  };
  const words = new Map(Object.entries(readContents(source)));

  const overwrite = await begin(ConflictPolicy.OVERWRITE);
  assertSucceeded(t, await stack.runToEnd(overwrite.task));
  t.deepEqual(overwrite.contents(), Object.fromEntries(words));

  const newer = await begin(ConflictPolicy.NEWER_WINS);
  await utimes(path.join(newer.destination, 'a.txt'), new Date(0), new Date(0));
  const run = await stack.runToEnd(newer.task);
  assertSucceeded(t, run);
  t.is(run.settings!.conflictPolicy, ConflictPolicy.NEWER_WINS);
  const left = await stack.items(run, ItemState.SKIPPED);
  t.is(left.get('sub/b.txt')?.reason, ErrorReason.DESTINATION_NEWER);
  t.is(newer.contents()['a.txt'], words.get('a.txt'));
  t.not(newer.contents()['sub/b.txt'], words.get('sub/b.txt'));

  const both = await begin(ConflictPolicy.KEEP_BOTH);
  const before = both.contents();
  const first = await stack.runToEnd(both.task);
  assertSucceeded(t, first);
  t.is((await stack.items(first)).get('a.txt')!.destinationPath, 'a (2).txt');
  const why = await stack.api.items.explainItem({ parent: both.task, path: 'a.txt' });
  t.is(why.summary, `"a.txt" was migrated by ${first.name} to "a (2).txt".`);
  await writeFile(path.join(source, 'a.txt'), 'ours again');
  assertSucceeded(t, await stack.runToEnd(both.task));
  const again = readContents(source)['a.txt']!;
  t.deepEqual(both.contents(), {
    ...before,
    'a (2).txt': again,
    'sub/b (2).txt': words.get('sub/b.txt')!,
  });
});

test('what failed is tried again by itself, also when the coordinator is killed meanwhile', async (t) => {
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  await makeTree(source, { 'a.txt': 'ours', 'b.txt': 'ours', sub: { 'c.txt': 'ours' }, z: '' });
  await makeTree(destination, { 'a.txt': 'theirs', sub: { 'c.txt': 'theirs' } });
  const stack = await stackOf(t, { folder: path.join(folder, 'stack') });
  const agent = await stack.startAgent();
  const { task, run } = await stack.migrate(source, pathToFileURL(destination).href);
  t.is(run.progress!.failedItems, 2n, describeRun(run));
  const why = await stack.api.items.explainItem({ parent: task, path: 'sub/c.txt' });
  t.regex(why.summary, /^"sub\/c\.txt" failed in .*another file stands at the destination/);

  await agent.stop();
  await writeFile(path.join(source, 'new.txt'), 'not looked at');
  const settings = { conflictPolicy: ConflictPolicy.OVERWRITE };
  await stack.api.tasks.updateTask({ task: { name: task, settings } });
  const retry = (await stack.api.runs.retryRun({ name: run.name })).run!;
  t.is(retry.retriedRun, run.name);
  await stack.coordinator.kill();
  await stack.startCoordinator();
  await stack.startAgent();
  const ended = await stack.untilEnded(task);
  assertSucceeded(t, ended);
  t.like(ended.progress, { scannedItems: 2n, plannedItems: 2n, succeededItems: 2n });
  t.deepEqual([...(await stack.items(ended)).keys()], ['a.txt', 'sub/c.txt']);
  const { 'new.txt': unseen, ...rest } = readContents(source);
  t.truthy(unseen);
  t.deepEqual(readContents(destination), rest);
  const other = await stack.api.items.explainItem({ parent: task, path: 'b.txt' });
  t.regex(other.summary, /"b\.txt" was migrated by .*\/runs\/1/);
});

function readContents(folder: string): Record<string, string> {
  return Object.fromEntries(
    [...readTree(folder)].flatMap(([name, { content }]) =>
      content === undefined ? [] : [[name, content]],
    ),
  );
}
