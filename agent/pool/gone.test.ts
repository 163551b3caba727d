// What is gone from the source, recycled and kept in a destination folder by real threads.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { createSharedJobState, stopJob } from './jobs.ts';
import { createPool } from './piscina-pool.ts';
import { begun, makePlace, remarks, runBatch, settings, type ItemColumns, type Items, type Place } from './testing/batch-place.ts'; // oxfmt-ignore

const pool = createPool({ threads: 2 });
test.after.always(() => pool.close());

const { FILE, FOLDER } = ItemKind;
const { RECYCLE, KEEP } = ItemAction;
const { SUCCEEDED, SKIPPED, FAILED } = ItemState;
const bin = '.drover-recycled/a-1';

/** Something that an earlier run migrated: a folder ends in a slash; a file has its path as content. */
function migrate(place: Place, ...paths: string[]): void {
  for (const one of paths) {
    const at = path.join(place.destination, one);
    mkdirSync(one.endsWith('/') ? at : path.dirname(at), { recursive: true });
    if (one.endsWith('/')) continue;
    writeFileSync(at, one);
    utimesSync(at, 1000, 1000);
  }
}

/** The batch that recycles them, or keeps them. */
function gone(paths: readonly string[], action: ItemAction = RECYCLE): ItemColumns {
  const plain = paths.map((one) => one.replace(/\/$/, ''));
  return {
    path: plain,
    kind: paths.map((one) => (one.endsWith('/') ? FOLDER : FILE)),
    action: paths.map(() => action),
    expected: plain.map((one, index) => ({ index, size: BigInt(one.length), modifiedNs: 1_000_000_000_000n })), // oxfmt-ignore
  };
}

const run = (place: Place, items: Items, conflictPolicy: ConflictPolicy = ConflictPolicy.SKIP) =>
  runBatch(pool, place, items, { phase: BatchPhase.GONE, settings: { ...settings, conflictPolicy } }); // oxfmt-ignore

const list = (place: Place) => readdirSync(place.destination, { recursive: true, encoding: 'utf8' }).sort(); // oxfmt-ignore

test('a tree is recycled, its folders when they are empty', async (t) => {
  using place = makePlace();
  const paths = ['a/', 'a/b/', 'a/b/one', 'a/two', 'three'];
  migrate(place, ...paths, 'stays');
  const { rows, job } = await run(place, gone(paths));
  t.deepEqual(
    rows.state,
    paths.map(() => SUCCEEDED),
  );
  t.deepEqual(rows.attempts, [1, 1, 1, 1, 1]);
  t.deepEqual(rows.remark, []);
  t.is(job.shared.progress[0], 5n);
  const left = list(place).filter(
    (one) => !statSync(path.join(place.destination, one)).isDirectory(),
  );
  t.deepEqual(left, [`${bin}/a/b/one`, `${bin}/a/two`, `${bin}/three`, 'stays']);
  t.false(existsSync(path.join(place.destination, 'a')));
  t.is(place.read(`${bin}/a/b/one`).toString(), 'a/b/one');
  // As after a death between the doing and the report.
  const again = await run(place, gone(paths));
  t.deepEqual(
    again.rows.state,
    paths.map(() => SUCCEEDED),
  );
  t.is(place.read('stays').toString(), 'stays');
});

test('what is kept is not touched', async (t) => {
  using place = makePlace();
  migrate(place, 'a/', 'a/one');
  const { rows } = await run(place, gone(['a/', 'a/one', 'never there'], KEEP));
  t.deepEqual(rows.state, [SKIPPED, SKIPPED, SKIPPED]);
  t.deepEqual(
    remarks(rows),
    [0, 1, 2].map((index) => [index, ErrorReason.SOURCE_GONE]),
  );
  t.is(
    rows.remark[0]?.message,
    'it is gone from the source; at the destination nothing was done with it',
  );
  t.deepEqual(list(place), ['a', 'a/one']);
  // Also in a batch of which something else is recycled, and also when neither end is there.
  const mixed = gone(['a/', 'a/one']);
  mixed.action = [KEEP, RECYCLE];
  const second = await run(place, mixed);
  t.deepEqual(second.rows.state, [SKIPPED, SUCCEEDED]);
  rmSync(place.source, { recursive: true });
  const third = await run(place, gone(['a/', 'a/one'], KEEP));
  t.deepEqual([third.rows.state, third.job.shared.progress[0]], [[SKIPPED, SKIPPED], 2n]);
  mkdirSync(place.source);
});

test('a batch that is stopped says what was recycled by then, and has left the rest', async (t) => {
  using place = makePlace();
  const paths = Array.from({ length: 1000 }, (_, index) => `f${index}`);
  migrate(place, ...paths);
  const shared = createSharedJobState(0);
  const running = runBatch(pool, place, gone(['a/', ...paths]), { phase: BatchPhase.GONE, shared });
  await begun(shared, 0);
  stopJob(shared, 'soon');
  const { rows } = await running;
  const done = paths.filter((_, index) => rows.state[index + 1] === SUCCEEDED);
  t.true(done.length > 0);
  t.deepEqual(
    paths.filter((one) => existsSync(path.join(place.destination, bin, one))),
    done,
  );
  t.deepEqual(
    paths.filter((one) => !existsSync(path.join(place.destination, one))),
    done,
  );
});

test('what is at the source again is left alone, and so is what cannot be told', async (t) => {
  using place = makePlace();
  migrate(place, 'a/', 'a/back', 'b', 'c/d');
  place.write('a/back', 'new');
  // Nothing behind a link is part of the source.
  symlinkSync(place.destination, path.join(place.source, 'c'));
  symlinkSync('a', path.join(place.source, 'b'));
  const { rows } = await run(place, gone(['a/', 'a/back', 'b', 'c/d']));
  t.deepEqual(rows.state, [SKIPPED, SKIPPED, SKIPPED, SUCCEEDED]);
  t.deepEqual(
    remarks(rows),
    [0, 1, 2].map((index) => [index, ErrorReason.SOURCE_CHANGED]),
  );
  t.is(place.read('a/back').toString(), 'a/back');
});

test('a folder that became a file is gone, and so is a file that became a folder', async (t) => {
  using place = makePlace();
  migrate(place, 'a/', 'a/one', 'b');
  place.write('a', 'now a file');
  place.write('b/now a folder', 'x');
  const { rows } = await run(place, gone(['a/', 'a/one', 'b']));
  t.deepEqual(rows.state, [SUCCEEDED, SUCCEEDED, SUCCEEDED]);
  t.deepEqual(list(place).filter((one) => !one.startsWith('.')), []); // oxfmt-ignore
});

test('what somebody changed is kept and reported, unless it may be written over', async (t) => {
  using place = makePlace();
  const paths = ['edited', 'replaced', 'same'];
  migrate(place, ...paths);
  writeFileSync(path.join(place.destination, 'edited'), 'another content');
  migrate(place, 'folder/');
  writeFileSync(path.join(place.destination, 'folder/theirs'), 'theirs');
  const items = gone([...paths.slice(0, 1), 'folder/', 'same']);
  const { rows } = await run(place, items);
  t.deepEqual(rows.state, [FAILED, SKIPPED, SUCCEEDED]);
  t.deepEqual(remarks(rows), [
    [0, ErrorReason.DESTINATION_CONFLICT],
    [1, ErrorReason.DESTINATION_NOT_EMPTY],
  ]);
  t.regex(rows.remark[0]!.message, /15 bytes of .*gone from the source and was kept/);
  const second = await run(place, items, ConflictPolicy.OVERWRITE);
  t.deepEqual(second.rows.state, [SUCCEEDED, SKIPPED, SUCCEEDED]);
  t.is(place.read(`${bin}/edited`).toString(), 'another content');
  t.is(place.read('folder/theirs').toString(), 'theirs');
});

test('a file in the place of a folder, or the reverse, is never recycled', async (t) => {
  using place = makePlace();
  migrate(place, 'file/', 'folder');
  const { rows } = await run(place, gone(['file', 'folder/']), ConflictPolicy.OVERWRITE);
  t.deepEqual(
    remarks(rows),
    [0, 1].map((index) => [index, ErrorReason.DESTINATION_CONFLICT]),
  );
  t.deepEqual(list(place), ['file', 'folder']);
});

test('what an agent wrote of it and could not report is ours', async (t) => {
  using place = makePlace();
  migrate(place, 'file');
  writeFileSync(path.join(place.destination, 'file'), 'written and not reported');
  utimesSync(path.join(place.destination, 'file'), 5, 5);
  const unreported = [{ index: 0, size: 24n, modifiedNs: 5_000_000_000n }];
  const { rows } = await run(place, { ...gone(['file']), unreported });
  t.deepEqual(rows.state, [SUCCEEDED]);
  t.is(place.read(`${bin}/file`).toString(), 'written and not reported');
});

test('no link is followed on the way to what is recycled, nor on the way into the folder for it', async (t) => {
  using place = makePlace();
  const outside = path.join(place.scratch, 'outside');
  mkdirSync(outside);
  writeFileSync(path.join(outside, 'one'), 'precious');
  mkdirSync(place.destination);
  symlinkSync(outside, path.join(place.destination, 'a'));
  symlinkSync(path.join(outside, 'one'), path.join(place.destination, 'b'));
  const { rows } = await run(place, gone(['a/', 'a/one', 'b']), ConflictPolicy.OVERWRITE);
  t.deepEqual(
    remarks(rows),
    [0, 1, 2].map((index) => [index, ErrorReason.DESTINATION_ESCAPES]),
  );
  migrate(place, 'c');
  symlinkSync(outside, path.join(place.destination, '.drover-recycled'));
  const second = await run(place, gone(['c']));
  t.deepEqual(remarks(second.rows), [[0, ErrorReason.DESTINATION_ESCAPES]]);
  t.is(place.read('c').toString(), 'c');
  t.deepEqual(readdirSync(outside), ['one']);
  t.is(readFileSync(path.join(outside, 'one'), 'utf8'), 'precious');
});

test('nothing that was recycled is ever overwritten', async (t) => {
  using place = makePlace();
  for (const content of ['a', 'b', 'c']) {
    migrate(place, 'x');
    writeFileSync(path.join(place.destination, 'x'), content);
    utimesSync(path.join(place.destination, 'x'), 1000, 1000);
    t.deepEqual((await run(place, gone(['x']))).rows.state, [SUCCEEDED]);
  }
  // A folder where a file of that path lies already.
  migrate(place, 'x/y');
  t.deepEqual((await run(place, gone(['x/', 'x/y']))).rows.state, [SUCCEEDED, SUCCEEDED]);
  const contents = ['', ' (2)', ' (3)'].map((number) => place.read(`${bin}${number}/x`).toString());
  t.deepEqual(contents, ['a', 'b', 'c']);
  t.is(place.read(`${bin} (4)/x/y`).toString(), 'x/y');
});

test('an item that nobody can recycle is reported', async (t) => {
  using place = makePlace();
  const link = { ...gone(['link']), kind: [ItemKind.SYMBOLIC_LINK] };
  t.deepEqual(remarks((await run(place, link)).rows), [[0, ErrorReason.INTERNAL]]);
  const update = gone(['file'], ItemAction.UPDATE);
  t.deepEqual(remarks((await run(place, update)).rows), [[0, ErrorReason.INTERNAL]]);
  migrate(place, '.drover-recycled/a-1/x');
  const inside = await run(place, gone(['.drover-recycled/a-1/x', '.Drover-Recycled/']));
  t.deepEqual(
    remarks(inside.rows),
    [0, 1].map((index) => [index, ErrorReason.NAME_INVALID]),
  );
  t.is(place.read('.drover-recycled/a-1/x').toString(), '.drover-recycled/a-1/x');
});
