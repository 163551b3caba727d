import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import type { Reader } from '../store/store.ts';
import { newRun, stepRun } from '../task/run-machine.ts';
import { RunFeed } from './run-feed.ts';
import { workUnits } from './work-size.ts';

const key = { task: 'a', run: 1 };
const size = { items: 1, bytes: 0n };

/** A feed that finds these batches pending, one answer after the other. */
function feedOf(reads: Promise<number[]>[]): RunFeed {
  const reader = {
    pendingBatches: () => reads.shift()!,
    batch: async () => create(BatchRowSchema, { items: 1 }),
  } as unknown as Reader;
  const task = create(TaskSchema, { source: '/from', destination: '/to' });
  const row = stepRun(newRun(key, create(TaskSettingsSchema), false, 0), { kind: 'begin' }, 0);
  row.openTransferBatches = 4;
  return new RunFeed(reader, key, task, row);
}

test('what is given back while others are read is given out again, and nothing twice', async (t) => {
  const found = Promise.withResolvers<number[]>();
  const feed = feedOf([found.promise, Promise.resolve<number[]>([])]);
  const first = feed.takeBatch();
  feed.giveBack({ kind: 'batch', batch: 1, size });
  feed.giveBack({ kind: 'batch', batch: 3, size });
  found.resolve([2, 3, 4]);
  const taken = [await first];
  for (let work = await feed.takeBatch(); work !== undefined; work = await feed.takeBatch())
    taken.push(work);
  t.deepEqual(
    taken.map((work) => work?.batch).toSorted((one, other) => one! - other!),
    [1, 2, 3, 4],
  );
});

test('what is taken and not leased yet, so that it is still found pending, is not held twice', async (t) => {
  const feed = feedOf([Promise.resolve([1, 2]), Promise.resolve([3, 4]), Promise.resolve([])]);
  t.is((await feed.takeBatch())!.batch, 1);
  feed.settle({ kind: 'batch', batch: 1, size });
  feed.settle({ kind: 'batch', batch: 1, size });
  feed.row.batches = 4;
  feed.addPart(1, { kind: 'batch', batch: 3, size });
  const part = (await feed.takeBatch())!;
  t.is(part.batch, 3);
  await feed.readMore(1);
  t.is(feed.heldUnits, workUnits({ items: 2, bytes: 0n }));
  feed.settle(part);
  t.deepEqual([(await feed.takeBatch())?.batch, (await feed.takeBatch())?.batch], [2, 4]);
  t.is(await feed.takeBatch(), undefined);
  t.is(feed.leftUnits(4), 0);
});
