// What filters leave out is counted by rule in the run, with the page that tells of it; what a run does not look at is not gone.
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { otherRules, rulesMax } from '../plan/rule-tally.ts';
import { entriesOf, openNamedTask, type NamedTask } from './testing/named-task.ts';
import type { Entry } from './testing/scripted-agent.ts';

const { FILE, FOLDER } = ItemKind;

const leftOut = (
  path: string,
  rule: string | undefined,
  size = 0n,
  kind: ItemKind = FILE,
): Entry => ({
  path,
  kind,
  size,
  remark: {
    reason: ErrorReason.FILTERED,
    message: 'left out',
    ...(rule === undefined ? {} : { rule }),
  },
});

async function filteredOf(task: NamedTask): Promise<string[]> {
  const row = await task.store.run(task.key);
  return row!.run!.filtered.map(({ rule, items, bytes }) => `${rule}: ${items} of ${bytes}`);
}

test('a run counts what is left out by rule, over pages and restarts', async (t) => {
  const task = await openNamedTask(t);
  const tmp = 'exclude_extensions: tmp';
  const pages = [
    [leftOut('a.tmp', tmp, 5n), ...entriesOf('b'), leftOut('c', 'exclude_folders: c', 0n, FOLDER)],
    [leftOut('d.tmp', tmp, 7n), leftOut('e', undefined, 1n)],
  ];
  await task.scan(pages, { restarts: true });
  const expected = [`${tmp}: 2 of 12`, 'exclude_folders: c: 1 of 0', `${otherRules}: 1 of 1`];
  t.deepEqual(await filteredOf(task), expected);
  const { progress } = (await task.store.run(task.key))!.run!;
  t.is(progress!.skippedItems, 4n);
});

test('a page that comes twice is counted once', async (t) => {
  const task = await openNamedTask(t);
  await task.begin();
  await task.sendPage(1n, [leftOut('a', 'min_size', 3n)]);
  await task.sendPage(1n, [leftOut('a', 'min_size', 3n)]);
  t.deepEqual(await filteredOf(task), ['min_size: 1 of 3']);
});

test('so many rules are counted one by one, and the rest together', async (t) => {
  const task = await openNamedTask(t);
  const names = Array.from({ length: rulesMax + 20 }, (_, index) => String(index).padStart(4, '0'));
  await task.scan([names.map((name) => leftOut(name, `exclude_patterns: ${name}`, 2n))]);
  const counts = await filteredOf(task);
  t.is(counts.length, rulesMax + 1);
  t.is(counts.at(-1), `${otherRules}: 20 of 40`);
});

test('items with invalid names are left out where a task says so, with all that is in them', async (t) => {
  const paths = ['a/', 'a/b:/', 'a/b:/c', 'a/ok', 'con', 'x*y', 'e\u0301'];
  const invalid: Entry = {
    path: 'z\\xff',
    remark: { reason: ErrorReason.NAME_INVALID, message: 'no Unicode' },
  };
  const task = await openNamedTask(t);
  const pages = [...entriesOf(...paths).map((entry) => [entry]), [invalid]];
  const settings = { migrateItemsWithInvalidNames: false };
  const items = await task.scan(pages, { settings, restarts: true });
  const skipped = items.filter(({ action }) => action === ItemAction.SKIP);
  t.deepEqual(skipped.map(({ path }) => path), ['a/b:', 'a/b:/c', 'con', 'x*y', 'z\\xff']); // oxfmt-ignore
  t.true(skipped.every(({ reason }) => reason === ErrorReason.FILTERED));
  t.regex(skipped[0]!.message, /^items with invalid names are left out: the name has ":"/);
  t.is(items.filter(({ action }) => action === ItemAction.FAIL).length, 0);
  t.deepEqual(await filteredOf(task), ['migrate_items_with_invalid_names: 5 of 0']);
});

test('without that they are migrated under another name, and what cannot be fails', async (t) => {
  const task = await openNamedTask(t);
  const items = await task.scan([entriesOf('b_vti_', 'x*y')]);
  t.deepEqual(items.map(({ action }) => action), [ItemAction.FAIL, ItemAction.CREATE]); // oxfmt-ignore
  t.deepEqual(await filteredOf(task), []);
});

test('what is not in the manifest is not gone', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([entriesOf('a', 'b', 'c')]);
  await task.migrate();
  await task.scan([entriesOf('b')], { settings: { manifest: '/list.txt' } });
  const { progress } = (await task.store.run(task.key))!.run!;
  t.is(progress!.goneItems, 0n);
  await task.migrate();
  await task.scan([entriesOf('b')]);
  t.is((await task.store.run(task.key))!.run!.progress!.goneItems, 2n);
});
