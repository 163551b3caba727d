import test from 'ava';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { openNamedTask } from '../dispatch/testing/named-task.ts';
import type { Entry } from '../dispatch/testing/scripted-agent.ts';
import { batchBytesMax } from '../plan/batch-builder.ts';
import { scanPageItemsMax } from '../plan/plan-page.ts';
import { comparePaths } from '../plan/path-order.ts';
import type { Reader } from '../store/store.ts';
import { numbersOf } from '../store/testing/random.ts';
import { findItem } from './find-item.ts';

const { FILE, FOLDER, SYMBOLIC_LINK } = ItemKind;

/** A source of `folders` folders with `each` items in each: files of every size that makes a batch different, and links. */
function entriesIn(folders: number, each: number, seed: number): Entry[] {
  const below = numbersOf(seed);
  const entries: Entry[] = [];
  for (let folder = 0; folder < folders; folder += 1) {
    const name = `folder ${String(folder).padStart(5, '0')}`;
    entries.push({ path: name, kind: FOLDER });
    for (let index = 0; index < each; index += 1) {
      const path = `${name}/item ${String(index).padStart(6, '0')}`;
      const chance = below(100);
      if (chance < 10) entries.push({ path, kind: SYMBOLIC_LINK });
      else if (chance < 12) entries.push({ path, kind: FILE, size: batchBytesMax + 1n });
      else if (chance < 30) entries.push({ path, kind: FILE, size: batchBytesMax / 3n });
      else entries.push({ path, kind: FILE, size: 1n });
    }
  }
  return entries.toSorted((one, other) => comparePaths(one.path, other.path));
}

function pagesOf(entries: readonly Entry[]): Entry[][] {
  const pages: Entry[][] = [];
  for (let at = 0; at < entries.length; at += scanPageItemsMax)
    pages.push(entries.slice(at, at + scanPageItemsMax));
  return pages;
}

/** Counts the items that are read. */
function counting(store: Reader): { reader: Reader; count: () => number } {
  let reads = 0;
  const reader = new Proxy(store, {
    get: (target, name) => {
      if (name === 'batchItems') reads += 1;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { reader, count: () => reads };
}

for (const [title, folders, each, isMigrated, isCut] of [
  ['few folders with many items', 3, 3000, false, false],
  ['many folders with few items', 2500, 2, false, false],
  ['one page', 20, 20, true, false],
  ['many batches that were cut', 400, 10, false, true],
  ['one page of batches that were cut', 20, 20, true, true],
] as const)
  test(`every item is found, and nothing else: ${title}, ${isMigrated ? 'migrated' : 'planned'}`, async (t) => {
    const task = await openNamedTask(t, 'file:///to');
    const entries = entriesIn(folders, each, folders);
    await task.scan(pagesOf(entries));
    if (isCut) await task.cutSome(numbersOf(9));
    if (isMigrated) await task.migrate();
    const wanted = new Map((await task.items()).map((item) => [item.path, item]));
    const row = (await task.store.run(task.key))!;
    const below = numbersOf(7);
    const samples = Array.from({ length: 10 }, () => entries[below(entries.length)]!.path);
    for (const path of [entries[0]!.path, entries.at(-1)!.path, ...samples]) {
      const { reader, count } = counting(task.store);
      const found = await findItem(reader, task.key, row, path);
      t.deepEqual({ ...found!, agent: '' }, wanted.get(path), path);
      t.true(count() < 400, `${count()} of ${row.batches} batches were read for ${path}`);
      for (const absent of [`${path} `, `${path}/x`, path.slice(0, -1)])
        if (!wanted.has(absent)) t.is(await findItem(task.store, task.key, row, absent), undefined);
    }
    for (const absent of ['', 'a', 'z'])
      t.is(await findItem(task.store, task.key, row, absent), undefined);
  });

test('a run without batches has no items', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([]);
  const row = (await task.store.run(task.key))!;
  t.is(await findItem(task.store, task.key, row, 'a'), undefined);
});

for (const [title, folders, each] of [
  ['few folders with many items', 3, 900],
  ['many folders with few items', 1100, 1],
  ['folders alone', 1100, 0],
] as const)
  test(`folders that are only dated are found in a run that finds nothing changed: ${title}`, async (t) => {
    const task = await openNamedTask(t, 'file:///to');
    const entries = entriesIn(folders, each, 3);
    await task.scan(pagesOf(entries));
    await task.migrate();
    await task.scan(pagesOf(entries));
    const row = (await task.store.run(task.key))!;
    const wanted = new Map((await task.items()).map((item) => [item.path, item]));
    t.is(wanted.size, entries.length);
    const dated = entries.filter(({ kind }) => kind === FOLDER);
    for (const { path } of dated.filter(
      (_folder, index) => index % 99 === 0 || index === dated.length - 1,
    )) {
      t.deepEqual(await findItem(task.store, task.key, row, path), wanted.get(path), path);
      t.is(await findItem(task.store, task.key, row, `${path}~`), undefined);
    }
  });

test('what is gone is found among all that is gone, files and folders', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  const entries = entriesIn(700, 3, 5).map(({ path, kind }) => ({ path, size: 1n, ...(kind === FOLDER ? { kind } : {}) })); // oxfmt-ignore
  await task.scan(pagesOf(entries));
  await task.migrate();
  const left = entries.filter((_entry, index) => index % 700 === 0);
  await task.scan(pagesOf(left), { gonePolicy: GonePolicy.RECYCLE });
  for (const isMigrated of [false, true]) {
    if (isMigrated) await task.migrate();
    const row = (await task.store.run(task.key))!;
    const wanted = new Map((await task.items()).map((item) => [item.path, item]));
    t.is(wanted.size, entries.length);
    const below = numbersOf(3);
    for (let count = 0; count < 20; count += 1) {
      const { path } = entries[below(entries.length)]!;
      t.deepEqual({ ...(await findItem(task.store, task.key, row, path))!, agent: '' }, wanted.get(path), path); // oxfmt-ignore
      t.is(await findItem(task.store, task.key, row, `${path}~`), undefined);
    }
  }
});
