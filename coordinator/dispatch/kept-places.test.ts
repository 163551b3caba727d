// Files that an agent wrote beside what had their place: from then on the place is theirs, in every later run.
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { entriesOf, openNamedTask, placesOf, type NamedTask } from './testing/named-task.ts';

const folder = 'file:///to';
const library = 'https://contoso.sharepoint.com/sites/hr/Shared%20Documents';

/** The agent wrote the files of the batch there; empty: to their own places. */
const kept =
  (...keptPath: string[]) =>
  (results: BatchResults) =>
    Object.assign(results, { keptPath });

/** Another content at the source, so that everything is planned again. */
const changed = (...paths: string[]) =>
  entriesOf(...paths).map((entry) => ({ ...entry, size: 9n }));

async function ledgerPlace(task: NamedTask, path: string): Promise<string | undefined> {
  const [row] = await task.store.ledger('a', [path]);
  return row?.destinationPath;
}

for (const destination of [folder, library]) {
  test(`the place beside is remembered, and the next run goes there: ${destination}`, async (t) => {
    const task = await openNamedTask(t, destination);
    await task.scan([entriesOf('d/a.txt', 'd/b.txt')]);
    await task.migrate(kept('d/a (2).txt', ''));
    t.deepEqual(placesOf(await task.items()), ['d/a.txt -> d/a (2).txt']);
    t.is(await ledgerPlace(task, 'd/a.txt'), 'd/a (2).txt');
    t.is(await ledgerPlace(task, 'd/b.txt'), '');
    const again = await task.scan([changed('d/a.txt', 'd/b.txt')]);
    t.deepEqual(placesOf(again), ['d/a.txt -> d/a (2).txt']);
    await task.migrate();
    t.is(await ledgerPlace(task, 'd/a.txt'), 'd/a (2).txt');
  });

  test(`a new item of that name gets another place: ${destination}`, async (t) => {
    const task = await openNamedTask(t, destination);
    await task.scan([entriesOf('a.txt')]);
    await task.migrate(kept('a (2).txt'));
    const items = await task.scan([entriesOf('a (2).txt', 'a.txt')]);
    t.is(items.find(({ path }) => path === 'a (2).txt')!.destinationPath, 'a (2) (2).txt');
    await task.migrate();
    t.is(await ledgerPlace(task, 'a (2).txt'), 'a (2) (2).txt');
  });

  test(`nobody stands in the place of another item, though the contents are the same: ${destination}`, async (t) => {
    const task = await openNamedTask(t, destination);
    await task.scan([entriesOf('a (2).txt')]);
    await task.migrate();
    await task.scan([entriesOf('a (2).txt', 'a.txt')]);
    await task.migrate(kept('a (2).txt'));
    const item = (await task.items()).find(({ path }) => path === 'a.txt')!;
    t.is(item.state, ItemState.FAILED);
    t.is(item.reason, ErrorReason.DESTINATION_CONFLICT);
    t.regex(item.message, /"a \(2\)\.txt" of this task/);
    t.is(await ledgerPlace(task, 'a.txt'), undefined);
    const { progress } = (await task.store.run(task.key))!.run!;
    t.is(progress!.failedItems, 1n);
  });

  test(`of two that say they were kept in one place, one is believed: ${destination}`, async (t) => {
    const task = await openNamedTask(t, destination);
    await task.scan([entriesOf('a.txt', 'b.txt')]);
    await task.migrate(kept('c (2).txt', 'c (2).txt'));
    t.is(await ledgerPlace(task, 'a.txt'), 'c (2).txt');
    t.is(await ledgerPlace(task, 'b.txt'), undefined);
  });

  test(`an item that comes to a place that was taken meanwhile is refused: ${destination}`, async (t) => {
    const task = await openNamedTask(t, destination);
    // Two pages are two batches, both planned before the first is done.
    await task.scan([entriesOf('a (2).txt'), entriesOf('a.txt')]);
    let batches = 0;
    await task.migrate(
      (results) => {
        if (batches++ === 0) results.state[0] = ItemState.FAILED;
        else kept('a (2).txt')(results);
      },
      [BatchPhase.TRANSFER],
    );
    t.is(await ledgerPlace(task, 'a.txt'), 'a (2).txt');
    await task.scan([entriesOf('a (2).txt', 'a.txt')]);
    const [item] = await task.items();
    t.is(item!.destinationPath, 'a (2) (2).txt');
  });
}

test('a place outside the destination is refused', async (t) => {
  const task = await openNamedTask(t, folder);
  await task.scan([entriesOf('a.txt')]);
  const error = await t.throwsAsync(task.migrate(kept('../a (2).txt')));
  t.is(DroverError.from(error).reason, ErrorReason.INVALID_ARGUMENT);
  t.is(await ledgerPlace(task, 'a.txt'), undefined);
});

test('no names are read for a task in which nothing was kept beside', async (t) => {
  const task = await openNamedTask(t, folder);
  await task.scan([entriesOf('a.txt')]);
  await task.migrate();
  await task.scan([entriesOf('a.txt', 'b.txt')]);
  t.is(task.nameReads, 0);
});
