// What is said of large counts, and how much is said at most.
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { OpenFoldersSchema, ReadinessRowSchema } from '../../gen/drover/store/v1/readiness_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { ReadinessIssueKind, ReadinessStatus } from '../../gen/drover/v1/readiness_pb.ts';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import type { ScannedItem } from './plan-item.ts';
import { ReadinessTally } from './readiness.ts';
import { issuesMax } from './readiness-issues.ts';
import { showReadiness } from './show-readiness.ts';

const run = { name: 'tasks/a/runs/1', settings: undefined };
const place = { rootLength: 10, isLibrary: true, replacement: '_', nowMs: 0 };
const create1 = { action: ItemAction.CREATE, reason: ErrorReason.UNSPECIFIED, message: '' };

function fileAt(path: string, more: Partial<ScannedItem> = {}): ScannedItem {
  return { path, kind: ItemKind.FILE, size: 1n, modifiedNs: 1n, createdNs: 0n, fileId: 0n, reason: ErrorReason.UNSPECIFIED, message: '', ...more }; // oxfmt-ignore
}

const libraries: [items: bigint, isTenant: boolean, kinds: ReadinessIssueKind[]][] = [
  [300_000n, true, []],
  [300_001n, true, [ReadinessIssueKind.LIBRARY_SLOW_TO_SYNC]],
  [30_000_000n, true, [ReadinessIssueKind.LIBRARY_SLOW_TO_SYNC]],
  [30_000_001n, true, [ReadinessIssueKind.LIBRARY_FULL]],
  [30_000_001n, false, []],
];

for (const [items, isTenant, kinds] of libraries)
  test(`${items} items at ${isTenant ? 'a library' : 'a folder'}`, (t) => {
    const row = create(ReadinessRowSchema, { isTenant, ready: { items: items - 1n }, withWarnings: { items: 1n } }); // oxfmt-ignore
    const { issues, status } = showReadiness(row, run);
    t.deepEqual(issues.map(({ kind }) => kind), kinds); // oxfmt-ignore
    const isFull = kinds.includes(ReadinessIssueKind.LIBRARY_FULL);
    t.is(status, isFull ? ReadinessStatus.ERRORS : ReadinessStatus.READY);
  });

test('a folder of which the scan may find more is told with what is below it, and each above it', (t) => {
  const openFolders = create(OpenFoldersSchema, {
    path: 'a/b',
    children: [1n, 1n, 100_000n],
    items: [1n, 1n, 100_000n],
  });
  const { issues } = showReadiness(
    create(ReadinessRowSchema, { isTenant: true, openFolders }),
    run,
  );
  t.deepEqual(issues.map(({ kind, items, samples }) => ({ kind, items, samples })), [{ kind: ReadinessIssueKind.FOLDER_LARGE, items: 2n, samples: ['a', '.'] }]); // oxfmt-ignore
});

test('a folder that is known as a whole is told once, whatever comes after it', (t) => {
  const openFolders = create(OpenFoldersSchema, { path: 'a', children: [1n, 9n], items: [1n, 100_000n] }); // oxfmt-ignore
  const tally = new ReadinessTally(create(ReadinessRowSchema, { isTenant: true, openFolders }), place); // oxfmt-ignore
  for (const path of ['a/z', 'b', 'c']) tally.add(fileAt(path), create1, path);
  const { issues } = showReadiness(tally.keep(), run);
  const large = issues.find(({ kind }) => kind === ReadinessIssueKind.FOLDER_LARGE)!;
  t.deepEqual(large.samples, ['a', '.']);
});

test('however much is found, every list has its maximum, and nothing is uncounted', (t) => {
  const tally = new ReadinessTally(undefined, place);
  const count = 3000;
  for (let number = 0; number < count; number += 1) {
    const path = `${String(number).padStart(5, '0')}${'x'.repeat(1200)}.e${number}`;
    // A month each, and a reason each that only a newer agent knows.
    const modifiedNs = BigInt(number) * 31n * 86_400_000_000_000n + 1n;
    const reason = (5000 + number) as ErrorReason;
    const decision = { action: ItemAction.FAIL, reason, message: '' };
    tally.add(fileAt(path, { modifiedNs, size: BigInt(number) }), decision, path);
  }
  const readiness = showReadiness(tally.keep(), run);
  const sum = (list: readonly { files: bigint }[]) => list.reduce((all, one) => all + one.files, 0n); // oxfmt-ignore
  const failed = readiness.issues.filter(({ kind }) => kind === ReadinessIssueKind.CANNOT_MIGRATE);
  t.is(failed.length, issuesMax + 1);
  t.is(failed.reduce((all, { items }) => all + items, 0n), BigInt(count)); // oxfmt-ignore
  t.true(failed.every(({ samples }) => samples.length <= 10 && samples.every((path) => path.length <= 1000))); // oxfmt-ignore
  t.is(readiness.extensions.length, 101);
  t.is(readiness.extensions.at(-1)!.class, 'other');
  t.is(readiness.months.length, 601);
  t.is(readiness.months.at(-1)!.class, 'other');
  t.deepEqual([sum(readiness.extensions), sum(readiness.months), sum(readiness.sizes)], [BigInt(count), BigInt(count), BigInt(count)]); // oxfmt-ignore
  t.deepEqual(
    readiness.largestFiles.map(({ bytes }) => Number(bytes)),
    Array.from({ length: 20 }, (_, index) => count - 1 - index),
  );
});

for (const tryReading of [false, true])
  test(`that no file was opened is ${tryReading ? 'not ' : ''}said where it was ${tryReading ? '' : 'not '}done`, (t) => {
    const tally = new ReadinessTally(create(ReadinessRowSchema), place);
    tally.add(fileAt('a'), create1, 'a');
    const settings = create(TaskSettingsSchema, { tryReading });
    const { issues } = showReadiness(tally.keep(), { ...run, settings });
    t.deepEqual(issues.map(({ kind }) => kind), tryReading ? [] : [ReadinessIssueKind.READING_NOT_TRIED]); // oxfmt-ignore
  });
