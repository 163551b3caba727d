// A copy is the store at one moment, whatever is committed meanwhile.
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { openLevelStore, type CopyableStore } from './level-store.ts';

const numbers = Array.from({ length: 3000 }, (_, number) => number);
const id = (number: number) => `t${String(number).padStart(5, '0')}`;

/** All tasks get the same new number in one commit. */
function putAll(store: CopyableStore, latestRun: number): Promise<void> {
  return store.commit((transaction) => {
    for (const number of numbers)
      transaction.putTask(id(number), create(TaskRowSchema, { latestRun }));
  });
}

test('a copy is of one moment, while commits go on', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-copy-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await using store = await openLevelStore(path.join(folder, 'store'));
  await putAll(store, 1);
  let commits = 1;
  let copying = true;
  const copied = store.copyTo(path.join(folder, 'copy')).finally(() => (copying = false));
  while (copying) await putAll(store, ++commits);
  t.true(commits > 2);
  // The tasks, and the row of the format.
  t.is((await copied).rows, numbers.length + 1);
  await using copy = await openLevelStore(path.join(folder, 'copy'));
  const found = new Set((await copy.tasks('', 10_000)).map(({ latestRun }) => latestRun));
  t.is(found.size, 1, [...found].join(' '));
});

test('a copy that is stopped throws the reason, and one over something that is there is refused', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-copy-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await using store = await openLevelStore(path.join(folder, 'store'));
  await putAll(store, 1);
  const reason = new Error('stopped');
  const stopped = store.copyTo(path.join(folder, 'copy'), AbortSignal.abort(reason));
  t.is(await t.throwsAsync(stopped), reason);
  await t.throwsAsync(store.copyTo(path.join(folder, 'copy')));
  t.is((await store.tasks('', 10_000)).length, numbers.length);
});
