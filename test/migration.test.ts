// What a migration brings over, with a real coordinator and a real agent: contents, names and dates, and what it leaves behind with a
// reason. The tests share one stack; each has its own task.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../gen/drover/v1/item_pb.ts';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { readIfThere, temporaryFolder } from './harness/folders.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, describeRun, type Stack } from './harness/stack.ts';
import { latin1, leftovers, link, makeTree, migratable, pipe, readTree, setModified, socket, type Tree } from './harness/tree.ts'; // oxfmt-ignore

const test = anyTest as TestFn;
const shared = sharedStack();
let stack: Stack;

test.before(async () => {
  stack = await shared.take();
});

test.after.always(() => shared.leave());

/** A source and a destination of the test's own. */
async function locations(t: ExecutionContext, tree: Tree) {
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  await makeTree(source, tree);
  return { source, destination, url: pathToFileURL(destination).href };
}

/** Asserts that the destination is what the source is, dates to the nanosecond, and nothing else. */
async function assertSame(t: ExecutionContext, source: string, destination: string): Promise<void> {
  t.deepEqual(readTree(destination), migratable(readTree(source)));
}

const oddNames: Tree = {
  'new\nline': '1',
  'quote"s': '2',
  "apostrophe's": '3',
  '-leading-dash': '4',
  '--option=value': '5',
  ' spaces around ': '6',
  ['x'.repeat(255)]: '7',
  ['é'.repeat(127)]: '8',
  'back\\slash': '9',
  'star*question?[brackets]{braces}': '10',
  'tab\tbell\u0007escape\u001b[31m': '11',
  'e\u0301 combining': '12',
  '\u00e9 composed': '13',
  '🚚 emoji 👩‍👩‍👧‍👦': '14',
  '\u202eright to left': '15',
  '100%': '16',
  '#hash?query=1': '17',
  '$(touch x) `id` ; rm -rf .': '18',
  '...': '19',
  '\ufffd replacement': '20',
  'CON': '21', // oxfmt-ignore
  'nul.txt': '22',
  'folder with\nnewline': { '"inner"': 'a', ünïcödé: { 'deep\\er': 'b' } },
};

test('names of every kind arrive as they are', async (t) => {
  const { source, destination, url } = await locations(t, oddNames);
  const { run } = await stack.migrate(source, url);
  assertSucceeded(t, run);
  await assertSame(t, source, destination);
});

test('empty files, empty folders and an empty source arrive', async (t) => {
  const { source, destination, url } = await locations(t, {
    'empty file': '',
    'empty folder': {},
    outer: { inner: { innermost: {} }, 'another empty file': '' },
  });
  const { run } = await stack.migrate(source, url);
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, 6n);
  t.is(run.progress!.succeededBytes, 0n);
  await assertSame(t, source, destination);

  const nothing = await locations(t, {});
  assertSucceeded(t, (await stack.migrate(nothing.source, nothing.url)).run);
});

test('the coordinator never sees the content of a file', async (t) => {
  const marker = `planted content ${Math.random()}`;
  const { source, url } = await locations(t, { file: marker, folder: { 'other file': marker } });
  assertSucceeded(t, (await stack.migrate(source, url)).run);
  const data = stack.coordinator.ready.data;
  const files = readdirSync(data, { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile()))
    t.false(readIfThere(path.join(file.parentPath, file.name)).includes(marker), file.name);
});

test('modified times arrive to the nanosecond, of files and of folders', async (t) => {
  const { source, destination, url } = await locations(t, {
    old: '1',
    new: '2',
    folder: { inner: { file: '3' } },
  });
  await setModified(path.join(source, 'old'), '1975-03-02T01:02:03.123456789Z');
  await setModified(path.join(source, 'new'), '2031-12-31T23:59:59.999999999Z');
  await setModified(path.join(source, 'folder/inner/file'), '2020-02-29T12:00:00.000000001Z');
  await setModified(path.join(source, 'folder/inner'), '2001-01-01T00:00:00.987654321Z');
  await setModified(path.join(source, 'folder'), '2002-02-02T00:00:00.100000000Z');
  assertSucceeded(t, (await stack.migrate(source, url)).run);
  await assertSame(t, source, destination);
});

test('links, sockets and pipes are skipped and reported with the reason', async (t) => {
  const { source, destination, url } = await locations(t, {
    file: 'content',
    'link to file': link('file'),
    'link to nowhere': link('/does/not/exist'),
    'link out': link('/etc'),
    'link loop': link('link loop'),
    pipe: pipe(),
    socket: socket(),
  });
  const { run } = await stack.migrate(source, url);
  assertSucceeded(t, run);
  await assertSame(t, source, destination);
  const items = await stack.items(run, ItemState.SKIPPED);
  t.deepEqual(
    new Map([...items].map(([name, { reason, kind }]) => [name, { reason, kind }])),
    new Map([
      ['link loop', { reason: ErrorReason.SYMBOLIC_LINK, kind: ItemKind.SYMBOLIC_LINK }],
      ['link out', { reason: ErrorReason.SYMBOLIC_LINK, kind: ItemKind.SYMBOLIC_LINK }],
      ['link to file', { reason: ErrorReason.SYMBOLIC_LINK, kind: ItemKind.SYMBOLIC_LINK }],
      ['link to nowhere', { reason: ErrorReason.SYMBOLIC_LINK, kind: ItemKind.SYMBOLIC_LINK }],
      ['pipe', { reason: ErrorReason.SPECIAL_FILE, kind: ItemKind.SPECIAL }],
      ['socket', { reason: ErrorReason.SPECIAL_FILE, kind: ItemKind.SPECIAL }],
    ]),
  );
  for (const item of items.values()) {
    t.not(item.message, '');
    t.not(item.advice, '');
  }
});

test('a name that is not valid Unicode is reported as failed, the rest arrives', async (t) => {
  const { source, destination, url } = await locations(t, { good: '1', folder: { inner: '2' } });
  const bad = (name: number[]) => Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name)]);
  await writeFile(bad([0x62, 0x61, 0x64, 0xff, 0xfe]), 'x');
  await mkdir(bad([0xc3, 0x28]));
  await writeFile(bad([0xc3, 0x28, 0x2f, 0x61]), 'inside');
  const { run } = await stack.migrate(source, url);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const items = await stack.items(run, ItemState.FAILED);
  t.deepEqual([...items.keys()], ['\\xc3(', 'bad\\xff\\xfe']);
  for (const item of items.values()) t.is(item.reason, ErrorReason.NAME_INVALID);
  const names = [...readTree(destination).keys()];
  t.deepEqual(names, ['folder', 'folder/inner', 'good'].map(latin1));
});

test('a second run moves only what changed', async (t) => {
  const { source, destination, url } = await locations(t, {
    kept: 'same',
    'changed content': 'before',
    'changed date only': 'same too',
    folder: { kept: 'same', 'to be removed': 'x' },
  });
  const { task, run: first } = await stack.migrate(source, url);
  assertSucceeded(t, first);
  t.is(first.progress!.succeededItems, 6n);

  await writeFile(path.join(source, 'changed content'), 'after, and longer');
  await utimes(path.join(source, 'changed date only'), 1, 1_000_000_000);
  await makeTree(source, { 'new folder': { 'new file': 'new' } });
  const second = await stack.runToEnd(task);
  assertSucceeded(t, second);
  const moved = await stack.items(second, ItemState.SUCCEEDED);
  t.deepEqual([...moved.keys()].filter((name) => moved.get(name)!.kind === ItemKind.FILE).sort(), [
    'changed content',
    'changed date only',
    'new folder/new file',
  ]);
  const skipped = await stack.items(second, ItemState.SKIPPED);
  t.is(skipped.get('kept')?.reason, ErrorReason.UNCHANGED);
  t.is(skipped.get('folder/kept')?.reason, ErrorReason.UNCHANGED);
  await assertSame(t, source, destination);

  const third = await stack.runToEnd(task);
  assertSucceeded(t, third);
  t.is(third.progress!.succeededBytes, 0n);
  t.is((await stack.items(third, ItemState.SUCCEEDED)).size, 0);
});

test('a file that the task did not put there is left alone and reported', async (t) => {
  const { source, destination, url } = await locations(t, {
    mine: 'from the source',
    same: 'same',
  });
  await makeTree(destination, { mine: 'somebody else wrote this', same: 'same', other: 'stays' });
  const { task, run } = await stack.migrate(source, url);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await stack.items(run, ItemState.FAILED);
  t.deepEqual([...failed.keys()], ['mine']);
  t.is(failed.get('mine')!.reason, ErrorReason.DESTINATION_CONFLICT);
  await rm(path.join(destination, 'mine'));
  assertSucceeded(t, await stack.runToEnd(task));
  await rm(path.join(destination, 'other'));
  t.deepEqual([...readTree(destination).keys()], ['mine', 'same']);
});

test('nothing is written through a link at the destination', async (t) => {
  const { source, destination, url } = await locations(t, { folder: { file: 'secret' }, ok: '1' });
  const outside = await temporaryFolder(t);
  await makeTree(destination, { folder: link(outside) });
  const { run } = await stack.migrate(source, url);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await stack.items(run, ItemState.FAILED);
  t.is(failed.get('folder/file')?.reason, ErrorReason.DESTINATION_ESCAPES);
  t.is(readTree(outside).size, 0);
});

test('200 levels deep', async (t) => {
  const { source, destination, url } = await locations(t, {});
  const names = Array.from({ length: 200 }, (_, level) => `level ${level}`);
  await mkdir(path.join(source, ...names), { recursive: true });
  await writeFile(path.join(source, ...names, 'bottom'), 'deep');
  const { run } = await stack.migrate(source, url);
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, 201n);
  await assertSame(t, source, destination);
});

test('what lies deeper than a path can reach is reported, and the rest arrives', async (t) => {
  const { source, destination, url } = await locations(t, { top: '1' });
  // Beyond PATH_MAX only steps from folder to folder lead on, in a process of their own.
  const steps = `for (let level = 0; level < 120; level++) {
    fs.mkdirSync('a folder with a name of forty characters');
    process.chdir('a folder with a name of forty characters');
  }`;
  execFileSync(process.execPath, ['-e', steps], { cwd: source });
  t.teardown(() => execFileSync('rm', ['-rf', source, destination]));
  const { run } = await stack.migrate(source, url);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await stack.items(run, ItemState.FAILED);
  t.true(failed.size > 0);
  for (const item of failed.values()) t.is(item.reason, ErrorReason.PATH_TOO_LONG, item.message);
  t.true(existsSync(path.join(destination, 'top')));
});

test.serial('6,000 files in one folder', async (t) => {
  t.timeout(180_000);
  const { source, destination, url } = await locations(t, { folder: {} });
  // More than any page or batch, and than SharePoint shows of a folder.
  const count = 6000;
  for (let number = 0; number < count; number++)
    writeFileSync(path.join(source, 'folder', `file ${number}`), `content ${number}`);
  const { run } = await stack.migrate(source, url);
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, BigInt(count + 1));
  const [there, here] = [readTree(destination), readTree(source)];
  t.is(there.size, count + 1);
  for (const [name, found] of here)
    if (
      there.get(name)?.content !== found.content ||
      there.get(name)?.modifiedNs !== found.modifiedNs
    )
      t.fail(`${name} is not the same`);
  t.deepEqual(leftovers(there), []);
});
