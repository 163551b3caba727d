// The digest of what is listed, against one that is made in other words than the code's.
import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemSchema, type Item } from '../../gen/drover/v1/item_pb.ts';
import { makeDigest } from './make-digest.ts';
import { SortedRecords } from './sorted-records.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A random number below `most`, the same in every run of the test. */
function random(seed: number) {
  let state = seed;
  return (most: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * most);
  };
}

const { CREATE, UPDATE, SKIP, FAIL, MOVE, RECYCLE, KEEP } = ItemAction;
const actions = [CREATE, UPDATE, SKIP, FAIL, MOVE, RECYCLE, KEEP];
const names = ['a', 'a b', 'a-b', 'B', 'ü', '\u2028x', '"q"', '\uffee', '🎉', 'back\\slash', '!'];

function randomItems(seed: number): Item[] {
  const next = random(seed);
  const paths = new Set(Array.from({ length: 400 }, () => Array.from({ length: 1 + next(4) }, () => names[next(names.length)]!).join('/'))); // oxfmt-ignore
  return Array.from(paths, (path) =>
    create(ItemSchema, {
      path,
      kind: next(3) === 0 ? ItemKind.FOLDER : ItemKind.FILE,
      action: actions[next(actions.length)]!,
      size: BigInt(next(1e6)),
      modifiedTime: create(TimestampSchema, { seconds: BigInt(next(1e9)) - 500_000_000n, nanos: next(1e9) }), // oxfmt-ignore
      destinationPath: next(4) === 0 ? `${path}_` : '',
      movedFrom: next(9) === 0 ? 'before' : '',
      reason: next(5) === 0 ? ErrorReason.UNCHANGED : ErrorReason.UNSPECIFIED,
    }),
  );
}

/** A depth-first walk over names sorted by their bytes meets one path before another. */
function isBefore(one: string, other: string): number {
  const [left, right] = [one.split('/'), other.split('/')];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const order = Buffer.compare(Buffer.from(left[at]!), Buffer.from(right[at]!));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** What ARCHITECTURE.md says. */
function digestOf(items: readonly Item[]): string {
  const isGone = ({ action }: Item) => action === ItemAction.RECYCLE || action === ItemAction.KEEP;
  const chain = (some: readonly Item[]) => {
    const records = some.toSorted((one, other) => isBefore(one.path, other.path)).map((item) => {
      const { seconds, nanos } = item.modifiedTime!;
      return JSON.stringify([item.path, item.kind, item.action, String(item.size), String(seconds * 1_000_000_000n + BigInt(nanos)), item.destinationPath || item.path, item.movedFrom, item.reason]); // oxfmt-ignore
    }); // oxfmt-ignore
    let digest = '';
    for (let at = 0; at < records.length; at += 64)
      digest = sha256(`${digest}\n${records.slice(at, at + 64).join('\n')}`);
    return digest;
  };
  return sha256(`${chain(items.filter((item) => !isGone(item)))}\n${chain(items.filter(isGone))}`);
}

async function* listed(items: readonly Item[]) {
  yield* items;
}

test('the digest of what is listed, in any order, is that of the plan', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const items = randomItems(seed);
    const expected = digestOf(items);
    t.deepEqual(await makeDigest(listed(items)), { digest: expected, items: items.length });
    t.is((await makeDigest(listed(items.toReversed()))).digest, expected);
    const [first, ...rest] = items;
    t.not((await makeDigest(listed(rest))).digest, expected, 'one is missing');
    t.not((await makeDigest(listed([{ ...first!, size: first!.size + 1n }, ...rest]))).digest, expected); // oxfmt-ignore
  }
  t.is((await makeDigest(listed([]))).digest, sha256('\n'));
});

test('records that do not fit in memory are in order too, and leave no file', async (t) => {
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('drover-plan-'));
  const paths = randomItems(7).map(({ path }) => path);
  const before = folders();
  const sorted: string[] = [];
  let made: string[];
  {
    using records = new SortedRecords(500);
    for (const path of paths) await records.add(path, JSON.stringify([path, 1]));
    made = folders().filter((name) => !before.includes(name));
    for await (const record of records.inOrder()) sorted.push((JSON.parse(record) as [string])[0]);
  }
  t.true(made.length > 0);
  t.deepEqual(sorted, paths.toSorted(isBefore));
  t.false(made.some((name) => existsSync(`${tmpdir()}/${name}`)));
});
