import { create } from '@bufbuild/protobuf';
import test from 'ava';
import path from 'node:path';
import { WebhookRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Logger } from '../../lib/log.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { openLevelStore } from '../store/level-store.ts';
import { enterEvents, newEventRow } from './events.ts';
import { Slots } from './slots.ts';
import { WebhookWorker } from './worker.ts';

test('a try that fails while its event makes room for others has failed, and is not the last of a dead letter', async (t) => {
  await using store = await openLevelStore(path.join(temporaryFolder(t), 'store'));
  await store.commit(async (transaction) => {
    transaction.putWebhook('w', create(WebhookRowSchema, { webhook: { name: 'webhooks/w' } }));
    await enterEvents(transaction, 'w', [newEventRow({ type: 'run.failed', timeMs: 0, body: '' })]);
  });
  const [event] = await store.webhookEvents('w', 0n, 1);
  const told = Promise.withResolvers<string>();
  const lines: string[] = [];
  const worker = new WebhookWorker('w', {
    store,
    clock: new ManualClock(),
    log: { warn: (_facts: object, line: string) => lines.push(line) } as unknown as Logger,
    slots: new Slots(1),
    random: () => 0,
    send: async () => {
      await store.commit((transaction) => transaction.deleteWebhookEvent('w', event!.number));
      return { kind: 'failed', status: 500, message: 'status 500' };
    },
    observer: { delivered: told.resolve },
  });
  t.is(await told.promise, 'failed');
  await worker.close();
  t.deepEqual(lines, ['an event could not be delivered']);
});
