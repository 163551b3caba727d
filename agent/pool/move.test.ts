// Files that were renamed or moved at the source, moved in a destination folder by real threads.
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { createHash } from 'node:crypto';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { createPool } from './piscina-pool.ts';
import { file, makePlace, remarks, runBatch, settings, type ItemColumns, type Place } from './testing/batch-place.ts'; // oxfmt-ignore

const pool = createPool({ threads: 2 });
test.after.always(() => pool.close());

const content = 'the content';

/** A place to which `from` was migrated before it became `to` at the source. */
async function moved(
  from: string,
  to: string,
): Promise<Place & { items: ItemColumns; id: bigint }> {
  const place = makePlace();
  place.write(from, content);
  const { rows } = await runBatch(pool, place, file(from));
  mkdirSync(path.dirname(path.join(place.source, to)), { recursive: true });
  renameSync(path.join(place.source, from), path.join(place.source, to));
  const facts = statSync(path.join(place.source, to), { bigint: true });
  const items = {
    ...file(to),
    action: [ItemAction.MOVE],
    size: [facts.size],
    modifiedNs: [facts.mtimeNs],
    fileId: [facts.ino],
    expected: [{ index: 0, size: facts.size, modifiedNs: rows.destinationModifiedNs[0]! }],
    origin: [{ index: 0, path: from, destinationPath: from, sha256: hash(content), isCertain: true }], // oxfmt-ignore
  };
  return {
    ...place,
    items,
    id: inode(place, from),
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

const hash = (text: string) => Uint8Array.from(createHash('sha256').update(text).digest());
const inode = (place: Place, at: string) => statSync(path.join(place.destination, at), { bigint: true }).ino; // oxfmt-ignore
const files = ({ destination }: Place) =>
  readdirSync(destination, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(destination, path.join(entry.parentPath, entry.name)))
    .sort();

for (const [what, from, to] of [
  ['renamed', 'a/old', 'a/new'],
  ['moved into a new folder', 'a/file', 'b/c/file'],
  ['written in other case', 'a/file', 'a/FILE'],
] as const)
  test(`a file that was ${what} is the same file at its new place`, async (t) => {
    using place = await moved(from, to);
    const { rows, job } = await runBatch(pool, place, place.items);
    t.deepEqual(rows.state, [ItemState.SUCCEEDED]);
    t.deepEqual(rows.moved, [0]);
    t.true(rows.sha256.every((byte) => byte === 0));
    t.is(rows.size[0], BigInt(content.length));
    t.is(rows.destinationModifiedNs[0], statSync(path.join(place.source, to), { bigint: true }).mtimeNs); // oxfmt-ignore
    t.deepEqual(job.shared.progress, new BigInt64Array([1n, BigInt(content.length)]));
    t.deepEqual(files(place), [to]);
    t.is(inode(place, to), place.id);
    // As after a death between the move and the report.
    t.deepEqual((await runBatch(pool, place, place.items)).rows.moved, [0]);
    t.is(inode(place, to), place.id);
  });

const uncertain = (items: ItemColumns, text: string): ItemColumns => ({
  ...items,
  origin: [{ ...items.origin![0]!, isCertain: false, sha256: hash(text) }],
});

test('what is not certain is moved when its content is that of before', async (t) => {
  using place = await moved('old', 'new');
  t.deepEqual((await runBatch(pool, place, uncertain(place.items, content))).rows.moved, [0]);
  t.is(inode(place, 'new'), place.id);
});

test('what is not certain is transferred when its content is another', async (t) => {
  using place = await moved('old', 'new');
  const { rows } = await runBatch(pool, place, uncertain(place.items, 'other'));
  t.deepEqual([rows.state[0], rows.moved], [ItemState.SUCCEEDED, []]);
  t.deepEqual(Buffer.from(rows.sha256), Buffer.from(hash(content)));
  t.deepEqual(files(place), ['new', 'old']);
});

const disturbances: [what: string, disturb: (place: Place) => void][] = [
  ['changed since it was scanned', ({ source }) => writeFileSync(path.join(source, 'new'), 'newer content')], // oxfmt-ignore
  ['another file by now', (place) => replaceFile(place)],
  ['a further name of the old one', ({ source }) => linkSync(path.join(source, 'new'), path.join(source, 'old'))], // oxfmt-ignore
  ['not the only one: its old name is taken again', (place) => place.write('old', 'yet another')],
  ['edited at the destination', ({ destination }) => writeFileSync(path.join(destination, 'old'), 'edited')], // oxfmt-ignore
  ['gone from the destination', ({ destination }) => rmSync(path.join(destination, 'old'))],
  ['replaced by a folder at the destination', ({ destination }) => becomeFolder(path.join(destination, 'old'))], // oxfmt-ignore
  ['replaced by a link at the destination', ({ destination }) => becomeLink(path.join(destination, 'old'))], // oxfmt-ignore
];

/** A file of the same size and date under another id. */
function replaceFile({ source, scratch }: Place): void {
  const at = path.join(source, 'new');
  const { atime, mtime } = statSync(at);
  renameSync(at, path.join(scratch, 'kept so that its id is not used again'));
  writeFileSync(at, content);
  utimesSync(at, atime, mtime);
}

function becomeFolder(at: string): void {
  rmSync(at);
  mkdirSync(at);
}

function becomeLink(at: string): void {
  renameSync(at, `${at} away`);
  symlinkSync(`${at} away`, at);
}

for (const [what, disturb] of disturbances)
  test(`a file that is ${what} is transferred`, async (t) => {
    using place = await moved('old', 'new');
    disturb(place);
    const before = files(place);
    const { rows } = await runBatch(pool, place, place.items);
    t.deepEqual(remarks(rows), []);
    t.deepEqual([rows.state[0], rows.moved], [ItemState.SUCCEEDED, []]);
    t.is(place.read('new').toString(), what.startsWith('changed') ? 'newer content' : content);
    t.deepEqual(files(place), [...before, 'new'].sort(), 'nothing else was touched');
  });

test('a file that was moved and then changed is ours when it is transferred after all', async (t) => {
  using place = await moved('old', 'new');
  // Moved by an agent that died before it could say so.
  renameSync(path.join(place.destination, 'old'), path.join(place.destination, 'new'));
  place.write('new', 'newer content');
  const { rows } = await runBatch(pool, place, place.items);
  t.deepEqual(remarks(rows), []);
  t.is(place.read('new').toString(), 'newer content');
});

for (const [policy, wanted] of [
  ['SKIP', ['new', 'old']],
  ['OVERWRITE', ['new', 'old']],
  ['KEEP_BOTH', ['new', 'new (2)', 'old']],
] as const)
  test(`a file whose new place is taken is judged by the policy ${policy}`, async (t) => {
    using place = await moved('old', 'new');
    writeFileSync(path.join(place.destination, 'new'), 'theirs');
    const more = { settings: { ...settings, conflictPolicy: ConflictPolicy[policy] } };
    const { rows } = await runBatch(pool, place, place.items, more);
    t.deepEqual(remarks(rows), policy === 'SKIP' ? [[0, ErrorReason.DESTINATION_CONFLICT]] : []);
    t.deepEqual(files(place), [...wanted]);
    t.is(place.read('new').toString(), policy === 'OVERWRITE' ? content : 'theirs');
    t.is(place.read(wanted.at(-2)!).toString(), policy === 'SKIP' ? 'theirs' : content);
  });

test('a file goes nowhere through a link', async (t) => {
  using place = await moved('old', 'b/new');
  const outside = path.join(place.scratch, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, path.join(place.destination, 'b'));
  const { rows } = await runBatch(pool, place, place.items);
  t.deepEqual(remarks(rows), [[0, ErrorReason.DESTINATION_ESCAPES]]);
  t.deepEqual(readdirSync(outside), []);
  t.is(inode(place, 'old'), place.id);
});

test('a file that is gone from the source again is reported', async (t) => {
  using place = await moved('old', 'new');
  place.write('other', '');
  rmSync(path.join(place.source, 'new'));
  const { rows } = await runBatch(pool, place, place.items);
  t.deepEqual(remarks(rows), [[0, ErrorReason.SOURCE_VANISHED]]);
  t.deepEqual(files(place), ['old']);
});
