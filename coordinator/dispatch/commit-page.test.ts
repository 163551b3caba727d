// Names at a destination in SharePoint, through the real store: which of two items gets a name that both would have.
import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { foldPath } from '../plan/name-twins.ts';
import { comparePaths } from '../plan/path-order.ts';
import { fileBytesMax, pathLengthMax } from '../plan/resolve-names.ts';
import { numbersOf } from '../store/testing/random.ts';
import { entriesOf, openNamedTask, placesOf, type NamedTask } from './testing/named-task.ts';

const root = 'sites/hr/Shared Documents/Archive';

/** Each page on its own, and the store opened anew after each. */
const paged = (...paths: string[]) => entriesOf(...paths).map((entry) => [entry]);

// oxfmt-ignore
const scans: [name: string, paths: string[], expected: string[]][] = [
  ['nothing that differs', ['a', 'b.txt', 'c/', 'c/a', 'd/', 'd/a'], []],
  ['twins that differ in case', ['README', 'Readme', 'readme'], ['Readme -> Readme (2)', 'readme -> readme (3)']],
  ['twins before an extension', ['A.txt', 'a (2).txt', 'a.txt'], ['a.txt -> a (3).txt']],
  ['a number that somebody has', ['A', 'a', 'a (2)'], ['a -> a (2)', 'a (2) -> a (2) (2)']],
  ['twins that differ in composition', ['e\u0301', 'é', 'É'], ['e\u0301 -> é', 'É -> É (2)', 'é -> é (3)']],
  ['twins by replacement', ['a:b', 'a_b', 'a?b'], ['a:b -> a_b', 'a?b -> a_b (2)', 'a_b -> a_b (3)']],
  ['twins that the service does not see', ['😭.txt', '😭😭.txt', '🎉.txt'], ['😭.txt -> 😭 (2).txt', '😭😭.txt -> 😭😭 (3).txt'] ],
  ['names alone in their folders', ['A/', 'A/x', 'B/', 'B/X', 'X'], []],
  ['folder twins', ['Docs/', 'Docs/a', 'Docs/b', 'docs/', 'docs/A', 'docs/b'], ['docs -> docs (2)', 'docs/A -> docs (2)/A', 'docs/b -> docs (2)/b']],
  ['folder twins in folder twins', ['A/', 'A/B/', 'A/B/c', 'A/b/', 'A/b/c', 'a/', 'a/B/', 'a/B/c', 'a/b/', 'a/b/c', 'a/b/d'], ['A/b -> A/b (2)', 'A/b/c -> A/b (2)/c', 'a -> a (2)', 'a/B -> a (2)/B', 'a/B/c -> a (2)/B/c', 'a/b -> a (2)/b (2)', 'a/b/c -> a (2)/b (2)/c', 'a/b/d -> a (2)/b (2)/d']],
  ['a folder and a file', ['A/', 'A/x', 'a'], ['a -> a (2)']],
  ['a replaced folder', ['a:/', 'a:/b*', 'a:/c/', 'a:/c/d', 'e'], ['a: -> a_', 'a:/b* -> a_/b_', 'a:/c -> a_/c', 'a:/c/d -> a_/c/d']],
  ['a temporary file', ['d/', 'd/~$x.docx', 'd/desktop.ini', 'd/x.docx'], ['d/desktop.ini: a program left it while it worked', 'd/~$x.docx: a program left it while it worked']],
  ['a file below folders that the scan did not tell of', ['A/B/c', 'A/b/c'], ['A/b/c -> A/b (2)/c']],
];
for (const [name, paths, expected] of scans) {
  test(`in one page: ${name}`, async (t) => {
    const task = await openNamedTask(t);
    const items = await task.scan([entriesOf(...paths)]);
    t.deepEqual(placesOf(items).toSorted(), expected.toSorted());
    t.is(items.length, paths.length);
  });
  test(`over pages and restarts: ${name}`, async (t) => {
    const task = await openNamedTask(t);
    const items = await task.scan(paged(...paths), { restarts: true });
    t.deepEqual(placesOf(items).toSorted(), expected.toSorted());
  });
  test(`again, when all was migrated: ${name}`, async (t) => {
    const task = await openNamedTask(t);
    const before = await task.scan([entriesOf(...paths)]);
    await task.migrate();
    const items = await task.scan([entriesOf(...paths)]);
    t.deepEqual(placesOf(items), placesOf(before));
    const written = items.filter(({ action }) => action === ItemAction.CREATE);
    t.deepEqual(written, [], 'nothing is new');
  });
}

test('nothing goes into a folder that cannot be there, and what is in it says so', async (t) => {
  const paths = ['a/', 'a/b:/', 'a/b:/c/', 'a/b:/c/d', 'a/b:/e', 'a/f', 'a_vti_/', 'a_vti_/g'];
  const colon = 'the name has ":" at place 2, which SharePoint takes in no name';
  const vti = 'the name holds "_vti_", which SharePoint keeps for itself';
  const inColon = `it is in the folder "a/b:", which cannot be migrated: ${colon}`;
  const expected = [
    `a/b:: ${colon}`,
    `a/b:/c: ${inColon}`,
    `a/b:/c/d: ${inColon}`,
    `a/b:/e: ${inColon}`,
    `a_vti_: ${vti}`,
    `a_vti_/g: it is in the folder "a_vti_", which cannot be migrated: ${vti}`,
  ];
  for (const pages of [[entriesOf(...paths)], paged(...paths)]) {
    const task = await openNamedTask(t);
    const items = await task.scan(pages, { replacement: '', restarts: pages.length > 1 });
    t.deepEqual(placesOf(items), expected);
    for (const { message, state, reason } of items.filter((item) => item.message !== ''))
      t.deepEqual([state, reason], [ItemState.FAILED, ErrorReason.NAME_INVALID], message);
  }
});

const ends: [paths: string[], replacement: string, expected: string][] = [
  [['a:/', 'a:/b/', 'a:/b/c?'], '_', 'a_/b/c_'],
  [['a/', 'a/b:/', 'a/b:/c/'], '', 'a//'],
  [['a:'], '', ''],
  [['a/', 'a/~$b'], '_', 'a/'],
];
for (const [paths, replacement, expected] of ends)
  test(`a scan remembers what the last path became: ${paths.at(-1)} with "${replacement}"`, async (t) => {
    const task = await openNamedTask(t);
    await task.scan(paged(...paths), { replacement });
    t.is((await task.store.run(task.key))!.scan!.lastDestinationPath, expected);
  });

test('a path may have 400 characters, the site and library included', async (t) => {
  const rest = pathLengthMax - root.length - 1;
  const folder = 'd'.repeat(200);
  const fits = `${folder}/${'f'.repeat(rest - 201)}`;
  const task = await openNamedTask(t);
  const deep = `${folder}/${'e'.repeat(rest - 200)}`;
  const items = await task.scan([entriesOf(`${folder}/`, fits, `${fits}x`, `${deep}/`, `${deep}/y`)]); // oxfmt-ignore
  const failed = items.filter(({ state }) => state === ItemState.FAILED);
  t.deepEqual(failed.map(({ path }) => path).toSorted(), [`${fits}x`, deep, `${deep}/y`].toSorted()); // oxfmt-ignore
  for (const { reason, message } of failed) {
    t.is(reason, ErrorReason.PATH_TOO_LONG);
    t.regex(message, /has 401 characters, and SharePoint takes 400/);
  }
  t.regex(failed.find(({ path }) => path.endsWith('/y'))!.message, /^it is in the folder "d+\/e+"/);
});

test('a number can make a name too long', async (t) => {
  const name = 'n'.repeat(253);
  const task = await openNamedTask(t, 'https://contoso.sharepoint.com/Docs');
  const [, twin] = await task.scan([entriesOf(name.toUpperCase(), name)]);
  t.like(twin, { reason: ErrorReason.PATH_TOO_LONG, state: ItemState.FAILED });
});

test('a file that is too large fails and takes no name from others', async (t) => {
  const task = await openNamedTask(t);
  const items = await task.scan([
    [
      { path: 'A', size: fileBytesMax + 1n },
      { path: 'a', size: fileBytesMax },
    ],
  ]);
  t.like(items[0], { reason: ErrorReason.FILE_TOO_LARGE, state: ItemState.FAILED });
  t.like(items[1], { action: ItemAction.CREATE, destinationPath: '' });
});

test('what was migrated keeps its name, whoever comes before it later', async (t) => {
  const paths = ['B', 'D_/', 'D_/x', 'b', 'd:/', 'd:/X', 'd:/x'];
  const expected = ['B -> B (2)', 'D_ -> D_ (2)', 'D_/x -> D_ (2)/x', 'd: -> d_', 'd:/X -> d_/X (2)', 'd:/x -> d_/x']; // oxfmt-ignore
  for (const pages of [[entriesOf(...paths)], paged(...paths)]) {
    const task = await openNamedTask(t);
    await task.scan([entriesOf('b', 'd:/', 'd:/x')]);
    await task.migrate();
    t.deepEqual(placesOf(await task.scan(pages, { replacement: '-', restarts: true })), expected);
    await task.migrate();
    t.deepEqual(placesOf(await task.scan(pages, { replacement: '' })), expected);
  }
});

test('a name that was given away and never used is free again', async (t) => {
  const task = await openNamedTask(t);
  const both = [entriesOf('A/', 'A/x', 'a/', 'a/x')];
  const expected = ['a -> a (2)', 'a/x -> a (2)/x'];
  t.deepEqual(placesOf(await task.scan(both, { scanOnly: true })), expected);
  t.deepEqual(placesOf(await task.scan([entriesOf('a/', 'a/x')])), [], 'a scan keeps no name');
  await task.migrate((results, count) => {
    results.state = new Array<ItemState>(count).fill(ItemState.FAILED);
  });
  t.deepEqual(placesOf(await task.scan(both)), expected, 'neither does a failure');
  t.deepEqual(placesOf(await task.scan(both)), expected, 'the order decides again');
  await task.migrate();
  t.deepEqual(placesOf(await task.scan([entriesOf('a/', 'a/x')])), expected, 'but what is there does'); // oxfmt-ignore
});

test('a folder stays where the files in it are, also when it has no row of its own', async (t) => {
  const paths = ['a/', 'a/X', 'a/d/', 'a/d/y', 'a/x'];
  for (const pages of [[entriesOf(...paths)], paged(...paths)]) {
    const task = await openNamedTask(t);
    await task.scan([entriesOf('A/', 'A/x', 'a/', 'a/x')]);
    await task.migrate((results, _count, { kind }) => {
      results.state = results.state.map((state, index) => (kind[index] === ItemKind.FOLDER ? ItemState.FAILED : state)); // oxfmt-ignore
    });
    t.deepEqual(await task.store.ledger('a', ['A', 'a']), [undefined, undefined]);
    const items = await task.scan(pages);
    const expected = ['a -> a (2)', 'a/X -> a (2)/X (2)', 'a/d -> a (2)/d', 'a/d/y -> a (2)/d/y', 'a/x -> a (2)/x']; // oxfmt-ignore
    t.deepEqual(placesOf(items), expected);
  }
});

test('a crowd of twins gets numbers in few rounds, and one that comes later its own', async (t) => {
  const names = Array.from({ length: 301 }, (_, index) => String.fromCodePoint(0x1f300 + index));
  const task = await openNamedTask(t);
  const items = await task.scan([entriesOf(...names.slice(0, -1)), entriesOf(names.at(-1)!)]);
  t.deepEqual(
    placesOf(items),
    names.slice(1).map((name, index) => `${name} -> ${name} (${index + 2})`),
  );
  t.true(task.nameReads < 15, `${task.nameReads} rounds`);
});

test('what is in a folder that is new is not asked for, and what was migrated neither', async (t) => {
  const task = await openNamedTask(t);
  const entries = entriesOf('a/', 'a/b/', 'a/b/c', 'd');
  await task.scan([entries]);
  t.is(task.nameReads, 1);
  await task.migrate();
  await task.scan([entries]);
  t.is(task.nameReads, 1);
});

test('the thousand-and-first twin is told so', async (t) => {
  const names = Array.from({ length: 1002 }, (_, index) => String.fromCodePoint(0x1f300 + index));
  const task = await openNamedTask(t);
  const items = await task.scan([entriesOf(...names)]);
  t.is(items[999]!.destinationPath, `${names[999]} (1000)`);
  for (const { reason, message } of items.slice(1000)) {
    t.is(reason, ErrorReason.NAME_INVALID);
    t.regex(message, /more than 1000 items/);
  }
});

test('batches, ledger and items tell the destination path, its id and version', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([entriesOf('a:', 'b', 'd/')]);
  const encoded = await task.store.batchItems({ ...task.key, batch: 1 });
  t.deepEqual(fromBinary(BatchItemsSchema, encoded!).destinationPath, ['a_', 'b', 'd']);
  await task.migrate((results, count) => {
    results.destinationId = Array.from({ length: count }, (_, index) => `id${index}`);
    results.destinationVersion = Array.from({ length: count }, (_, index) => `v${index}`);
    results.verification = new Array<ItemVerification>(count).fill(ItemVerification.HASH);
  });
  const [first, second, folder] = await task.store.ledger('a', ['a:', 'b', 'd']);
  t.like(first, { destinationPath: 'a_', destinationId: 'id0', destinationVersion: 'v0' });
  t.like(second, { destinationPath: '', destinationId: 'id1', destinationVersion: 'v1' });
  t.like(folder, { folder: true, destinationPath: '', destinationId: 'id0' });
  const verification = ItemVerification.HASH;
  t.like(await task.items(), [
    { path: 'a:', destinationPath: 'a_', destinationId: 'id0', verification },
    { path: 'b', destinationPath: '', destinationId: 'id1', verification },
    { path: 'd', destinationPath: '', destinationId: 'id0', verification },
  ]);

  const changed = [[{ path: 'a:', size: 5n }, { path: 'b' }, ...entriesOf('d/')]];
  await task.scan(changed);
  const batches = await task.store.batches(task.key, 0, 10);
  const transfer = batches.find(({ row }) => row.phase === BatchPhase.TRANSFER && row.lease!.generation === 0 && row.bytes > 0n)!; // oxfmt-ignore
  const again = fromBinary(BatchItemsSchema, (await task.store.batchItems({ ...task.key, batch: transfer.batch }))!); // oxfmt-ignore
  t.deepEqual(again.action[0], ItemAction.UPDATE);
  t.deepEqual(again.destinationPath, ['a_']);
  t.like(again.expected, [{ index: 0, id: 'id0', version: 'v0' }]);
});

test('a batch in which no path differs has no column of them', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([entriesOf('a', 'b/', 'b/c')]);
  const encoded = await task.store.batchItems({ ...task.key, batch: 1 });
  t.deepEqual(fromBinary(BatchItemsSchema, encoded!).destinationPath, []);
});

for (const [column, one] of [
  ['destinationId', 'x'],
  ['destinationVersion', 'x'],
  ['verification', ItemVerification.HASH],
] as const)
  test(`results that give ${column} of some items only are refused`, async (t) => {
    const task = await openNamedTask(t);
    await task.scan([entriesOf('a', 'b')]);
    const migrated = task.migrate((results) => void results[column].push(one as never));
    const error = await t.throwsAsync(migrated, { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
    t.deepEqual(await task.store.ledger('a', ['a', 'b']), [undefined, undefined]);
  });

test('a folder as a destination has no rules, and no names are kept for it', async (t) => {
  const task = await openNamedTask(t, '/to');
  const items = await task.scan([entriesOf('A', 'CON', 'a', 'a:'), entriesOf('b ')]);
  t.deepEqual(placesOf(items), []);
  t.true(items.every(({ action }) => action === ItemAction.CREATE));
  t.deepEqual(await task.store.names('a', ['A', 'CON', 'B_']), [undefined, undefined, undefined]);
  t.is((await task.store.run(task.key))!.scan!.lastDestinationPath, '');
});

/** A tree with many twins, in path order. */
function randomTree(below: (limit: number) => number): string[] {
  const names = [
    'a',
    'A',
    'b:',
    'b_',
    'e\u0301',
    'é',
    'É',
    '😭',
    '🎉',
    'CON',
    'con_',
    'a (2)',
    ' a',
  ];
  const paths = new Set<string>();
  const grow = (parent: string, depth: number) => {
    for (const name of names) {
      if (below(3) === 0) continue;
      const isFolder = depth < 2 && below(3) === 0;
      paths.add(`${parent}${name}${isFolder ? '/' : ''}`);
      if (isFolder) grow(`${parent}${name}/`, depth + 1);
    }
  };
  grow('', 0);
  return [...paths];
}

/** What stands at the destination, or will: no two items are one to the service, and each is in the folder its own became. */
async function conflictsOf(task: NamedTask, paths: readonly string[]): Promise<string[]> {
  const items = await task.items();
  const conflicts: string[] = [];
  const holders = new Map<string, string>();
  const places = new Map<string, string>();
  const ledger = await task.store.ledger('a', paths);
  const kept = paths.flatMap((path, index) => {
    const row = ledger[index];
    return row === undefined ? [] : [[path, row.destinationPath || path] as const];
  });
  const found = items.filter(({ action }) => action !== ItemAction.KEEP);
  const planned = found.map(({ path, destinationPath }) => [path, destinationPath || path] as const); // oxfmt-ignore
  for (const [path, place] of [...kept, ...planned]) {
    if ((places.get(path) ?? place) !== place) conflicts.push(`${path} moved to ${place}`);
    places.set(path, place);
    const holder = holders.get(foldPath(place)) ?? path;
    if (holder !== path) conflicts.push(`${holder} and ${path} both at ${place}`);
    holders.set(foldPath(place), path);
  }
  for (const [path, place] of planned) {
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    const expected = parent === '' ? '' : places.get(parent)!;
    if (place.slice(0, Math.max(place.lastIndexOf('/'), 0)) !== expected)
      conflicts.push(`${path} at ${place}, its folder at ${expected}`);
  }
  return conflicts;
}

for (const seed of [1, 2, 3, 4, 5, 6])
  test(`however pages are cut, places are the same, and no two are one (seed ${seed})`, async (t) => {
    const below = numbersOf(seed);
    const paths = randomTree(below);
    const entries = entriesOf(...paths);
    const cut = () => {
      const pages = [];
      for (let start = 0; start < entries.length;)
        pages.push(entries.slice(start, (start += below(40) + 1)));
      return pages;
    };
    const whole = await openNamedTask(t);
    const expected = placesOf(await whole.scan([entries]));
    t.deepEqual(await conflictsOf(whole, entries.map(({ path }) => path)), []); // oxfmt-ignore
    const task = await openNamedTask(t);
    t.deepEqual(placesOf(await task.scan(cut())), expected);
    t.true(expected.length > 20, `${expected.length} of ${paths.length} go elsewhere`);
  });

for (const seed of [11, 12, 13, 14, 15, 16])
  test(`over runs of a source that changes, no item takes the place of another (seed ${seed})`, async (t) => {
    const below = numbersOf(seed);
    const task = await openNamedTask(t);
    const seen = new Set<string>();
    for (let run = 0; run < 5; run += 1) {
      const entries = entriesOf(...randomTree(below));
      for (const { path } of entries) seen.add(path);
      const middle = below(entries.length);
      await task.scan([entries.slice(0, middle), entries.slice(middle)], {
        scanOnly: below(4) === 0,
      });
      t.deepEqual(await conflictsOf(task, [...seen].toSorted(comparePaths)), [], `run ${run}`);
      await task.migrate((results) => {
        results.state = results.state.map((state) => (below(5) === 0 ? ItemState.FAILED : state));
      });
    }
  });

test('a file that a run tells of without the folders above it goes where they are', async (t) => {
  const task = await openNamedTask(t);
  const paths = ['A/', 'A/b:/', 'A/b:/x', 'a/', 'a/b:/', 'a/b:/x', 'a/b:/y'];
  await task.scan([entriesOf(...paths)]);
  await task.migrate((results, count) => {
    // The batch of the folder phase has no files in it.
    if (count === paths.length) results.state[paths.indexOf('a/b:/x')] = ItemState.FAILED;
  });
  const again = await task.scan([entriesOf('a/b:/x')]);
  const there = again.filter(({ action }) => action !== ItemAction.KEEP);
  t.deepEqual(placesOf(there), ['a/b:/x -> a (2)/b_/x']);
});
