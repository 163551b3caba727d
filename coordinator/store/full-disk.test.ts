// A full disk: what is refused is not kept, what is acknowledged is, also after the store was opened again.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openLevelStore } from './level-store.ts';
import type { Store } from './store.ts';
import { mountSmallDisk } from '../../lib/testing/small-disk.ts';

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-disk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Commits rows of some KiB, as many as asked or as there is room for; answers with the ids that were acknowledged, and the refusal. */
async function fill(store: Store, prefix: string, count: number) {
  const acknowledged: string[] = [];
  for (let number = 0; number < count; number++) {
    const id = `${prefix}${number}`;
    // What cannot be compressed, so that the disk is full soon.
    const source = randomBytes(10_000).toString('hex');
    try {
      await store.commit((transaction) => {
        transaction.putTask(id, create(TaskRowSchema, { task: { name: id, source } }));
        // Also a row that is there already: what was refused must not stand in it either.
        transaction.putTask('last', create(TaskRowSchema, { task: { name: id } }));
      });
      acknowledged.push(id);
    } catch (error) {
      return { acknowledged, refusal: DroverError.from(error) };
    }
  }
  return { acknowledged, refusal: undefined };
}

const idsOf = async (store: Store) => (await store.tasks('', 10_000)).map((row) => row.task!.name);

test('commits fail while the disk is full, reads go on, and nothing that is acknowledged afterwards is lost', async (t) => {
  const disk = path.join(temporaryFolder(t), 'disk');
  const mounted = mountSmallDisk(t, disk, '2m');
  if (mounted === undefined) return;
  const folder = path.join(disk, 'store');
  const store = await openLevelStore(folder);
  const before = await fill(store, 'before', 1000);
  t.is(before.refusal?.reason, ErrorReason.UNAVAILABLE);
  t.regex(before.refusal!.message, /no room left on the disk/);
  const refused = `before${before.acknowledged.length}`;
  t.is(await store.task(refused), undefined);
  t.is((await store.task('last'))!.task!.name, before.acknowledged.at(-1)!);
  const still = await fill(store, 'still', 1);
  t.regex(still.refusal!.message, /no room left on the disk/);

  mounted.resize('64m');
  const after = await fill(store, 'after', 20);
  t.is(after.refusal, undefined);
  await store.close();
  const again = await openLevelStore(folder);
  t.teardown(() => again.close());
  const expected = [...before.acknowledged, ...after.acknowledged, after.acknowledged.at(-1)!];
  t.deepEqual((await idsOf(again)).toSorted(), expected.toSorted());
  t.is(await again.task(refused), undefined);
  t.is((await again.task('last'))!.task!.name, 'after19');
});

test('a disk that is full in between, again and again, loses nothing that was acknowledged', async (t) => {
  const disk = path.join(temporaryFolder(t), 'disk');
  const mounted = mountSmallDisk(t, disk, '1m');
  if (mounted === undefined) return;
  const folder = path.join(disk, 'store');
  const store = await openLevelStore(folder);
  const acknowledged: string[] = [];
  for (const [round, size] of ['24m', '48m', '72m'].entries()) {
    const filled = await fill(store, `${round}-`, 2000);
    t.truthy(filled.refusal);
    acknowledged.push(...filled.acknowledged);
    // Enough to go on with; then it is full again.
    mounted.resize(size);
    const more = await fill(store, `${round}+`, 10);
    t.is(more.refusal, undefined);
    acknowledged.push(...more.acknowledged);
  }
  await store.close();
  const again = await openLevelStore(folder);
  t.teardown(() => again.close());
  const found = new Set(await idsOf(again));
  t.deepEqual(
    acknowledged.filter((id) => !found.has(id)),
    [],
  );
  t.is(found.size, acknowledged.length);
});
