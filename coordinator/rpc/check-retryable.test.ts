import test from 'ava';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { openNamedTask } from '../dispatch/testing/named-task.ts';
import { checkRetryable } from './check-retryable.ts';

const gonePolicy = GonePolicy.RECYCLE;
const kept = { path: 'kept', size: 1n };

test('a run in which only recycling failed is not tried again, and says what to do', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([[{ path: 'd', kind: ItemKind.FOLDER }, { path: 'd/gone' }, kept]]);
  await task.migrate();
  await task.scan([[kept]], { gonePolicy });
  await task.migrate(undefined, [BatchPhase.TRANSFER]);
  await task.work(BatchPhase.GONE, (results) => results.state.fill(ItemState.FAILED));
  while (await task.work(BatchPhase.GONE, () => {}));
  t.is((await task.store.run(task.key))!.run!.progress!.failedItems, 1n);
  await t.throwsAsync(checkRetryable(task.store, task.key), {
    message: /cannot be tried again: all that failed in it is gone from the source.*run the task/,
  });
});

test('a run in which something else failed, too, is tried again', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([[{ path: 'gone' }, kept]]);
  await task.migrate();
  await task.scan([[{ ...kept, size: 2n }]], { gonePolicy });
  await task.migrate((results) => results.state.fill(ItemState.FAILED), [BatchPhase.TRANSFER]);
  await task.work(BatchPhase.GONE, (results) => results.state.fill(ItemState.FAILED));
  t.is((await task.store.run(task.key))!.run!.progress!.failedItems, 2n);
  await t.notThrowsAsync(checkRetryable(task.store, task.key));
});
