import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { batchBytesMax } from '../plan/batch-builder.ts';
import { comparePaths } from '../plan/path-order.ts';
import { scanPageItemsMax } from '../plan/plan-page.ts';
import { numbersOf } from '../store/testing/random.ts';
import { failedPathsMax, firstPosition, nextFailedPaths, type FailedPath } from './failed-paths.ts';
import { openNamedTask, type NamedTask } from './testing/named-task.ts';
import type { Entry } from './testing/scripted-agent.ts';

/** A source in which some of everything fails: at the scan, at the transfer, and in the folder phase. */
function entriesIn(count: number, chance: number): Entry[] {
  const below = numbersOf(count);
  const remark = { reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'no' };
  const entries: Entry[] = [];
  for (let index = 0; entries.length < count; index += 1) {
    const path = `folder ${String(index).padStart(5, '0')}`;
    if (below(100) < chance / 2) entries.push({ path, kind: ItemKind.FOLDER, remark });
    else entries.push({ path, kind: ItemKind.FOLDER });
    for (let file = 0; file < 5; file += 1) {
      const size = below(400) === 0 ? batchBytesMax + 1n : 1n;
      const failing = below(100) < chance ? { remark } : {};
      entries.push({ path: `${path}/${file}`, size, ...failing });
    }
  }
  return entries.toSorted((one, other) => comparePaths(one.path, other.path));
}

async function failingTask(
  task: NamedTask,
  count: number,
  chance: number,
  isCut: boolean,
): Promise<string[]> {
  const entries = entriesIn(count, chance);
  const pages: Entry[][] = [];
  for (let at = 0; at < entries.length; at += scanPageItemsMax)
    pages.push(entries.slice(at, at + scanPageItemsMax));
  await task.scan(pages);
  const below = numbersOf(3);
  if (isCut) await task.cutSome(below);
  await task.migrate((results, items) => {
    for (let index = 0; index < items; index += 1)
      if (below(100) < chance) results.state[index] = ItemState.FAILED;
  });
  const failed = (await task.items()).filter(({ state }) => state === ItemState.FAILED);
  return failed.map(({ path }) => path);
}

/** All pieces of the list; `look` answers how far each was looked at before it was broken off, and is called until it says all. */
async function allPieces(task: NamedTask, look: (piece: FailedPath[]) => number) {
  const found: string[] = [];
  let position = firstPosition();
  let pieces = 0;
  let scannedPath = '';
  while (!position.complete) {
    const { paths, end } = await nextFailedPaths(task.store, task.key, position, scannedPath);
    // A folder in which the scan was broken off comes again, as it was not looked through.
    const isFresh = (path: string) => scannedPath === '' || comparePaths(path, scannedPath) > 0;
    const fresh = paths.filter(({ path }) => isFresh(path));
    const looked = look(fresh);
    found.push(...fresh.slice(0, looked).map(({ path }) => path));
    scannedPath = found.at(-1) ?? '';
    if (looked === fresh.length) {
      position = end;
      pieces += 1;
    }
  }
  return { found, pieces };
}

for (const [chance, count, isCut] of [
  [0, 2500, false],
  [1, 2500, false],
  [50, 2500, false],
  [50, 2500, true],
  [100, 2500, false],
] as const)
  test(`what failed is listed in path order, nothing twice: ${chance} of 100 of ${count}${isCut ? ', cut' : ''}`, async (t) => {
    const task = await openNamedTask(t, 'file:///to');
    const wanted = await failingTask(task, count, chance, isCut);
    const whole = await allPieces(task, (piece) => piece.length);
    t.deepEqual(whole.found, wanted);
    t.is(whole.pieces, Math.max(1, Math.ceil(wanted.length / failedPathsMax)));
    const below = numbersOf(5);
    const broken = await allPieces(task, (piece) => below(piece.length + 1));
    t.deepEqual(broken.found, wanted);
  });

test('of what the scan could not go into, everything below is to be looked at', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  const remark = { reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'no' };
  const { FOLDER, FILE, UNSPECIFIED } = ItemKind;
  await task.scan([
    [
      { path: 'a', kind: FOLDER, remark },
      { path: 'b', kind: FILE, remark },
      { path: 'c', kind: UNSPECIFIED, remark },
      { path: 'd', kind: FOLDER },
    ],
  ]);
  await task.migrate((results) => results.state.fill(ItemState.FAILED));
  const { paths } = await nextFailedPaths(task.store, task.key, firstPosition(), '');
  t.deepEqual(
    paths.map(({ path, withContents }) => `${path} ${withContents}`),
    ['a true', 'b true', 'c true', 'd false'],
  );
  // Broken off inside the folder: the folder is named again, so that the rest of it is looked at.
  const again = await nextFailedPaths(task.store, task.key, firstPosition(), 'a/x/y');
  t.deepEqual(again.paths, paths);
  const later = await nextFailedPaths(task.store, task.key, firstPosition(), 'b/x');
  t.deepEqual(
    later.paths.map(({ path }) => path),
    ['b', 'c', 'd'],
  );
});
