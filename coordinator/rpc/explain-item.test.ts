import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ExplainItemRequestSchema,
  ItemKind,
  ItemSighting,
  ItemState,
} from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { entriesOf, openNamedTask, type NamedTask } from '../dispatch/testing/named-task.ts';
import { explainItem } from './explain-item.ts';

const explain = (task: NamedTask, path: string, parent = 'tasks/a') =>
  explainItem(task.store, create(ExplainItemRequestSchema, { parent, path }));

const filtered = (path: string, kind: ItemKind = ItemKind.FILE) => ({
  path,
  kind,
  remark: { reason: ErrorReason.FILTERED, message: 'the pattern "*.bak" leaves it out' },
});

test('an item that was migrated, and did not change', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([entriesOf('d/', 'd/a')]);
  await task.migrate();
  const first = await explain(task, '/d/a/');
  t.is(first.summary, '"d/a" was migrated by tasks/a/runs/1 to "d/a".');
  t.like(first.migrated, { run: 'tasks/a/runs/1', destinationPath: 'd/a', kind: ItemKind.FILE });
  t.is(first.migrated!.sha256, '01'.repeat(32));
  t.true(first.migrated!.runTime !== undefined);
  t.like(first.runs[0], { sighting: ItemSighting.FOUND, item: { state: ItemState.SUCCEEDED } });
  await task.scan([entriesOf('d/', 'd/a')]);
  const second = await explain(task, 'd/a');
  t.is(second.summary, '"d/a" was migrated by tasks/a/runs/1 to "d/a", and has not changed since.');
  t.deepEqual(
    second.runs.map(({ run }) => run),
    ['tasks/a/runs/2', 'tasks/a/runs/1'],
  );
  const folder = await explain(task, 'd');
  t.is(folder.migrated!.kind, ItemKind.FOLDER);
  t.is(folder.migrated!.sha256, '');
});

test('an item that a filter leaves out, and one below a folder that is left out', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([[filtered('d', ItemKind.FOLDER), filtered('x.bak')]]);
  const words = 'the pattern "*.bak" leaves it out; it was never migrated before.';
  t.is((await explain(task, 'x.bak')).summary, `"x.bak" was left out by tasks/a/runs/1: ${words}`);
  const below = await explain(task, 'd/e/f');
  t.is(
    below.summary,
    `"d/e/f" was not looked at in tasks/a/runs/1, because the scan did not go into "d": ${words}`,
  );
  t.like(below.runs[0], { sighting: ItemSighting.FOLDER_ABOVE, item: { path: 'd' } });
  t.true(below.advice.length > 0);
});

test('an item that failed, after an earlier run had migrated it', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([entriesOf('a')]);
  await task.migrate();
  await task.scan([[{ path: 'a', size: 9n }]]);
  await task.migrate((results) => {
    results.state[0] = ItemState.FAILED;
    const remark = { index: 0, reason: ErrorReason.SOURCE_CHANGED, message: 'it changed' };
    results.remark = [{ $typeName: 'drover.v1.ItemRemark', ...remark, requestId: '' }];
  });
  const { summary, advice, runs, migrated } = await explain(task, 'a');
  t.is(summary, '"a" failed in tasks/a/runs/2: it changed; tasks/a/runs/1 had migrated it to "a".');
  t.is(advice, runs[0]!.item!.advice);
  t.not(advice, '');
  t.is(migrated!.run, 'tasks/a/runs/1');
});

test('an item that no scan found, or whose turn has not come', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.begin();
  t.regex((await explain(task, 'b')).summary, /has not been looked at yet: tasks\/a\/runs\/1 is/);
  await task.sendPage(1n, entriesOf('a', 'c'));
  t.regex((await explain(task, 'a')).summary, /"a" is planned by tasks\/a\/runs\/1, and has no/);
  t.regex((await explain(task, 'b')).summary, /"b" was not in the source when tasks\/a\/runs\/1/);
  t.regex((await explain(task, 'd')).summary, /"d" has not been looked at yet/);
  await task.fail();
  const ended = await explain(task, 'd');
  t.regex(ended.summary, /"d" was not looked at: tasks\/a\/runs\/1 ended before its scan came/);
  t.is(ended.runs[0]!.sighting, ItemSighting.ENDED_BEFORE);
  await task.scan([entriesOf('a')], { scanOnly: true });
  t.regex((await explain(task, 'a')).summary, /only looked at by tasks\/a\/runs\/2, which was/);
});

test('a folder is told of as the folder phase reports it', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([entriesOf('d/', 'd/a')]);
  await task.migrate(undefined, [BatchPhase.TRANSFER]);
  t.regex((await explain(task, 'd')).summary, /"d" is planned by tasks\/a\/runs\/1/);
});

test('no more than ten runs are told of', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  for (let run = 1; run <= 12; run += 1) await task.scan([entriesOf('a')], { scanOnly: true });
  const { runs } = await explain(task, 'a');
  t.is(runs.length, 10);
  t.is(runs[0]!.run, 'tasks/a/runs/12');
});

test('what is no path, and what is no task', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([]);
  const reason = async (path: string, parent?: string) =>
    DroverError.from(await t.throwsAsync(explain(task, path, parent))).reason;
  t.is(await reason('/'), ErrorReason.INVALID_ARGUMENT);
  t.is(await reason('x'.repeat(40_000)), ErrorReason.INVALID_ARGUMENT);
  t.is(await reason('a', 'tasks/b'), ErrorReason.NOT_FOUND);
  t.is(await reason('a', 'a'), ErrorReason.INVALID_ARGUMENT);
});

test('a task that was never run', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.create();
  t.is((await explain(task, 'a')).summary, '"a" was not migrated: the task was never run.');
});

test('an item that is gone, kept first and recycled later, and one that was moved', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  const file = (path: string, id: bigint) => ({
    path,
    size: id,
    modifiedNs: id,
    createdNs: id,
    fileId: id,
  });
  await task.scan([[file('a', 1n), file('m', 2n), file('o', 3n)]]);
  await task.migrate();
  await task.scan([[file('n', 2n), file('o', 3n)]]);
  t.is(
    (await explain(task, 'a')).summary,
    '"a" was gone from the source when tasks/a/runs/2 scanned it, and is to be kept at the destination; tasks/a/runs/1 had migrated it to "a".',
  );
  await task.migrate();
  const kept = await explain(task, 'a');
  t.is(
    kept.summary,
    '"a" was gone from the source when tasks/a/runs/2 scanned it, and nothing was done with it at the destination; tasks/a/runs/1 had migrated it to "a".',
  );
  t.like(kept.migrated, { run: 'tasks/a/runs/1', destinationPath: 'a' });
  const moved = await explain(task, 'n');
  t.is(
    moved.summary,
    '"n" was "m" at the source before, and tasks/a/runs/2 moved it at the destination to "n".',
  );
  t.is(moved.migrated!.sha256, '01'.repeat(32));
  t.like(moved.runs[0]!.item, { movedFrom: 'm', sha256: '01'.repeat(32) });
  t.is(
    (await explain(task, 'm')).summary,
    '"m" was not in the source when tasks/a/runs/2 scanned it; tasks/a/runs/1 had migrated it, and it was moved or recycled since.',
  );
  await task.scan([[file('n', 2n), file('o', 3n)]], { gonePolicy: GonePolicy.RECYCLE });
  await task.migrate();
  const recycled = await explain(task, 'a');
  t.is(
    recycled.summary,
    '"a" was gone from the source when tasks/a/runs/3 scanned it, and was recycled at the destination.',
  );
  t.is(recycled.migrated, undefined);
});
