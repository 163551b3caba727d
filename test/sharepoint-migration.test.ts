// What a migration brings over to a library of an emulated tenant, with real processes on every side: contents, names and dates, what a
// second run does, and what it leaves alone. The tests share one tenant; each has its own task.
import { hash } from 'node:crypto';
import { appendFileSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ZipFile } from 'yazl';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState, ItemVerification, type Item } from '../gen/drover/v1/item_pb.ts';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { makeLargeFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { sharedTenant } from './harness/shared.ts';
import { assertSucceeded, describeRun } from './harness/stack.ts';
import { below, type Arrived, type Tenant } from './harness/tenant.ts';
import { makeTree, type Tree } from './harness/tree.ts';

const test = anyTest as TestFn;
const shared = sharedTenant();
let tenant: Tenant;

test.before(async () => {
  tenant = await shared.take();
});

test.after.always(() => shared.leave());

/** A source of the test's own, and a place for it in the tenant. */
async function scene(t: ExecutionContext, tree: Tree) {
  const source = path.join(await temporaryFolder(t), 'source');
  await makeTree(source, tree);
  return { source, destination: tenant.place() };
}

/** How many requests brought content since the counts began; the look at a destination before a run opens a session, and sends none. */
async function uploads(): Promise<number> {
  const { classMethods } = await tenant.stats();
  return (classMethods['uploadSession']?.['PUT'] ?? 0) + (classMethods['items']?.['PUT'] ?? 0);
}

/** Asserts that every item that the run calls migrated is there as it says, and nothing else is there. */
async function assertArrived(
  t: ExecutionContext,
  source: string,
  destination: string,
  items: Map<string, Item>,
): Promise<Map<string, Arrived>> {
  const there = await tenant.tree(destination);
  const places = new Map<string, Item>();
  for (const item of items.values()) {
    const isThere = item.state === ItemState.SUCCEEDED || item.reason === ErrorReason.UNCHANGED;
    if (isThere) places.set(item.destinationPath || item.path, item);
  }
  t.deepEqual([...there.keys()].sort(), [...places.keys()].sort());
  for (const [place, item] of places) await assertSame(t, source, destination, there.get(place)!, item); // oxfmt-ignore
  return there;
}

/** An empty file has two versions: it cannot be uploaded together with its dates. */
async function assertSame(
  t: ExecutionContext,
  source: string,
  destination: string,
  arrived: Arrived,
  item: Item,
): Promise<void> {
  const local = path.join(source, item.path);
  const seconds = Math.floor(lstatSync(local).mtimeMs / 1000);
  t.is(Date.parse(arrived.modified), seconds * 1000, `the date of ${item.path}`);
  t.is(arrived.isFolder, item.kind === ItemKind.FOLDER, item.path);
  if (arrived.isFolder) return;
  if (item.state === ItemState.SUCCEEDED) {
    t.is(item.destinationId, arrived.id, item.path);
    t.is(item.verification, ItemVerification.HASH, item.path);
    t.is(item.quickXorHash, arrived.hash ?? '', item.path);
  }
  const content = hash('sha256', readFileSync(local));
  t.is(await tenant.contentHash(destination, arrived.id), content, item.path);
  t.is(await tenant.versions(destination, arrived.id), arrived.size === 0 ? 2 : 1, item.path);
}

const oddNames: Tree = {
  'what? "this": a<b>c|d*.txt': '1',
  'back\\slash.txt': '2',
  'ends with dots..': '3',
  'ends with a space ': '4',
  ' begins with a space': '5',
  'Minutes.txt': '6',
  'minutes.TXT': '7',
  'MINUTES.txt': '8',
  'e\u0301te\u0301.txt': '9',
  '\u00e9t\u00e9.txt': '10',
  'CON': '11', // oxfmt-ignore
  'con.txt': '12',
  '.lock': '13',
  _vti_: { file: 'in a folder that cannot be' },
  '日本語の資料.txt': '14',
  '100% #1 & more; $(x) `y` {z} [a]~.txt': '15',
  'a+b=c,d@e!f(g)\'h.txt': '16', // oxfmt-ignore
  '🚚.txt': '17',
  '🎉🎉.txt': '18',
  'tab\tnewline\n.txt': '19',
  '%41%2f.txt': '20',
  '~$owner.docx': 'left by a program',
  'desktop.ini': 'left by a program',
  Folder: { one: '1' },
  folder: { two: '2', 'Deep.': { ' x ': { 'y|': '3' } } },
  ['x'.repeat(200)]: 'long',
};

test.serial(
  'odd names arrive under names that SharePoint takes, and the items say which',
  async (t) => {
    const { source, destination } = await scene(t, oddNames);
    const { run } = await tenant.stack.migrate(source, destination);
    const items = await tenant.stack.items(run);
    const states = (state: ItemState) =>
      [...items.values()].filter((item) => item.state === state).map((item) => item.path);
    t.deepEqual(states(ItemState.FAILED), ['_vti_', '_vti_/file']);
    t.deepEqual(states(ItemState.SKIPPED), ['desktop.ini', '~$owner.docx']);
    for (const name of ['_vti_', '_vti_/file'])
      t.is(items.get(name)!.reason, ErrorReason.NAME_INVALID, items.get(name)!.message);
    t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
    await assertArrived(t, source, destination, items);
    const placeOf = (name: string) => items.get(name)!.destinationPath;
    t.is(placeOf('what? "this": a<b>c|d*.txt'), 'what_ _this__ a_b_c_d_.txt');
    t.is(placeOf('folder/Deep./ x /y|'), 'folder (2)/Deep_/_x_/y_');
    t.is(placeOf('100% #1 & more; $(x) `y` {z} [a]~.txt'), '');
    // Twins by case and by form: each has a place of its own.
    const twins = ['Minutes.txt', 'minutes.TXT', 'MINUTES.txt', 'e\u0301te\u0301.txt', '\u00e9t\u00e9.txt']; // oxfmt-ignore
    const placed = twins.map((name) => (placeOf(name) || name).normalize('NFC').toLowerCase());
    t.is(new Set(placed).size, twins.length, placed.join(', '));

    // A second run keeps the names and moves nothing.
    await tenant.resetStats();
    const task = run.name.split('/runs/')[0]!;
    const second = await tenant.stack.runToEnd(task);
    t.is(second.progress!.succeededItems, 0n, describeRun(second));
    t.is(await uploads(), 0);
    await assertArrived(t, source, destination, await tenant.stack.items(second));
  },
);

test.serial(
  'deep folders, empty files and folders, and a file of many chunks arrive',
  async (t) => {
    const { source, destination } = await scene(t, {
      'empty file': '',
      'empty folder': {},
      outer: { inner: { innermost: {}, 'another empty file': '' } },
    });
    const names = Array.from({ length: 40 }, (_, level) => `level ${level}`);
    await mkdir(path.join(source, ...names), { recursive: true });
    await writeFile(path.join(source, ...names, 'bottom'), 'deep');
    makeLargeFiles(path.join(source, 'large files'), 1, 32 * 1024 * 1024);
    await utimes(path.join(source, 'outer/inner'), 1, 1_000_000_000);
    await utimes(path.join(source, 'outer'), 1, 1_100_000_000.9);
    await utimes(path.join(source, 'empty file'), 1, 1_200_000_000.999);
    const { run } = await tenant.stack.migrate(source, destination);
    assertSucceeded(t, run);
    await assertArrived(t, source, destination, await tenant.stack.items(run));
  },
);

test.serial('a path that SharePoint cannot hold is reported, and the rest arrives', async (t) => {
  const name = 'a folder with a name of forty characters';
  const { source, destination } = await scene(t, { top: '1' });
  await mkdir(path.join(source, ...new Array<string>(12).fill(name)), { recursive: true });
  const { run } = await tenant.stack.migrate(source, destination);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
  const failed = await tenant.stack.items(run, ItemState.FAILED);
  t.true(failed.size > 0 && failed.size < 12);
  for (const item of failed.values()) t.is(item.reason, ErrorReason.PATH_TOO_LONG, item.message);
  t.true((await tenant.tree(destination)).has('top'));
});

test.serial(
  'a OneDrive is reached by the e-mail address of its owner, and a library by its title',
  async (t) => {
    const { source } = await scene(t, { file: 'content', folder: { inner: 'content' } });
    const names = ['file', 'folder', 'folder/inner'];
    assertSucceeded(t, (await tenant.stack.migrate(source, 'ann@contoso.com')).run);
    const oneDrive = 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents';
    t.deepEqual([...(await tenant.tree(oneDrive)).keys()].sort(), names);
    const hr = 'https://contoso.sharepoint.com/sites/hr';
    assertSucceeded(t, (await tenant.stack.migrate(source, `${hr}/Policies/Deep in/it`)).run);
    t.deepEqual([...(await tenant.tree(`${hr}/HRPolicies/Deep in/it`)).keys()].sort(), names);
  },
);

async function documentOf(text: string): Promise<Buffer> {
  const zip = new ZipFile();
  const types = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'; // oxfmt-ignore
  zip.addBuffer(Buffer.from(types), '[Content_Types].xml');
  zip.addBuffer(Buffer.from(`<w:document>${text}</w:document>`), 'word/document.xml');
  zip.end();
  return await buffer(zip.outputStream);
}

test.serial(
  'Office files that SharePoint rewrites are proved by their content, and not moved again',
  async (t) => {
    const { source, destination } = await scene(t, {
      'report.docx': await documentOf('as it is'),
      'no office file at all.docx': 'text',
    });
    await tenant.faults({ fault: { kind: 'rewriteOffice' } });
    t.teardown(() => tenant.faults());
    const { task, run } = await tenant.stack.migrate(source, destination);
    assertSucceeded(t, run);
    const items = await tenant.stack.items(run);
    const report = items.get('report.docx')!;
    t.is(report.verification, ItemVerification.REWRITTEN_BY_SHAREPOINT);
    t.is(items.get('no office file at all.docx')!.verification, ItemVerification.HASH);
    const there = (await tenant.tree(destination)).get('report.docx')!;
    t.not(there.hash, report.quickXorHash);
    t.is(await tenant.versions(destination, there.id), 1);
    await tenant.resetStats();
    assertSucceeded(t, await tenant.stack.runToEnd(task));
    t.is(await uploads(), 0);
  },
);

test.serial('a run asks only for the folders that it has to do with', async (t) => {
  const folders = Array.from({ length: 40 }, (_, index) => [
    `folder ${index}`,
    { file: `${index}` },
  ]);
  const { source, destination } = await scene(t, Object.fromEntries(folders) as Tree);
  const { task, run } = await tenant.stack.migrate(source, destination);
  assertSucceeded(t, run);
  const asked = async () => {
    await tenant.resetStats();
    const again = await tenant.stack.runToEnd(task);
    assertSucceeded(t, again);
    const { items: { GET = 0, PATCH = 0 } = {} } = (await tenant.stats()).classMethods;
    for (const [name, { isFolder, modified }] of await tenant.tree(destination)) {
      const seconds = Math.floor(lstatSync(path.join(source, name)).mtimeMs / 1000);
      if (isFolder) t.is(Date.parse(modified), seconds * 1000, name);
    }
    return { GET, PATCH };
  };
  // Folders in which a lease was taken back, as on a slow machine, are looked at once more.
  t.is((await asked()).PATCH, 0);
  const [unchanged, same] = [await asked(), await asked()];
  t.deepEqual([unchanged.PATCH, same], [0, unchanged]);
  appendFileSync(path.join(source, 'folder 7', 'file'), 'more');
  appendFileSync(path.join(source, 'folder 9', 'another'), 'new');
  const changed = await asked();
  t.true(changed.GET + changed.PATCH < folders.length / 2, JSON.stringify(changed));
});

test.serial('a file that changed becomes a new version, what did not is left alone', async (t) => {
  const { source, destination } = await scene(t, {
    kept: 'same',
    changed: 'before',
    'changed while empty': '',
    folder: { kept: 'same', edited: 'from the source' },
  });
  const { task, run: first } = await tenant.stack.migrate(source, destination);
  assertSucceeded(t, first);
  const before = await tenant.tree(destination);

  await writeFile(path.join(source, 'changed'), 'after, and longer');
  await writeFile(path.join(source, 'changed while empty'), 'no more');
  await writeFile(path.join(source, 'folder/edited'), 'from the source, later');
  await tenant.put(below(destination, 'folder/edited'), 'by somebody at the destination');
  await makeTree(source, { 'new folder': { 'new file': 'new' } });
  const second = await tenant.stack.runToEnd(task);
  t.is(second.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(second));
  const failed = await tenant.stack.items(second, ItemState.FAILED);
  t.deepEqual([...failed.keys()], ['folder/edited']);
  t.is(failed.get('folder/edited')!.reason, ErrorReason.DESTINATION_CONFLICT);
  const moved = await tenant.stack.items(second, ItemState.SUCCEEDED);
  const files = [...moved.values()].filter(({ kind }) => kind === ItemKind.FILE);
  t.deepEqual(files.map((item) => item.path).sort(), [
    'changed',
    'changed while empty',
    'new folder/new file',
  ]);

  const after = await tenant.tree(destination);
  for (const [name, versions] of [
    ['changed', 2],
    ['changed while empty', 3],
  ] as const) {
    t.is(after.get(name)!.id, before.get(name)!.id);
    t.is(await tenant.versions(destination, after.get(name)!.id), versions, name);
  }
  t.is(await tenant.versions(destination, after.get('kept')!.id), 1);
  const edited = hash('sha256', 'by somebody at the destination');
  t.is(await tenant.contentHash(destination, after.get('folder/edited')!.id), edited);
  const content = hash('sha256', 'after, and longer');
  t.is(await tenant.contentHash(destination, after.get('changed')!.id), content);

  // Whoever edited it takes it away, and the next run brings it.
  await tenant.delete(below(destination, 'folder/edited'));
  assertSucceeded(t, await tenant.stack.runToEnd(task));
  t.true((await tenant.tree(destination)).has('folder/edited'));
});

test.serial(
  'a first run takes what is there already for migrated where it is the same',
  async (t) => {
    const document = await documentOf('the same');
    const { source, destination } = await scene(t, {
      same: 'the same',
      'same.docx': document,
      empty: '',
      other: 'from the source',
      'longer there': 'x',
      'a folder there': 'a file here',
      folder: { same: 'the same too', new: 'new' },
    });
    for (const [name, content] of [
      ['same', 'the same'],
      ['same.docx', document],
      ['empty', ''],
      ['other', 'not the source'],
      ['longer there', 'xx'],
      ['a folder there/inner', ''],
      ['folder/same', 'the same too'],
      ['folder/theirs', 'stays'],
    ] as const)
      await tenant.put(below(destination, name), content);
    const before = await tenant.tree(destination);
    const { task, run } = await tenant.stack.migrate(source, destination);
    t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES, describeRun(run));
    const failed = await tenant.stack.items(run, ItemState.FAILED);
    t.deepEqual([...failed.keys()].sort(), ['a folder there', 'longer there', 'other']);
    for (const item of failed.values()) {
      t.is(item.reason, ErrorReason.DESTINATION_CONFLICT, item.message);
      t.not(item.advice, '');
    }
    const after = await tenant.tree(destination);
    for (const [name, item] of before) if (!item.isFolder) t.deepEqual(after.get(name), item, name);
    t.is(after.size, before.size + 1);
    const items = await tenant.stack.items(run);
    for (const name of ['same', 'same.docx', 'empty', 'folder/same']) {
      t.is(items.get(name)!.destinationId, after.get(name)!.id, name);
      t.is(items.get(name)!.verification, ItemVerification.HASH, name);
    }

    // What was taken for migrated is known from then on: a change of it is a change, not a conflict.
    await rm(path.join(source, 'other'));
    await rm(path.join(source, 'longer there'));
    await rm(path.join(source, 'a folder there'));
    await writeFile(path.join(source, 'same'), 'changed at the source');
    const second = await tenant.stack.runToEnd(task);
    assertSucceeded(t, second);
    t.is(await tenant.versions(destination, after.get('same')!.id), 2);
  },
);
