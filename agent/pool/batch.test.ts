// Batches between real folders, in real threads: what becomes of items that fail, of a batch that is told to stop, and of what it left.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import {
  createSharedJobState,
  progressItems,
  stopJob,
  type BatchJob,
  type SweepJob,
} from './jobs.ts';
import { partFileName } from '../destination/folder-destination.ts';
import { partNames } from './part-names.ts';
import { createPool } from './piscina-pool.ts';
import { begun, elsewhere, file, makePlace, remarks, runBatch, settings, type Items } from './testing/batch-place.ts'; // oxfmt-ignore

const pool = createPool({ threads: 2 });
test.after.always(() => pool.close());

const batch = (place: Parameters<typeof runBatch>[1], items: Items, more: Partial<BatchJob> = {}) =>
  runBatch(pool, place, items, more);

test('what fails is reported, and the rest goes on', async (t) => {
  using place = makePlace();
  place.write('good', 'good');
  place.write('taken', 'new');
  place.write('same', 'same');
  place.write('same size', 'one');
  place.write('last', 'last');
  symlinkSync('good', path.join(place.source, 'link'));
  mkdirSync(path.join(place.destination, 'folder'), { recursive: true });
  writeFileSync(path.join(place.destination, 'taken'), 'precious');
  writeFileSync(path.join(place.destination, 'same'), 'same');
  utimesSync(path.join(place.destination, 'same'), 5, 5);
  writeFileSync(path.join(place.destination, 'same size'), 'two');
  const items = file('good', 'taken', 'same', 'same size', 'vanished', 'link', 'last');
  const { rows, job } = await batch(place, items);
  t.deepEqual(remarks(rows), [
    [1, ErrorReason.DESTINATION_CONFLICT],
    [3, ErrorReason.DESTINATION_CONFLICT],
    [4, ErrorReason.SOURCE_VANISHED],
    [5, ErrorReason.SYMBOLIC_LINK],
  ]);
  t.regex(rows.remark[0]!.message, /8 bytes of .* and 3 bytes of/);
  t.is(rows.state[2], ItemState.SUCCEEDED);
  t.is(rows.destinationModifiedNs[2], 5_000_000_000n);
  t.is(place.read('taken').toString(), 'precious');
  t.is(place.read('last').toString(), 'last');
  t.is(job.shared.progress[0], 7n);
  t.deepEqual(readdirSync(place.destination).sort(), [
    'folder',
    'good',
    'last',
    'same',
    'same size',
    'taken',
  ]);
});

test('a file is written elsewhere, and over what an earlier run left', async (t) => {
  using place = makePlace();
  place.write('file', 'old');
  const first = await batch(place, { ...file('file'), destinationPath: ['other/name'] });
  t.is(place.read('other/name').toString(), 'old');
  place.write('file', 'newer');
  const expected = [{ index: 0, size: 3n, modifiedNs: first.rows.destinationModifiedNs[0]! }];
  const items = { ...file('file'), destinationPath: ['other/name'], expected };
  const second = await batch(place, items);
  t.deepEqual(remarks(second.rows), []);
  t.is(place.read('other/name').toString(), 'newer');
  const late = await batch(place, items);
  t.is(late.rows.state[0], ItemState.SUCCEEDED, 'done before, by somebody whose answer was lost');
});

test('what an agent wrote in an earlier batch and could not report is replaced', async (t) => {
  using place = makePlace();
  place.write('one', 'newer');
  place.write('two', 'newer');
  mkdirSync(place.destination);
  for (const name of ['one', 'two']) {
    writeFileSync(path.join(place.destination, name), 'written');
    utimesSync(path.join(place.destination, name), 5, 5);
  }
  const unreported = [
    { index: 0, size: 6n, modifiedNs: 4_000_000_000n },
    { index: 0, size: 7n, modifiedNs: 5_000_000_000n },
    { index: 1, size: 6n, modifiedNs: 4_000_000_000n },
  ];
  const { rows } = await batch(place, { ...file('one', 'two'), unreported });
  t.deepEqual(remarks(rows), [[1, ErrorReason.DESTINATION_CONFLICT]]);
  t.is(place.read('one').toString(), 'newer');
  t.is(place.read('two').toString(), 'written');
});

test('a file of which it is only uncertain whether it was written again is not written again', async (t) => {
  using place = makePlace();
  place.write('same', 'as it was');
  place.write('other', 'as it was');
  const first = await batch(place, file('same', 'other'));
  const at = (name: string) => statSync(path.join(place.destination, name), { bigint: true });
  const before = at('same').ino;
  // Of another size, so that nobody could take it for what stands there.
  place.write('other', 'changed since');
  const expected = [0, 1].map((index) => ({ index, size: 9n, modifiedNs: first.rows.destinationModifiedNs[index]! })); // oxfmt-ignore
  const unreported = [{ index: 0, size: 9n, modifiedNs: first.rows.modifiedNs[0]! }];
  const items = { ...file('same', 'other'), expected, unreported };
  const { rows } = await batch(place, items, { generation: 2 });
  t.deepEqual(remarks(rows), []);
  t.deepEqual(rows.state, [ItemState.SUCCEEDED, ItemState.SUCCEEDED]);
  t.is(at('same').ino, before);
  t.is(place.read('other').toString(), 'changed since');
});

test('what may pass is tried again, as often as the settings say', async (t) => {
  using place = makePlace();
  place.write('good', 'good');
  mkdirSync(path.join(place.source, 'was a file'));
  const { rows } = await batch(place, file('was a file', 'good'));
  t.deepEqual(remarks(rows), [[0, ErrorReason.SOURCE_CHANGED]]);
  t.deepEqual(rows.attempts, [3, 1]);
  const one = await batch(place, file('was a file'), { settings: { ...settings, maxAttempts: 1 } });
  t.deepEqual(one.rows.attempts, [1]);
});

test('a batch that is told to stop leaves nothing half-done', async (t) => {
  using place = makePlace();
  place.writeEndless('large');
  const shared = createSharedJobState(0);
  const running = batch(place, file('large'), { shared });
  await begun(shared, 1);
  stopJob(shared);
  t.deepEqual((await running).result, { kind: 'stopped' });
  t.deepEqual(readdirSync(place.destination), []);
  t.is(Atomics.load(shared.progress, 1), 0n);
});

test('a pause between attempts ends when the batch is told to stop', async (t) => {
  using place = makePlace();
  mkdirSync(path.join(place.source, 'was a file'));
  place.write('good', 'good');
  const shared = createSharedJobState(0);
  const more = { shared, settings: { ...settings, maxAttempts: 10 } };
  const running = batch(place, file('was a file', 'good'), more);
  await begun(shared, 0);
  stopJob(shared);
  const { result, rows } = await running;
  t.like(result, { kind: 'stopped' });
  // What was finished by then is told, and nothing of the rest.
  t.deepEqual(rows.state, [ItemState.UNSPECIFIED, ItemState.SUCCEEDED]);
  t.deepEqual(rows.attempts, [0, 1]);
  t.deepEqual(rows.remark, []);
  t.true(rows.sha256.subarray(0, 32).every((byte) => byte === 0));
  t.is(place.read('good').toString(), 'good');
});

test('a batch without its source is not done at all', async (t) => {
  using place = makePlace();
  const lost = { kind: 'source-lost', reason: ErrorReason.SOURCE_NOT_FOUND } as const;
  const empty = await batch(place, file('a', 'b'));
  t.like(empty.result, lost, 'what is left of a share that is not mounted');
  rmSync(place.source, { recursive: true });
  t.like((await batch(place, file('a', 'b'))).result, lost);
});

test('a batch whose source goes away says what it had done, and calls nothing failed', async (t) => {
  using place = makePlace();
  place.write('a', 'good');
  place.writeEndless('b');
  place.write('c', 'never read');
  const shared = createSharedJobState(0);
  const running = batch(place, file('a', 'b', 'c'), { shared });
  await begun(shared, progressItems);
  const away = `${place.source} away`;
  renameSync(place.source, away);
  mkdirSync(place.source);
  truncateSync(path.join(away, 'b'), 1);
  const { result, rows } = await running;
  t.like(result, { kind: 'source-lost', reason: ErrorReason.SOURCE_NOT_FOUND });
  t.deepEqual(rows.state, [ItemState.SUCCEEDED, ItemState.UNSPECIFIED, ItemState.UNSPECIFIED]);
  t.deepEqual(readdirSync(place.destination), ['a']);
});

test('a batch whose destination is out of reach fails nothing, and writes nothing elsewhere', async (t) => {
  using place = makePlace();
  place.write('a', 'good');
  const lost = { kind: 'destination-lost', reason: ErrorReason.DESTINATION_UNREACHABLE } as const;
  const more = { destinationHoldsItems: true };
  t.like((await batch(place, file('a'), more)).result, lost);
  t.false(existsSync(place.destination));
  mkdirSync(place.destination);
  t.like((await batch(place, file('a'), more)).result, lost, 'an empty folder where it is mounted');
  t.deepEqual(readdirSync(place.destination), []);
  writeFileSync(path.join(place.destination, 'z'), '');
  t.is((await batch(place, file('a'), more)).result.kind, 'batch-done');
});

test('a batch whose destination goes away is not done', async (t) => {
  using place = makePlace();
  place.write('a', 'good');
  place.writeEndless('b');
  mkdirSync(place.destination);
  writeFileSync(path.join(place.destination, 'z'), '');
  const shared = createSharedJobState(0);
  const running = batch(place, file('a', 'b'), { shared, destinationHoldsItems: true });
  await begun(shared, progressItems);
  renameSync(place.destination, `${place.destination} away`);
  mkdirSync(place.destination);
  truncateSync(path.join(place.source, 'b'), 1);
  const { result } = await running;
  t.like(result, { kind: 'destination-lost', reason: ErrorReason.DESTINATION_UNREACHABLE });
});

test('what is gone may have been all that there was', async (t) => {
  using place = makePlace();
  place.write('a', '');
  await batch(place, file('a'));
  rmSync(path.join(place.source, 'a'));
  const items = { ...file('a'), action: [ItemAction.RECYCLE] };
  const { result } = await batch(place, items, { phase: BatchPhase.GONE });
  t.is(result.kind, 'batch-done');
});

test('a sweep removes what all generations left half-written', async (t) => {
  using place = makePlace();
  mkdirSync(path.join(place.destination, 'a'), { recursive: true });
  const part = (generation: number, item: string, tag = 'tag') =>
    path.join(path.dirname(item), partFileName(partNames(tag, generation, item).own));
  const names = [part(1, 'a/file'), part(2, 'a/file'), part(2, 'b')];
  const others = [part(3, 'b'), part(1, 'b', 'other')];
  for (const name of [...names, ...others])
    writeFileSync(path.join(place.destination, name), 'half');
  const items = toBinary(
    BatchItemsSchema,
    create(BatchItemsSchema, file('a/file', 'b', 'no/folder/c')),
  );
  const { destination } = place;
  const job: SweepJob = { kind: 'sweep', destination, ...elsewhere, uploads: [], items, partTag: 'tag', generation: 2 }; // oxfmt-ignore
  const unmounted = { destination: `${destination} unmounted`, destinationHoldsItems: true };
  const later = await pool.run({ ...job, ...unmounted });
  t.like(later, { kind: 'failed', reason: ErrorReason.DESTINATION_UNREACHABLE }, 'what is there is found by the next start'); // oxfmt-ignore
  const result = await pool.run(job);
  t.deepEqual(result, { kind: 'swept' });
  t.deepEqual(readdirSync(destination).sort(), [...others, 'a'].sort());
  t.deepEqual(readdirSync(path.join(destination, 'a')), []);
});

test('an account without the right to read is told', async (t) => {
  using place = makePlace();
  place.write('file', 'x');
  if (process.getuid?.() === 0) {
    t.log('skipped: this account may read everything');
    return t.pass();
  }
  chmodSync(path.join(place.source, 'file'), 0);
  const { rows } = await batch(place, file('file'));
  return t.deepEqual(remarks(rows), [[0, ErrorReason.SOURCE_ACCESS_DENIED]]);
});
