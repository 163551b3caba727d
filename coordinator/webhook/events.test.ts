import test, { type ExecutionContext } from 'ava';
import { create } from '@bufbuild/protobuf';
import path from 'node:path';
import { RunRowSchema, WebhookRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { checkStore, type StoreProblem } from '../store/check-store.ts';
import { openLevelStore } from '../store/level-store.ts';
import type { Store } from '../store/store.ts';
import { eventTypes, wants } from './event-types.ts';
import { bury, deadLettersMax, enterEvents, newEventRow, waitingEventsMax } from './events.ts';
import { Outbox } from './outbox.ts';
import { retryDelayMs, retryDelaysMs } from './retry-times.ts';

const event = (body: string) => newEventRow({ type: 'run.failed', timeMs: 0, body });

async function openStore(t: ExecutionContext) {
  const folder = path.join(temporaryFolder(t), 'store');
  const store = await openLevelStore(folder);
  t.teardown(() => store.close());
  await store.commit((transaction) =>
    transaction.putWebhook('w', create(WebhookRowSchema, { webhook: { name: 'webhooks/w' } })),
  );
  return { folder, store };
}

const webhookOf = async (store: Store) => (await store.webhook('w'))!.webhook!;

test('of too many events that wait the oldest make room, and are counted', async (t) => {
  const { store, folder } = await openStore(t);
  const enter = (count: number, from: number) =>
    store.commit(
      (transaction) =>
      enterEvents(transaction, 'w', Array.from({ length: count }, (_, index) => event(String(from + index)))), // oxfmt-ignore
    );
  await enter(waitingEventsMax - 1, 0);
  t.is((await webhookOf(store)).droppedEvents, 0n);
  await Promise.all([enter(3, 20_000), enter(1, 30_000)]);
  t.like(await webhookOf(store), { waitingEvents: BigInt(waitingEventsMax), droppedEvents: 3n });
  const [first] = await store.webhookEvents('w', 0n, 1);
  t.is(first!.row.body, '3');
  const last = await store.webhookEvents('w', BigInt(waitingEventsMax), 10);
  t.deepEqual(last.map(({ row }) => row.body), ['20001', '20002', '30000']); // oxfmt-ignore
  await store.close();
  const problems: StoreProblem[] = [];
  t.is((await checkStore(folder, (one) => problems.push(one)))['webhook-event'], waitingEventsMax);
  t.deepEqual(problems, []);
});

test('of too many dead letters the oldest make room, and are counted', async (t) => {
  const { store } = await openStore(t);
  const count = deadLettersMax + 2;
  await store.commit((transaction) =>
    enterEvents(
      transaction,
      'w',
      Array.from({ length: count }, () => event('')),
    ),
  );
  for (const { number, row } of await store.webhookEvents('w', 0n, count))
    await store.commit(async (transaction) =>
      bury(transaction, {
        id: 'w',
        row: (await transaction.webhook('w'))!,
        event: { number, row },
      }),
    );
  const { waitingEvents, deadLetters, droppedEvents } = await webhookOf(store);
  t.deepEqual([waitingEvents, deadLetters, droppedEvents], [0n, BigInt(deadLettersMax), 2n]);
  t.is((await store.deadLetters('w', 0n, 1))[0]!.number, 3n);
  t.is((await store.deadLetters('w', 0n, count)).length, deadLettersMax);
});

test('a webhook that is deleted takes all of its events with it, those of the same moment too', async (t) => {
  const { store, folder } = await openStore(t);
  await store.commit((transaction) => enterEvents(transaction, 'w', [event('a'), event('b')]));
  const entering = store.commit((transaction) => enterEvents(transaction, 'w', [event('c')]));
  await Promise.all([entering, store.commit((transaction) => transaction.deleteWebhook('w'))]);
  t.deepEqual(await store.webhookEvents('w', 0n, 10), []);
  await store.close();
  const problems: StoreProblem[] = [];
  t.is((await checkStore(folder, (one) => problems.push(one)))['webhook'], undefined);
  t.deepEqual(problems, []);
});

test('a check finds an event that belongs to no webhook, or has a number that was never given', async (t) => {
  const { store, folder } = await openStore(t);
  await store.commit((transaction) => {
    transaction.putWebhookEvent('other', 1n, event(''));
    transaction.putDeadLetter('w', 1n, event(''));
  });
  await store.close();
  const words: string[] = [];
  await checkStore(folder, (problem) => words.push(problem.words));
  t.deepEqual(words, ['has a number above 0, which is the last that its webhook gave', 'belongs to no webhook']); // oxfmt-ignore
});

test('a change that is not made is not told, and one that is no change of state neither', async (t) => {
  const { store } = await openStore(t);
  const key = { task: 'a', run: 1 };
  const entered: string[] = [];
  const outbox = new Outbox({ store, clock: new ManualClock(), onEntered: (id) => entered.push(id) }); // oxfmt-ignore
  const put = (state: RunState, more: () => void = () => {}) =>
    outbox.store.commit((transaction) => {
      transaction.putRun(key, create(RunRowSchema, { run: { name: 'tasks/a/runs/1', state } }));
      more();
    });
  await put(RunState.QUEUED);
  outbox.know('w');
  await outbox.store.commit(
    (transaction) =>
    transaction.putWebhook('w', create(WebhookRowSchema, { webhook: { name: 'webhooks/w', eventTypes: ['run.failed', 'run.running'] } })), // oxfmt-ignore
  );
  const failing = put(RunState.FAILED, () => {
    throw new Error('not today');
  });
  await t.throwsAsync(failing, { message: 'not today' });
  t.deepEqual(await store.webhookEvents('w', 0n, 10), []);
  await put(RunState.QUEUED);
  await put(RunState.PAUSED);
  await put(RunState.RUNNING);
  await put(RunState.RUNNING);
  await put(RunState.FAILED);
  const events = await store.webhookEvents('w', 0n, 10);
  t.deepEqual(events.map(({ row: { eventType } }) => eventType), ['run.running', 'run.failed']); // oxfmt-ignore
  t.deepEqual(entered, ['w', 'w']);
  const shown = JSON.parse(events[1]!.row.body) as { type: string; timestamp: string };
  t.is(shown.type, 'run.failed');
  t.is(shown.timestamp, new Date(1_000_000).toISOString());
});

test('types are asked for by name, by what they are about, or all', (t) => {
  t.true(wants([], 'run.failed'));
  t.true(wants(['*'], 'agent.online'));
  t.true(wants(['agent.*', 'run.failed'], 'run.failed'));
  t.false(wants(['agent.*', 'run.failed'], 'run.succeeded'));
  t.false(wants(['run.succeeded'], 'run.succeeded_with_failures'));
  t.true(eventTypes.includes('run.awaiting_approval'));
  t.false(eventTypes.includes('agent.busy'));
});

test('the next try is later each time, by up to a fifth more, until there is none', (t) => {
  for (const [index, delayMs] of retryDelaysMs.entries()) {
    t.is(retryDelayMs(index + 1, 0), delayMs);
    t.is(retryDelayMs(index + 1, 0.5), Math.round(delayMs * 1.1));
  }
  t.is(retryDelayMs(retryDelaysMs.length + 1, 0), undefined);
});
