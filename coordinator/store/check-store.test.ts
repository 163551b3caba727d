// A check finds nothing in what the coordinator wrote, and names every row that is not what it should be.
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageShape,
} from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BatchRowSchema,
  FileIdRowSchema,
  KeptLedgerRowSchema,
  LedgerRowSchema,
  NameRowSchema,
  RunRowSchema,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { batchFiles, openHarness, type Harness } from '../dispatch/testing/harness.ts';
import type { ScriptedAgent } from '../dispatch/testing/scripted-agent.ts';
import { checkStore, type StoreProblem } from './check-store.ts';
import { keys } from './keys.ts';
import { openLevelStore, type CopyableStore } from './level-store.ts';

type Raw = Level<string, Uint8Array>;

/** A store with a run that ended, one in the middle, one that only scanned, and one that was cancelled. */
async function workedStore(t: ExecutionContext): Promise<string> {
  const harness = await openHarness(t);
  const agent = await harness.attach('agent', { slots: 3 });
  const folders = [
    { path: 'a', kind: ItemKind.FOLDER },
    { path: 'a/b', kind: ItemKind.FOLDER },
    { path: 'a/b/file', size: 5n, fileId: 7n },
  ];
  await harness.scanned('ended', agent, folders);
  agent.sendResults(agent.take('batchLease'), (results) => {
    results.state[2] = ItemState.FAILED;
    results.remark.push({ $typeName: 'drover.v1.ItemRemark', index: 2, reason: ErrorReason.SOURCE_VANISHED, message: '', requestId: '' }); // oxfmt-ignore
  });
  await harness.idle();
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  // Again: what is there already is settled by the plan.
  await harness.scanned('ended', agent, folders);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  // The same again, and then a file is gone, one is moved and one is kept as gone.
  const files = [{ path: 'm', size: 1n, modifiedNs: 1n, fileId: 1n }, { path: 'o', size: 2n, fileId: 2n }]; // oxfmt-ignore
  await harness.scanned('moves', agent, [{ path: 'd', kind: ItemKind.FOLDER }, ...files]);
  await workOff(harness, agent);
  await harness.scanned('moves', agent, [{ ...files[0]!, path: 'n' }]);
  await workOff(harness, agent);
  await harness.start('scans', { scanOnly: true });
  const scan = agent.take('scanLease');
  agent.sendPage(scan.key, 1n, folders);
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  const cancelled = await harness.scanned('cancelled', agent, batchFiles(4));
  await harness.change(cancelled, 'cancel');
  for (const { key } of agent.news('batchLease')) agent.giveBack(key);
  await harness.idle();
  await harness.scanned('going', agent, [...folders, ...batchFiles(6)]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  const folder = path.join(temporaryFolder(t), 'store');
  await (harness.watched.store as CopyableStore).copyTo(folder);
  return folder;
}

/** Everything that is leased to the agent goes well. */
async function workOff(harness: Harness, agent: ScriptedAgent): Promise<void> {
  for (let fresh = agent.news('batchLease'); fresh.length > 0; fresh = agent.news('batchLease')) {
    for (const lease of fresh) agent.sendResults(lease);
    await harness.idle();
  }
}

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-check-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function problemsOf(folder: string): Promise<StoreProblem[]> {
  const problems: StoreProblem[] = [];
  await checkStore(folder, (problem) => problems.push(problem));
  return problems;
}

async function changed<D extends DescMessage>(
  raw: Raw,
  schema: D,
  key: string,
  change: (row: MessageShape<D>) => void,
): Promise<void> {
  const row = fromBinary(schema, (await raw.get(key))!);
  change(row);
  await raw.put(key, toBinary(schema, row));
}

const ended = { task: 'ended', run: 1 };
const going = { task: 'going', run: 1 };
const doneBatch = keys.batch({ ...ended, batch: 1 });

type Spoil = [what: string, spoil: (raw: Raw) => Promise<void>, key: RegExp, words: RegExp];
const spoils: Spoil[] = [
  ['a row that cannot be decoded', (raw) => raw.put(keys.task('ended'), Buffer.from([0xff])), /^task!ended$/, /cannot be decoded/],
  ['a row of no kind', (raw) => raw.put('strange!x', Buffer.alloc(0)), /^strange!x$/, /no kind/],
  ['a missing task', (raw) => raw.del(keys.task('ended')), /^ledger!ended!a$/, /no task/],
  ['a missing run', (raw) => raw.del(keys.run(ended)), /^batch!ended!/, /no run/],
  ['a missing batch', (raw) => raw.del(doneBatch), /^items!ended!/, /no batch/],
  ['a missing open run', (raw) => raw.del(keys.openRun(going)), /^run!going!/, /index of open runs/],
  ['an open run too many', (raw) => raw.put(keys.openRun(ended), Buffer.alloc(0)), /^run!ended!/, /index of open runs/],
  ['an open run of nothing', (raw) => raw.put(keys.openRun({ task: 'ended', run: 9 }), Buffer.alloc(0)), /^open-run!/, /no such run/],
  ['a pending batch too many', (raw) => raw.put(keys.pendingBatch({ ...ended, batch: 1 }, BatchPhase.TRANSFER), Buffer.alloc(0)), /^batch!ended!/, /index of pending/],
  ['a pending batch of the other phase', (raw) => raw.put(keys.pendingBatch({ ...ended, batch: 1 }, BatchPhase.FOLDERS), Buffer.alloc(0)), /^pending!ended!/, /another phase/],
  ['a leased batch too many', (raw) => raw.put(keys.leasedBatch({ ...ended, batch: 1 }), Buffer.alloc(0)), /^batch!ended!/, /index of leased/],
  ['an index row with a value', (raw) => raw.put(keys.openRun(going), Buffer.from('x')), /^open-run!going/, /not empty/],
  ['missing items', (raw) => raw.del(keys.batchItems({ ...ended, batch: 1 })), /^batch!ended!/, /has no items/],
  ['missing results', (raw) => raw.del(keys.batchResults({ ...ended, batch: 1 })), /^batch!ended!/, /no results/],
  ['a wrong counter of a run', (raw) => changed(raw, RunRowSchema, keys.run(ended), (row) => void (row.run!.progress!.succeededItems += 1n)), /^run!ended!/, /counts 3 succeeded items, and there are 2/],
  ['a wrong number of batches', (raw) => changed(raw, RunRowSchema, keys.run(going), (row) => void (row.batches += 1)), /^run!going!/, /batches/],
  ['a wrong number of open batches', (raw) => changed(raw, RunRowSchema, keys.run(going), (row) => void (row.openTransferBatches -= 1)), /^run!going!/, /open batches/],
  ['a wrong counter of a batch', (raw) => changed(raw, BatchRowSchema, doneBatch, (row) => void (row.failedItems += 1)), /^batch!ended!/, /counts 2 failed items, and there are 1/],
  ['a column of the items that is too long', (raw) => changed(raw, BatchItemsSchema, keys.batchItems({ ...ended, batch: 1 }), (row) => void row.size.push(1n)), /^batch!ended!/, /column size of its items/],
  ['a column of the results that is too short', (raw) => changed(raw, BatchResultsSchema, keys.batchResults({ ...ended, batch: 1 }), (row) => void row.attempts.pop()), /^batch!ended!/, /column attempts of its results/],
  ['hashes that do not fit', (raw) => changed(raw, BatchResultsSchema, keys.batchResults({ ...ended, batch: 1 }), (row) => void (row.sha256 = row.sha256.subarray(1))), /^batch!ended!/, /hashes/],
  ['a result that is none', (raw) => changed(raw, BatchResultsSchema, keys.batchResults({ ...ended, batch: 1 }), (row) => void (row.state[0] = ItemState.UNSPECIFIED)), /^batch!ended!/, /result of item 0 is none/],
  ['a ledger row of a run to come', (raw) => changed(raw, LedgerRowSchema, keys.ledger('ended', 'a'), (row) => void (row.run = 9)), /^ledger!ended!a$/, /of run 9/],
  ['a ledger row under no path', (raw) => raw.put(keys.ledger('ended', 'a//b'), toBinary(LedgerRowSchema, create(LedgerRowSchema, { run: 1 }))), /^ledger!ended!a\0\0b$/, /key of a path/],
  ['a name of nothing', (raw) => raw.put(keys.name('ended', 'a'), toBinary(NameRowSchema, create(NameRowSchema, { run: 1 }))), /^name!ended!a$/, /no path at the source/],
  ['a file id of a path without a row', (raw) => raw.put(keys.fileId('ended', 8n), toBinary(FileIdRowSchema, create(FileIdRowSchema, { path: 'x' }))), /^file-id!ended!0{19}8$/, /no row in the ledger/],
  ['a file id of another row', (raw) => raw.put(keys.fileId('ended', 8n), toBinary(FileIdRowSchema, create(FileIdRowSchema, { path: 'a' }))), /^file-id!ended!/, /another file id/],
  ['a note of no write', (raw) => raw.put(keys.unreported('ended', 'a'), Buffer.alloc(0)), /^unreported!ended!a$/, /tells of no write/],
  ['a wrong number of moved items', (raw) => changed(raw, RunRowSchema, keys.run({ task: 'moves', run: 2 }), (row) => void (row.run!.progress!.movedItems = 0n)), /^run!moves!/, /counts 0 moved items, and there are 1/],
  ['a wrong number of recycled items', (raw) => changed(raw, RunRowSchema, keys.run({ task: 'moves', run: 2 }), (row) => void (row.run!.progress!.recycledItems = 5n)), /^run!moves!/, /counts 5 recycled items, and there are 0/],
  ['a wrong number of batches of what is gone', (raw) => changed(raw, RunRowSchema, keys.run({ task: 'moves', run: 2 }), (row) => void (row.openGoneBatches = 1)), /^run!moves!/, /open batches of phase 3/],
  ['a number that is none', (raw) => raw.put(keys.generationBase, Buffer.from('x')), /^meta!generation-base$/, /no number/],
]; // oxfmt-ignore

test('a store of runs that ended, go on, only scanned and were cancelled has no problems', async (t) => {
  t.deepEqual(await problemsOf(await workedStore(t)), []);
});

test('everything that is spoilt is named by its key', async (t) => {
  const good = await workedStore(t);
  for (const [number, [what, spoil, key, words]] of spoils.entries()) {
    const folder = path.join(path.dirname(good), `spoilt ${number}`);
    cpSync(good, folder, { recursive: true });
    const raw: Raw = new Level(folder, { valueEncoding: 'view' });
    await spoil(raw);
    await raw.close();
    const problems = await problemsOf(folder);
    const found = problems.some((problem) => key.test(problem.key) && words.test(problem.words));
    t.true(found, `${what}: ${JSON.stringify(problems.slice(0, 5))}`);
  }
});

test('rows of a task that is being removed are no problem', async (t) => {
  const folder = await workedStore(t);
  const store = await openLevelStore(folder);
  await store.commit((transaction) => transaction.deleteTask('ended'));
  await store.close();
  t.deepEqual(await problemsOf(folder), []);
});

test('a ledger that is kept belongs to no task, and that is no problem', async (t) => {
  const folder = await workedStore(t);
  const store = await openLevelStore(folder);
  const kept = create(KeptLedgerRowSchema, { source: '/from', destination: '/to', latestRun: 2 });
  await store.commit((transaction) => transaction.deleteTask('ended', kept));
  await store.sweep(0);
  t.true((await store.countLedger('ended', 10)) > 0);
  await store.close();
  t.deepEqual(await problemsOf(folder), []);
  const raw: Raw = new Level(folder, { valueEncoding: 'view' });
  const older = toBinary(KeptLedgerRowSchema, { ...kept, latestRun: 1 });
  await raw.put(keys.keptLedger('ended'), older);
  await raw.put(keys.keptLedger('scans'), older);
  await raw.close();
  const words = (await problemsOf(folder)).map((problem) => problem.words);
  t.true(words.includes("is of run 2, and the task's latest is 1"), String(words));
  t.true(words.includes('is kept, and there is a task of its id'), String(words));
});

test('a store that is in use, and one that is not there, are not checked', async (t) => {
  const folder = path.join(temporaryFolder(t), 'store');
  const missing = await t.throwsAsync(problemsOf(folder), { instanceOf: DroverError });
  t.regex(missing!.message, /no store/);
  t.false(existsSync(folder), 'it must not be made');
  await using store = await openLevelStore(folder);
  const locked = await t.throwsAsync(problemsOf(folder), { instanceOf: DroverError });
  t.is(locked!.reason, ErrorReason.DATA_FOLDER_LOCKED);
  t.is((await store.tasks('', 1)).length, 0);
});
