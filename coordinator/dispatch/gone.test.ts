// What is gone from the source, and what was renamed or moved there: runs of a task whose source changes, on a real store.
import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  BatchItemsSchema,
  type BatchItems,
  type BatchResults,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState, type Item } from '../../gen/drover/v1/item_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { foldPath } from '../plan/name-twins.ts';
import { comparePaths } from '../plan/path-order.ts';
import { openNamedTask, phasesInOrder, type NamedTask } from './testing/named-task.ts';
import type { Entry } from './testing/scripted-agent.ts';

const { FOLDER } = ItemKind;
const gonePolicy = GonePolicy.RECYCLE;
const folderDestination = 'file:///to';

/** A file with an id by which it is found again; everything else about it follows from the id. */
const file = (path: string, id: number): Entry => ({
  path,
  size: BigInt(id * 10),
  modifiedNs: BigInt(id * 1000),
  createdNs: BigInt(id * 100),
  fileId: BigInt(id),
});
const folder = (path: string, id: number): Entry => ({ path, kind: FOLDER, fileId: BigInt(id) });
const unreadable = (path: string, id: number): Entry => ({
  ...folder(path, id),
  remark: { reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'no right' },
});

/** What a run does, in short: `path action [from]`, without what is unchanged. */
function deedsOf(items: readonly Item[]): string[] {
  return items
    .filter(({ reason }) => reason !== ErrorReason.UNCHANGED)
    .map(({ path, action, movedFrom }) =>
      [path, nameOf(ItemAction, action), ...(movedFrom === '' ? [] : [movedFrom])].join(' '),
    );
}

const nameOf = (values: object, wanted: number): string =>
  Object.entries(values).find(([, value]) => value === wanted)![0];

async function progress(task: NamedTask) {
  const { progress: counts, state } = (await task.store.run(task.key))!.run!;
  const { goneItems, movedItems, recycledItems, failedItems, scannedItems, succeededItems, skippedItems } = counts!; // oxfmt-ignore
  const told = Number(succeededItems + skippedItems + failedItems - scannedItems);
  return { gone: Number(goneItems), moved: Number(movedItems), recycled: Number(recycledItems), told, state }; // oxfmt-ignore
}

const succeeded = RunState.SUCCEEDED;

test('what is gone is kept, and told of once', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  const all = [folder('d', 1), file('d/a', 2), file('d/b', 3), file('e', 4)];
  await task.scan([all]);
  await task.migrate();
  const items = await task.scan([[folder('d', 1), file('d/b', 3)]]);
  t.deepEqual(deedsOf(items), ['d UPDATE', 'd/a KEEP', 'e KEEP']);
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 2, moved: 0, recycled: 0, told: 0, state: succeeded });
  t.deepEqual(deedsOf(await task.scan([[folder('d', 1), file('d/b', 3)]])), ['d UPDATE']);
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 0, moved: 0, recycled: 0, told: 0, state: succeeded });
  t.deepEqual(deedsOf(await task.scan([all])), ['d UPDATE'], 'it is back, and is what it was');
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[folder('d', 1), file('d/b', 3), file('e', 4)]])), ['d UPDATE', 'd/a KEEP']); // oxfmt-ignore
});

test('what is gone is recycled, and forgotten then', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[folder('d', 1), file('d/a', 2), file('e', 3), file('f', 4)]]);
  await task.migrate();
  const items = await task.scan([[file('f', 4)]], { gonePolicy });
  t.deepEqual(deedsOf(items), ['d RECYCLE', 'd/a RECYCLE', 'e RECYCLE']);
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 3, moved: 0, recycled: 3, told: 0, state: succeeded });
  t.deepEqual(await task.store.ledger('a', ['d', 'd/a', 'e']), [undefined, undefined, undefined]);
  t.deepEqual(await task.store.fileIds('a', [1n, 2n, 3n]), [undefined, undefined, undefined]);
  t.deepEqual(deedsOf(await task.scan([[file('f', 4)]], { gonePolicy })), []);
  t.is((await progress(task)).state, succeeded, 'nothing is left to do');
});

test('what was kept before is recycled once that is wanted', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('e', 3), file('f', 4)]]);
  await task.migrate();
  await task.scan([[file('f', 4)]]);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('f', 4)]], { gonePolicy })), ['e RECYCLE']);
});

test('what a scan cannot see is not gone', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[folder('d', 1), file('d/a', 2), folder('d/e', 3), file('d/e/b', 4), file('z', 5)]]); // oxfmt-ignore
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[unreadable('d', 1), file('z', 5)]])), ['d FAIL']);
  t.deepEqual(deedsOf(await task.scan([[unreadable('d', 1)], [file('z', 5)]])), ['d FAIL']);
  t.deepEqual(deedsOf(await task.scan([[unreadable('d', 1)]])), ['d FAIL', 'z KEEP']);
});

test('a renamed file is moved with all that is known of it', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('a', 2), file('m', 3)]]);
  await task.migrate();
  // One new path comes before the old one, the other after it.
  const items = await task.scan([[file('b', 3)], [file('z', 2)]], { gonePolicy });
  t.deepEqual(deedsOf(items), ['a RECYCLE', 'b MOVE m', 'm RECYCLE', 'z MOVE a']);
  await task.migrate((results) => {
    results.sha256.fill(0);
    results.quickXorHash.fill(0);
  });
  t.deepEqual(await progress(task), { gone: 0, moved: 2, recycled: 0, told: 0, state: succeeded });
  const [a, b, m, z] = await task.store.ledger('a', ['a', 'b', 'm', 'z']);
  t.deepEqual([a, m], [undefined, undefined]);
  for (const [row, id] of [[b!, 3], [z!, 2]] as const) {
    t.like(row, { fileId: BigInt(id), run: 2, size: BigInt(id * 10), agent: 'one', attempts: 1 });
    t.deepEqual([...row.sha256], new Array(32).fill(1));
    t.deepEqual([...row.quickXorHash], new Array(20).fill(2));
  } // oxfmt-ignore
  t.deepEqual(deedsOf(await task.scan([[file('b', 3), file('z', 2)]], { gonePolicy })), []);
});

test('an agent is told where a moved item was, and whether it has to be read', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('a', 2), file('b', 3)]]);
  await task.migrate((results) => {
    results.destinationId = results.state.map((_, index) => `id-${index}`);
  });
  await task.scan([[file('c', 2), { ...file('d', 3), createdNs: 1n }]]);
  const items = fromBinary(BatchItemsSchema, (await task.store.batchItems({ ...task.key, batch: 2 }))!); // oxfmt-ignore
  t.deepEqual(items.path, ['c', 'd']);
  t.like(items.origin[0], { index: 0, path: 'a', destinationPath: 'a', isCertain: true });
  t.like(items.origin[1], { index: 1, path: 'b', destinationPath: 'b', isCertain: false });
  t.deepEqual([...items.origin[0]!.sha256], new Array(32).fill(1));
  t.like(items.expected[1], { index: 1, id: 'id-1', size: 30n });
});

test('a second name of a file that is still there is written as a new one', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('m', 3)]]);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('m', 3), file('n', 3)]])), ['n CREATE']);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('m', 3)], [file('n', 3), file('o', 3)]])), ['o CREATE']); // oxfmt-ignore
  // What comes before may be moved, as far as is known then; the agent sees that the old path is there, and writes a new one.
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('b', 3)], [file('m', 3), file('n', 3), file('o', 3)]])), ['b MOVE o']); // oxfmt-ignore
  await task.migrate((results) => {
    results.moved = [];
  });
  t.deepEqual(await progress(task), { gone: 0, moved: 0, recycled: 0, told: 0, state: succeeded });
  const rows = await task.store.ledger('a', ['b', 'm', 'n', 'o']);
  t.true(rows.every((row) => row !== undefined));
});

test('of two new items with one old id only the first is moved, also over pages', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('m', 3)]]);
  await task.migrate();
  const items = await task.scan([[file('a', 3), file('b', 3)], [file('c', 3)], [file('z', 3)]]);
  t.deepEqual(deedsOf(items), ['a MOVE m', 'b CREATE', 'c CREATE', 'm KEEP', 'z CREATE']);
});

for (const isMoved of [true, false])
  test(`a file is written where another had to be moved away, in the same run and after that (moved: ${isMoved})`, async (t) => {
    const task = await openNamedTask(t);
    await task.scan([[file('m', 3)]]);
    await task.migrate();
    const items = await task.scan([[file('a', 3)], [file('m', 4), file('n', 5)]]);
    t.deepEqual(deedsOf(items), ['a MOVE m', 'm UPDATE', 'n CREATE']);
    const late = await task.store.pendingBatches(task.key, BatchPhase.LATE, 0, 9);
    t.is(late.length, 1);
    // An agent that looked when the old path was free has moved it; one that looks later sees that it is taken.
    await task.migrate((results) => (isMoved ? undefined : (results.moved = [])), [BatchPhase.TRANSFER]); // oxfmt-ignore
    const [name] = await task.store.names('a', [foldPath('m')]);
    t.is(name?.path, 'm', 'nobody else gets its name meanwhile');
    await task.migrate((_results, _count, { path, action, expected }) => {
      const wanted = isMoved ? [ItemAction.CREATE, 0] : [ItemAction.UPDATE, 1];
      t.deepEqual([path, action[0], expected.length], [['m'], ...wanted]);
    }, [BatchPhase.LATE]); // oxfmt-ignore
    const { failedItems } = (await task.store.run(task.key))!.run!.progress!;
    t.deepEqual([failedItems, await progress(task)], [0n, { gone: 0, moved: isMoved ? 1 : 0, recycled: 0, told: 0, state: succeeded }]); // oxfmt-ignore
    t.deepEqual(deedsOf(await task.scan([[file('a', 3)], [file('m', 4), file('n', 5)]])), []);
  });

test('of files in one page it is known before anything is planned which have another path now', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('a', 3), file('m', 4)]]);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('a', 3), file('k', 4), file('m', 5)]])), ['k CREATE', 'm UPDATE']); // oxfmt-ignore
});

test('a move that fails leaves the item where it is, for the next run to move', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('m', 3), file('n', 4)]]);
  await task.migrate();
  await task.scan([[file('a', 3), file('n', 4)]], { gonePolicy });
  await task.migrate((results) => {
    results.state = results.state.map(() => ItemState.FAILED);
  });
  const counts = await progress(task);
  t.deepEqual(counts, { gone: 0, moved: 0, recycled: 0, told: 0, state: RunState.SUCCEEDED_WITH_FAILURES }); // oxfmt-ignore
  t.not((await task.store.ledger('a', ['m']))[0], undefined);
  t.deepEqual(deedsOf(await task.scan([[file('a', 3), file('n', 4)]], { gonePolicy })), ['a MOVE m', 'm RECYCLE']); // oxfmt-ignore
  await task.migrate();
  t.is((await progress(task)).moved, 1);
});

test('what could not be moved and was written anew is recycled at its old path', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('m', 3), file('n', 4)]]);
  await task.migrate();
  await task.scan([[file('a', 3), file('n', 4)]], { gonePolicy });
  await task.migrate((results) => {
    results.moved = [];
  });
  t.deepEqual(await progress(task), { gone: 1, moved: 0, recycled: 1, told: 0, state: succeeded });
  t.is((await task.store.ledger('a', ['m']))[0], undefined);
});

test('a renamed folder: its files are moved, and the old one does not stay behind', async (t) => {
  for (const policy of [GonePolicy.KEEP, GonePolicy.RECYCLE]) {
    const task = await openNamedTask(t, folderDestination);
    await task.scan([[folder('m', 1), folder('m/s', 3), file('m/s/y', 4), file('m/x', 2), folder('o', 5)]]); // oxfmt-ignore
    await task.migrate();
    for (const [at, [to, from]] of [['b', 'm'], ['z', 'b']].entries()) {
      const renamed = [folder(to!, 1), file(`${to}/x`, 2), folder(`${to}/s`, 3), file(`${to}/s/y`, 4), folder('o', 5)];
      const pages = renamed.toSorted((one, other) => comparePaths(one.path, other.path)).map((one) => [one]);
      await task.scan(pages, { gonePolicy: policy });
      await task.migrate();
      const told = `${nameOf(GonePolicy, policy)} ${at}`;
      t.deepEqual(await progress(task), { gone: 2, moved: 2, recycled: 2, told: 0, state: succeeded }, told);
      const rows = await task.store.ledger('a', [from!, `${from}/s`, `${from}/s/y`, `${from}/x`]);
      t.true(rows.every((row) => row === undefined), told);
    } // oxfmt-ignore
  }
});

test('folders that are gone are recycled after all files, the deepest first', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  const folders = Array.from({ length: 1200 }, (_, index) => `d${String(index).padStart(4, '0')}`);
  const entries = folders.flatMap((path) => [folder(path, 0), { path: `${path}/f`, size: 1n }]);
  const pages = [entries.slice(0, 1600), entries.slice(1600)];
  await task.scan(pages);
  await task.migrate();
  await task.scan([[{ path: 'e' }]], { gonePolicy });
  await task.migrate(undefined, [BatchPhase.TRANSFER]);
  const order: string[] = [];
  for (;;) {
    const pending = await task.store.pendingBatches(task.key, BatchPhase.GONE, 0, 1);
    if (pending.length === 0) break;
    const items = await task.store.batchItems({ ...task.key, batch: pending[0]! });
    order.push(...fromBinary(BatchItemsSchema, items!).path.slice(0, 1));
    await task.migrateNext(BatchPhase.GONE);
  }
  t.deepEqual(order, ['d0000/f', 'd0500/f', 'd1000/f', 'd1000', 'd0500', 'd0000']);
  t.deepEqual(await progress(task), { gone: 2400, moved: 0, recycled: 2400, told: 0, state: succeeded }); // oxfmt-ignore
});

test('a page after which very much is gone is stored in several steps, whatever comes between', async (t) => {
  const count = 9500;
  const task = await openNamedTask(t, folderDestination);
  const names = Array.from({ length: count }, (_, index) => `f${String(index).padStart(5, '0')}`);
  for (let at = 0, pages: Entry[][] = []; ; at += 2000) {
    if (at < count) pages.push(names.slice(at, at + 2000).map((path) => ({ path, size: 1n })));
    else {
      await task.scan(pages);
      break;
    }
  }
  await task.migrate();
  await task.begin({ gonePolicy });
  // Between two names of the ledger, and its last one: half of it is passed by the first page.
  await task.sendPage(1n, [{ path: 'f05000', size: 1n, modifiedNs: 1000n }, { path: 'f09000x', size: 1n }]); // oxfmt-ignore
  const half = (await task.store.run(task.key))!;
  t.is(half.ledgerItems, 9001n);
  t.is(half.run!.progress!.goneItems, 9000n);
  await task.endScan(1n);
  const row = (await task.store.run(task.key))!;
  t.is(row.ledgerItems, 9500n);
  t.is(row.run!.progress!.goneItems, 9499n);
  const gone = (await task.items()).filter(({ action }) => action === ItemAction.RECYCLE);
  t.is(new Set(gone.map(({ path }) => path)).size, 9499);
  t.is(gone.length, 9499);
});

test('an empty source is all that is gone', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[folder('d', 1), file('d/a', 2)]]);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([])), ['d KEEP', 'd/a KEEP']);
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 2, moved: 0, recycled: 0, told: 0, state: succeeded });
});

for (const destination of [folderDestination, undefined])
  test(`a folder that became a file, and the reverse: what was there goes, then the new one is written (${destination ?? 'SharePoint'})`, async (t) => {
    const task = await openNamedTask(t, destination);
    await task.scan([[folder('d', 1), file('d/a', 2), file('f', 3), file('z', 4)]]);
    await task.migrate();
    // What is in the folder comes in several pages, and one of the files in it was elsewhere before.
    const turned = [[file('d', 5), folder('f', 6)], [file('f/a', 7), folder('f/b', 8)], [file('f/b/c', 4), file('g', 9)]]; // oxfmt-ignore
    const items = await task.scan(turned, { gonePolicy });
    t.deepEqual(deedsOf(items).toSorted(), ['d CREATE', 'd RECYCLE', 'd/a RECYCLE', 'f CREATE', 'f RECYCLE', 'f/a CREATE', 'f/b CREATE', 'f/b/c CREATE', 'g CREATE', 'z RECYCLE']); // oxfmt-ignore
    const order: string[][] = [];
    for (const phase of phasesInOrder)
      while (await task.work(phase, (_results, { path }) => void order.push(path)));
    t.deepEqual(order, [['g'], ['d/a', 'f', 'z'], ['d'], ['d', 'f'], ['f/a', 'f/b'], ['f/b/c'], ['f', 'f/b']]); // oxfmt-ignore
    t.deepEqual(await progress(task), {
      gone: 4,
      moved: 0,
      recycled: 4,
      told: 0,
      state: succeeded,
    });
    const rows = await task.store.ledger('a', ['d', 'd/a', 'f', 'f/a', 'f/b/c', 'z']);
    t.deepEqual(rows.map((row) => row?.folder), [false, undefined, true, false, false, undefined]); // oxfmt-ignore
    if (destination === undefined) {
      const names = await task.store.names('a', ['d', 'f', 'f/a'].map(foldPath));
      t.deepEqual(names.map((row) => row?.path), ['d', 'f', 'f/a']); // oxfmt-ignore
    }
    t.deepEqual(deedsOf(await task.scan(turned, { gonePolicy })), ['f UPDATE', 'f/b UPDATE']);
  });

test('a folder that became a file, where what is gone is kept: it is told of once, and goes when that is wanted', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  const before = [folder('d', 1), file('d/a', 2), file('f', 3), file('z', 4)];
  const turned = [file('d', 5), folder('f', 6), file('f/a', 7), file('z', 4)];
  await task.scan([before]);
  await task.migrate();
  const fail = (results: BatchResults, _count: number, { path }: BatchItems) => {
    results.state = path.map((one) =>
      /^[df]/v.test(one) ? ItemState.FAILED : ItemState.SUCCEEDED,
    );
  };
  const written = ['d CREATE', 'f CREATE', 'f/a CREATE'];
  t.deepEqual(deedsOf(await task.scan([turned])), ['d KEEP', 'd CREATE', 'd/a KEEP', 'f KEEP', 'f CREATE', 'f/a CREATE']); // oxfmt-ignore
  await task.migrate(fail);
  t.deepEqual(deedsOf(await task.scan([turned])), written);
  await task.migrate(fail);
  t.is((await progress(task)).state, RunState.SUCCEEDED_WITH_FAILURES);
  await task.scan([turned], { gonePolicy });
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 3, moved: 0, recycled: 3, told: 0, state: succeeded });
});

test('a run that only scans tells what is gone and moved, and changes nothing', async (t) => {
  const task = await openNamedTask(t, folderDestination);
  await task.scan([[file('a', 2), file('m', 3)]]);
  await task.migrate();
  const items = await task.scan([[file('b', 3)]], { gonePolicy, scanOnly: true });
  t.deepEqual(deedsOf(items), ['a RECYCLE', 'b MOVE m', 'm RECYCLE']);
  t.deepEqual(await task.store.pendingBatches(task.key, BatchPhase.GONE, 0, 9), []);
  t.is((await progress(task)).state, succeeded);
  t.deepEqual(deedsOf(await task.scan([[file('b', 3)]], { gonePolicy })), ['a RECYCLE', 'b MOVE m', 'm RECYCLE']); // oxfmt-ignore
});

test('in SharePoint, the old name of a moved item is free, and a name that differs only in case is kept', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[file('a.txt', 2), file('b.txt', 3), folder('m', 9)]]);
  await task.migrate();
  const items = await task.scan([[file('A.txt', 2), folder('m', 9), file('z.txt', 3)]]);
  t.deepEqual(deedsOf(items), ['A.txt MOVE a.txt', 'a.txt KEEP', 'b.txt KEEP', 'm UPDATE', 'z.txt MOVE b.txt']); // oxfmt-ignore
  t.is(items[0]!.destinationPath, '', 'it goes to A.txt');
  await task.migrate();
  t.deepEqual((await task.store.names('a', ['A.TXT', 'B.TXT', 'Z.TXT'])).map((row) => row?.path), ['A.txt', undefined, 'z.txt']); // oxfmt-ignore
  t.is((await task.store.ledger('a', ['A.txt']))[0]!.destinationPath, '');
  const next = await task.scan([[file('A.txt', 2), file('B.txt', 7), folder('m', 9), file('z.txt', 3)]]); // oxfmt-ignore
  t.deepEqual(next.map(({ destinationPath }) => destinationPath), ['', '', '', '']); // oxfmt-ignore
});

test('in SharePoint, the name of an item that is gone is free once it is recycled', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[file('a', 2), file('b', 3)]]);
  await task.migrate();
  const [taken] = await task.scan([[file('A', 4), file('b', 3)]], { gonePolicy });
  t.is(taken!.destinationPath, 'A (2)', 'it stands there until all is written');
  await task.migrate();
  t.deepEqual(await task.store.names('a', ['A']), [undefined]);
});

test('in SharePoint, a folder whose name changed in case only keeps its name, and what is in it', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[folder('docs', 1), folder('docs/empty', 2), file('docs/x', 3), file('z', 9)]]);
  await task.migrate();
  const pages = [[folder('Docs', 1), folder('Docs/empty', 2)], [file('Docs/x', 3)], [file('z', 9)]];
  const items = await task.scan(pages, { gonePolicy });
  const elsewhere = items.filter(({ destinationPath }) => destinationPath !== '');
  t.deepEqual(elsewhere, []);
  await task.migrate();
  t.deepEqual(await progress(task), { gone: 0, moved: 1, recycled: 0, told: 0, state: succeeded });
  const rows = await task.store.ledger('a', ['Docs', 'Docs/empty', 'Docs/x', 'docs', 'docs/empty', 'docs/x']); // oxfmt-ignore
  t.deepEqual(rows.map((row) => row !== undefined), [true, true, true, false, false, false]); // oxfmt-ignore
  t.deepEqual(deedsOf(await task.scan(pages, { gonePolicy })).filter((deed) => !deed.startsWith('Docs')), []); // oxfmt-ignore
});

test('in SharePoint, a folder that had its name in another case is not taken for one that is gone', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[folder('docs', 1), file('docs/x', 3), file('z', 9)]]);
  await task.migrate();
  // The file is another one, so that the old one stays, is kept, and is recycled when that is wanted.
  const pages = [[folder('Docs', 1), file('Docs/x', 4), file('z', 9)]];
  await task.scan(pages);
  await task.migrate();
  await task.scan(pages, { gonePolicy });
  await task.migrate();
  t.like(await progress(task), { gone: 1, recycled: 1 });
  const rows = await task.store.ledger('a', ['Docs', 'docs', 'docs/x']);
  t.deepEqual(rows.map((row) => row !== undefined), [true, false, false]); // oxfmt-ignore
  await task.scan(pages, { gonePolicy });
  await task.migrate();
  t.like(await progress(task), { gone: 0, recycled: 0 });
});

test('in SharePoint, two names of one file that differ in case only get two names', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[file('a', 3)]]);
  await task.migrate();
  t.deepEqual(deedsOf(await task.scan([[file('A', 3)], [file('a', 3)]])), ['A MOVE a']);
  // The agent sees that both are there, and finds the file that it is to write at the destination.
  await task.migrate((results) => {
    results.moved = [];
  });
  t.is((await progress(task)).state, RunState.SUCCEEDED_WITH_FAILURES);
  t.is((await task.store.ledger('a', ['A']))[0], undefined);
  const [second] = await task.scan([[file('A', 3)], [file('a', 3)]]);
  t.like(second, { path: 'A', action: ItemAction.CREATE, destinationPath: 'A (2)' });
});
