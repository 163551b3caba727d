import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AgentRowSchema,
  BatchRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  LeaseState,
  LedgerRowSchema,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openLevelStore } from './level-store.ts';
import {
  joinTokenMemoryMs,
  requestMemoryMs,
  type BatchKey,
  type RunKey,
  type Store,
} from './store.ts';

const { TRANSFER, FOLDERS } = BatchPhase;
const run: RunKey = { task: 'photos', run: 1 };
const nowMs = Date.UTC(2026, 0, 1);

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-store-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'data', 'store');
}

/** A store of the test's own, closed and removed when the test ends. */
async function openStore(t: ExecutionContext, folder?: string): Promise<Store> {
  const store = await openLevelStore(folder ?? (await temporaryFolder(t)));
  t.teardown(() => store.close());
  return store;
}

const runRow = (state: RunState) => create(RunRowSchema, { run: { state } });
const batchRow = (state: LeaseState, phase: BatchPhase = TRANSFER) =>
  create(BatchRowSchema, { lease: { state }, phase });
const ledgerRow = (size: number) => create(LedgerRowSchema, { size: BigInt(size) });
const batchKey = (batch: number, of: RunKey = run): BatchKey => ({ ...of, batch });

test('a commit that throws writes nothing and passes the error on', async (t) => {
  const store = await openStore(t);
  const failure = new Error('half way');
  const failed = store.commit(async (transaction) => {
    transaction.putTask('photos', create(TaskRowSchema, { latestRun: 1 }));
    transaction.putRun(run, runRow(RunState.QUEUED));
    transaction.putLedger('photos', 'a', ledgerRow(1));
    await Promise.resolve();
    throw failure;
  });
  t.is(await t.throwsAsync(failed), failure);
  t.is(await store.task('photos'), undefined);
  t.is(await store.run(run), undefined);
  t.deepEqual(await store.openRuns(), []);
  t.deepEqual(await store.ledger('photos', ['a']), [undefined]);
  t.is(await store.commit(() => 'goes on'), 'goes on');
});

test('commits run one at a time, in the order of the calls', async (t) => {
  const store = await openStore(t);
  let going = 0;
  const count = (name: string) =>
    store.commit(async (transaction) => {
      t.is((going += 1), 1, 'no other commit is going');
      const before = (await transaction.task('counter'))?.latestRun ?? 0;
      await new Promise(setImmediate);
      transaction.putTask('counter', create(TaskRowSchema, { latestRun: before + 1 }));
      going -= 1;
      if (name === '7') throw new Error('one that fails holds nobody up');
      return before;
    });
  const settled = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => count(String(i))));
  const seen = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  t.deepEqual(
    seen,
    Array.from({ length: 19 }, (_, i) => i),
  );
  t.is((await store.task('counter'))?.latestRun, 19);
});

test('a commit sees its own writes, and nobody else does before it is written', async (t) => {
  const store = await openStore(t);
  await store.commit(async (transaction) => {
    transaction.putTask('photos', create(TaskRowSchema, { latestRun: 4 }));
    transaction.putBatch(batchKey(1), batchRow(LeaseState.PENDING));
    transaction.putBatchItems(batchKey(1), Uint8Array.of(1, 2));
    t.is((await transaction.task('photos'))?.latestRun, 4);
    t.is((await transaction.batch(batchKey(1)))?.lease?.state, LeaseState.PENDING);
    t.deepEqual(await transaction.batchItems(batchKey(1)), Uint8Array.of(1, 2));
    t.is(await store.task('photos'), undefined);
    transaction.deleteTask('photos');
    t.is(await transaction.task('photos'), undefined);
    t.true(await transaction.isBeingDeleted('photos'));
  });
  t.is(await store.task('photos'), undefined);
});

test('every kind of row comes back as it was put', async (t) => {
  const store = await openStore(t);
  const rows = {
    agent: create(AgentRowSchema, { agent: { name: 'agents/one' } }),
    token: create(JoinTokenRowSchema, { maxUses: 2, uses: 1 }),
    request: create(RequestRowSchema, { resource: 'tasks/a', requestHash: Buffer.of(9) }),
    settings: create(SettingsRowSchema, { settings: { etag: 'x' } }),
    ledger: create(LedgerRowSchema, { size: 2n ** 63n, modifiedNs: -5n, folder: true }),
  };
  await store.commit((transaction) => {
    transaction.putAgent('one', rows.agent);
    transaction.putJoinToken('ab12', rows.token);
    transaction.putRequest('id', rows.request);
    transaction.putSettings(rows.settings);
    transaction.putLedger('photos', 'ä/\u{10ffff}', rows.ledger);
    transaction.putBatchResults(batchKey(3), Uint8Array.of(7));
  });
  t.deepEqual(await store.agent('one'), rows.agent);
  t.deepEqual(await store.agents('', 10), [rows.agent]);
  t.deepEqual(await store.joinToken('ab12'), rows.token);
  t.deepEqual(await store.request('id'), rows.request);
  t.deepEqual(await store.settings(), rows.settings);
  t.deepEqual(await store.ledger('photos', ['ä/\u{10ffff}']), [rows.ledger]);
  t.deepEqual(await store.batchResults(batchKey(3)), Buffer.of(7));
  t.is(await store.batchItems(batchKey(3)), undefined);
});

test('the index of open runs follows the runs', async (t) => {
  const store = await openStore(t);
  const put = (key: RunKey, state: RunState) =>
    store.commit((transaction) => transaction.putRun(key, runRow(state)));
  await put({ task: 'b', run: 10 }, RunState.PAUSED);
  await put({ task: 'a-b', run: 2 }, RunState.CANCELLING);
  await put({ task: 'a', run: 1 }, RunState.SUCCEEDED);
  await put({ task: 'a', run: 2 }, RunState.QUEUED);
  const expected = [
    { task: 'a', run: 2 },
    { task: 'a-b', run: 2 },
    { task: 'b', run: 10 },
  ];
  t.deepEqual(await store.openRuns(), expected);
  await put({ task: 'a', run: 2 }, RunState.FAILED);
  t.deepEqual(await store.openRuns(), expected.slice(1));
});

test('the indexes of pending and leased batches follow the batches, in numeric order', async (t) => {
  const store = await openStore(t);
  const put = (batch: number, state: LeaseState, phase?: BatchPhase) =>
    store.commit((transaction) => transaction.putBatch(batchKey(batch), batchRow(state, phase)));
  for (const batch of [100, 9, 10, 1, 11]) await put(batch, LeaseState.PENDING);
  for (const batch of [2, 12]) await put(batch, LeaseState.PENDING, FOLDERS);
  await store.commit((transaction) => {
    transaction.putBatch(batchKey(5, { task: 'photos', run: 10 }), batchRow(LeaseState.PENDING));
    transaction.putBatch(batchKey(6, { task: 'photos-2', run: 1 }), batchRow(LeaseState.LEASED));
  });
  t.deepEqual(await store.pendingBatches(run, TRANSFER, 0, 64), [1, 9, 10, 11, 100]);
  t.deepEqual(await store.pendingBatches(run, TRANSFER, 9, 2), [10, 11]);
  t.deepEqual(await store.pendingBatches(run, FOLDERS, 0, 64), [2, 12]);

  await put(10, LeaseState.LEASED);
  await put(100, LeaseState.LEASED);
  await put(9, LeaseState.DONE);
  t.deepEqual(await store.pendingBatches(run, TRANSFER, 0, 64), [1, 11]);
  t.deepEqual(await store.leasedBatches(run), [10, 100]);
  await put(10, LeaseState.PENDING);
  await put(100, LeaseState.DONE);
  t.deepEqual(await store.pendingBatches(run, TRANSFER, 0, 64), [1, 10, 11]);
  t.deepEqual(await store.leasedBatches(run), []);

  const listed = await store.batches(run, 9, 3);
  t.deepEqual(
    listed.map(({ batch }) => batch),
    [10, 11, 12],
  );
});

test('pages of tasks, runs and agents go on after a key and keep to their limit', async (t) => {
  const store = await openStore(t);
  const ids = ['a', 'a-b', 'a1', 'ab', 'b'];
  await store.commit((transaction) => {
    for (const id of ids) {
      const name = `tasks/${id}`;
      transaction.putTask(id, create(TaskRowSchema, { task: { name } }));
      transaction.putAgent(id, create(AgentRowSchema, { agent: { name } }));
    }
    for (const number of [1, 2, 10, 100])
      transaction.putRun({ task: 'a', run: number }, create(RunRowSchema, { run: {}, batches: number })); // oxfmt-ignore
    transaction.putRun({ task: 'ab', run: 3 }, runRow(RunState.QUEUED));
  });
  const names = async (after: string, limit: number) =>
    (await store.tasks(after, limit)).map(({ task }) => task!.name.slice('tasks/'.length));
  t.deepEqual(await names('', 100), ids);
  t.deepEqual(await names('', 2), ['a', 'a-b']);
  t.deepEqual(await names('a-b', 2), ['a1', 'ab']);
  t.deepEqual(await names('b', 2), []);
  t.is((await store.agents('a1', 100)).length, 2);
  const numbers = async (after: number, limit: number) =>
    (await store.runs('a', after, limit)).map(({ batches }) => batches);
  t.deepEqual(await numbers(0, 100), [1, 2, 10, 100]);
  t.deepEqual(await numbers(2, 1), [10]);
});

test('a data folder serves one coordinator at a time', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  const error = await t.throwsAsync(openLevelStore(folder), { instanceOf: DroverError });
  t.is(error?.reason, ErrorReason.DATA_FOLDER_LOCKED);
  t.true(error?.message.includes(path.dirname(folder)));
  await store.commit((transaction) => transaction.putTask('a', create(TaskRowSchema)));
  t.truthy(await store.task('a'), 'the first one is not disturbed');
});

test('what was committed is there after closing and opening again', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openLevelStore(folder);
  const unfinished = store.commit(async (transaction) => {
    await new Promise(setImmediate);
    transaction.putRun(run, runRow(RunState.RUNNING));
    transaction.putBatch(batchKey(1), batchRow(LeaseState.LEASED));
  });
  await store.close();
  await store.close();
  await t.notThrowsAsync(unfinished, 'closing waits for the commit that is going');
  await t.throwsAsync(store.commit((transaction) => transaction.putTask('b', create(TaskRowSchema)))); // oxfmt-ignore

  const again = await openStore(t, folder);
  t.deepEqual(await again.openRuns(), [run]);
  t.deepEqual(await again.leasedBatches(run), [1]);
  t.is(await again.task('b'), undefined);
});

test('the ledger answers for each path, however many rows lie between two of them', async (t) => {
  const store = await openStore(t);
  await store.commit((transaction) => {
    for (let index = 0; index < 5000; index += 1)
      transaction.putLedger('photos', `dir/${String(index).padStart(5, '0')}`, ledgerRow(index));
    transaction.putLedger('photos', 'z', ledgerRow(26));
    transaction.putLedger('photos-2', 'dir', ledgerRow(1));
  });
  const asked = ['a', 'dir', 'dir/00000', 'dir/00000x', 'dir/02499', 'dir/04999', 'y', 'z'];
  const found = await store.ledger('photos', asked);
  t.deepEqual(
    found.map((row) => row?.size),
    [undefined, undefined, 0n, undefined, 2499n, 4999n, undefined, 26n],
  );
  t.deepEqual(await store.ledger('photos', []), []);
  t.deepEqual(await store.ledger('nothing', ['a', 'b']), [undefined, undefined]);
});

test('rows are found by their names, in any order', async (t) => {
  const store = await openStore(t);
  const named = (item: string, number: number) =>
    create(NameRowSchema, { path: item, run: number });
  await store.commit((transaction) => {
    transaction.putName('photos', 'A', named('a', 1));
    transaction.putName('photos', 'A/ÄÖ', named('a/äö', 2));
    transaction.putName('photos-2', 'B', named('b', 3));
  });
  const found = await store.names('photos', ['B', 'A/ÄÖ', 'A', 'a']);
  t.deepEqual(found, [undefined, named('a/äö', 2), named('a', 1), undefined]);
  t.deepEqual(await store.names('photos', []), []);
});

test('the first of what was migrated of a path is the path itself, or what is below it', async (t) => {
  const store = await openStore(t);
  await store.commit((transaction) => {
    for (const item of ['a', 'b/c/d', 'e!', 'g\x01'])
      transaction.putLedger('photos', item, ledgerRow(1));
    transaction.putLedger('photos-2', 'z', ledgerRow(1));
  });
  const first = async (item: string) => (await store.firstMigrated('photos', item))?.path;
  for (const item of ['a', 'e!', 'g\x01']) t.is(await first(item), item);
  for (const item of ['b', 'b/c', 'b/c/d']) t.is(await first(item), 'b/c/d', item);
  t.deepEqual((await store.firstMigrated('photos', 'b'))?.row, ledgerRow(1));
  for (const item of ['a/b', 'A', 'b/', 'b/c/d/e', 'b/d', 'e', 'g', 'h', 'z'])
    t.is(await first(item), undefined, item);
});

/** Puts one row of every kind that belongs to a task. */
async function fillTask(store: Store, task: string): Promise<void> {
  await store.commit((transaction) => {
    transaction.putTask(task, create(TaskRowSchema, { latestRun: 1 }));
    for (const number of [1, 2]) {
      const key = { task, run: number };
      transaction.putRun(key, runRow(RunState.RUNNING));
      transaction.putBatch(batchKey(1, key), batchRow(LeaseState.PENDING));
      transaction.putBatch(batchKey(2, key), batchRow(LeaseState.LEASED));
      transaction.putBatchItems(batchKey(1, key), Uint8Array.of(1));
      transaction.putBatchResults(batchKey(1, key), Uint8Array.of(2));
    }
    for (const item of ['!', '"', 'a', 'a/b', '\u{1f600}', '\uffff'])
      transaction.putLedger(task, item, ledgerRow(5));
    transaction.putName(task, 'A/B', create(NameRowSchema, { path: 'a/b', run: 1 }));
  });
}

/** Everything that can be read of a task, as one value to compare. */
async function everythingOf(store: Store, task: string) {
  const key = { task, run: 1 };
  return {
    task: await store.task(task),
    runs: await store.runs(task, 0, 100),
    open: (await store.openRuns()).filter((one) => one.task === task),
    batches: await store.batches(key, 0, 100),
    pending: await store.pendingBatches(key, TRANSFER, 0, 100),
    leased: await store.leasedBatches(key),
    items: await store.batchItems(batchKey(1, key)),
    results: await store.batchResults(batchKey(1, key)),
    names: await store.names(task, ['A/B']),
    ledger: await store.ledger(task, ['!', '"', 'a', 'a/b', '\uffff', '\u{1f600}']),
  };
}

test('a deleted task is swept with all that is its own, and nothing else', async (t) => {
  const store = await openStore(t);
  const neighbours = ['a-b', 'a1', 'ab', 'b'];
  for (const task of ['a', ...neighbours]) await fillTask(store, task);
  const before = await Promise.all(neighbours.map((task) => everythingOf(store, task)));
  t.is(before[0]?.ledger.filter((row) => row !== undefined).length, 6);

  await store.commit((transaction) => transaction.deleteTask('a'));
  t.is(await store.task('a'), undefined, 'gone at once');
  t.true(await store.commit((transaction) => transaction.isBeingDeleted('a')));
  await store.sweep(nowMs);
  t.false(await store.commit((transaction) => transaction.isBeingDeleted('a')));

  t.deepEqual(await everythingOf(store, 'a'), {
    task: undefined,
    runs: [],
    open: [],
    batches: [],
    pending: [],
    leased: [],
    items: undefined,
    results: undefined,
    names: [undefined],
    ledger: Array.from({ length: 6 }, () => undefined),
  });
  t.deepEqual(await Promise.all(neighbours.map((task) => everythingOf(store, task))), before);
  await t.notThrowsAsync(store.sweep(nowMs), 'nothing is left to sweep');
});

test('a ledger that is kept survives the sweep of its task, also when that was interrupted', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openLevelStore(folder);
  await fillTask(store, 'a');
  const { ledger, names } = await everythingOf(store, 'a');
  const kept = create(KeptLedgerRowSchema, { source: '/from', latestRun: 1 });
  await store.commit((transaction) => transaction.deleteTask('a', kept));
  await store.close();
  const again = await openStore(t, folder);
  t.true(await again.commit((transaction) => transaction.isBeingDeleted('a')));
  await again.sweep(nowMs);
  t.false(await again.commit((transaction) => transaction.isBeingDeleted('a')));
  t.deepEqual(await again.keptLedger('a'), kept);
  const left = await everythingOf(again, 'a');
  t.deepEqual(left.ledger, ledger);
  t.deepEqual(left.names, names);
  t.deepEqual([left.task, left.runs, left.items, left.results], [undefined, [], undefined, undefined]); // oxfmt-ignore
  t.is(await again.countLedger('a', 100), 6);
  t.is(await again.countLedger('a', 4), 4);

  await again.commit((transaction) => transaction.deleteTask('a'));
  t.is(await again.keptLedger('a'), undefined);
  await again.sweep(nowMs);
  t.is(await again.countLedger('a', 100), 0);
});

test('a ledger that was kept and is then deleted goes, though the sweep of its runs has not ended', async (t) => {
  const store = await openStore(t);
  await fillTask(store, 'a');
  const kept = create(KeptLedgerRowSchema, { source: '/from', latestRun: 1 });
  await store.commit((transaction) => transaction.deleteTask('a', kept));
  await store.commit((transaction) => transaction.deleteTask('a'));
  await store.sweep(nowMs);
  t.is(await store.countLedger('a', 100), 0);
  t.deepEqual(await store.runs('a', 0, 10), []);
  t.false(await store.commit((transaction) => transaction.isBeingDeleted('a')));
});

test('a sweep that was interrupted goes on after a restart', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openLevelStore(folder);
  await fillTask(store, 'a');
  await store.commit((transaction) => transaction.deleteTask('a'));
  await store.close();
  const again = await openStore(t, folder);
  t.true(await again.commit((transaction) => transaction.isBeingDeleted('a')));
  await again.sweep(nowMs);
  t.deepEqual(await again.runs('a', 0, 10), []);
});

test('request ids and join tokens are forgotten when their time is over', async (t) => {
  const store = await openStore(t);
  const at = (timeMs: number) => timestampFromMs(timeMs);
  await store.commit((transaction) => {
    transaction.putRequest(
      'old',
      create(RequestRowSchema, { createTime: at(nowMs - requestMemoryMs - 1) }),
    );
    transaction.putRequest(
      'new',
      create(RequestRowSchema, { createTime: at(nowMs - requestMemoryMs) }),
    );
    transaction.putJoinToken(
      'old',
      create(JoinTokenRowSchema, { expireTime: at(nowMs - joinTokenMemoryMs - 1) }),
    );
    transaction.putJoinToken(
      'new',
      create(JoinTokenRowSchema, { expireTime: at(nowMs - joinTokenMemoryMs) }),
    );
  });
  await store.sweep(nowMs);
  t.is(await store.request('old'), undefined);
  t.not(await store.request('new'), undefined);
  t.is(await store.joinToken('old'), undefined);
  t.not(await store.joinToken('new'), undefined);
});
