// The order of the keys must be the order of the scan, or the ledger cannot be joined with it in one pass.
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { Level } from 'level';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { pathKey } from './keys.ts';
import { openLevelStore } from './level-store.ts';
import { numbersOf, type Below } from './testing/random.ts';

const seed = 20261123;
const treesCount = 12;

/** Characters around `/` (0x2F), and such that UTF-16 and UTF-8 put in different orders. */
const characters = ['\x01', ' ', '!', '"', '#', '-', '.', '0', 'A', 'a', 'b', '~', '\x7f', 'é', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufeff', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}']; // oxfmt-ignore

type Tree = Map<string, Tree>;

function randomTree(below: Below, depth: number): Tree {
  const tree: Tree = new Map();
  for (let count = below(7) + 1; count > 0; count -= 1) {
    const name = Array.from({ length: below(3) + 1 }, () => characters[below(characters.length)]);
    tree.set(name.join(''), depth > 0 && below(2) === 0 ? randomTree(below, depth - 1) : new Map());
  }
  return tree;
}

/** As the scan goes: names sorted by their bytes, a folder before what is in it. */
function walk(tree: Tree, parent = ''): string[] {
  const names = [...tree.keys()].toSorted((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  return names.flatMap((name) => {
    const itemPath = parent === '' ? name : `${parent}/${name}`;
    return [itemPath, ...walk(tree.get(name)!, itemPath)];
  });
}

test(`the order of the keys is the order of the scan (seed ${seed})`, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-keys-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const below = numbersOf(seed);
  let items = 0;
  for (let index = 0; index < treesCount; index += 1) {
    const walked = walk(randomTree(below, 4));
    items += walked.length;
    const keys = walked.map(pathKey);
    const byBytes = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))); // oxfmt-ignore
    t.deepEqual(byBytes, keys, `tree ${index}`);

    const database = new Level<string, string>(path.join(folder, String(index)));
    await database.batch(keys.toReversed().map((key) => ({ type: 'put', key, value: '' })));
    t.deepEqual(await database.keys().all(), keys, `tree ${index}, as LevelDB sorts it`);
    await database.close();
  }
  t.true(items > 500, `the trees have ${items} items`);
});

test(`the ledger finds what a scan asks for, page by page (seed ${seed})`, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-ledger-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await using store = await openLevelStore(path.join(folder, 'store'));
  const below = numbersOf(seed + 1);
  const walked = walk(new Map(Array.from({ length: 20 }, (_, i) => [String(i), randomTree(below, 3)]))); // oxfmt-ignore
  const known = new Map<string, bigint>();
  for (const [index, itemPath] of walked.entries())
    if (below(3) > 0) known.set(itemPath, BigInt(index));
  await store.commit((transaction) => {
    for (const [itemPath, size] of known)
      transaction.putLedger('a', itemPath, create(LedgerRowSchema, { size }));
  });
  const asked = walked.filter(() => below(4) > 0);
  for (let start = 0; start < asked.length;) {
    const page = asked.slice(start, (start += below(60) + 1));
    const rows = await store.ledger('a', page);
    t.deepEqual(
      rows.map((row) => row?.size),
      page.map((itemPath) => known.get(itemPath)),
    );
  }
  t.true(known.size > 200);
});
