import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import type { Reader } from '../store/store.ts';
import { newRun, stepRun } from '../task/run-machine.ts';
import { RunFeed } from './run-feed.ts';

const key = { task: 'a', run: 1 };
const size = { items: 1, bytes: 0n };

test('what is given back while others are read is given out again, and nothing twice', async (t) => {
  const found = Promise.withResolvers<number[]>();
  const reads = [found.promise, Promise.resolve<number[]>([])];
  const reader = {
    pendingBatches: () => reads.shift()!,
    batch: async () => create(BatchRowSchema, { items: 1 }),
  } as unknown as Reader;
  const task = create(TaskSchema, { source: '/from', destination: '/to' });
  const row = stepRun(newRun(key, create(TaskSettingsSchema), false, 0), { kind: 'begin' }, 0);
  row.openTransferBatches = 4;
  const feed = new RunFeed(reader, key, task, row);
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
