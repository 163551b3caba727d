// What is gone from the source, in runs that are dispatched to agents: the order of the phases, the question, and what a broken scan
// and a stopped run leave.
import { fromBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { GoneDecision } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase, type BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { RunKey } from '../store/store.ts';
import { leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import type { Entry, ScriptedAgent } from './testing/scripted-agent.ts';

const recycles = { settings: { gonePolicy: GonePolicy.RECYCLE, recyclePercentMax: 100 } };
const asks = { settings: { gonePolicy: GonePolicy.RECYCLE } };

const file = (path: string, id = 0n): Entry => ({ path, size: 1n, modifiedNs: 5n, fileId: id });
const folder = (path: string, id = 0n): Entry => ({ path, kind: ItemKind.FOLDER, fileId: id });
const names = (count: number) => Array.from({ length: count }, (_, index) => `f${index + 10}`);

/** Does everything that is leased to an agent until nothing comes any more; answers with what it was. */
async function workOff(harness: Harness, agent: ScriptedAgent): Promise<BatchLease[]> {
  const done: BatchLease[] = [];
  for (let fresh = agent.news('batchLease'); fresh.length > 0; fresh = agent.news('batchLease')) {
    for (const lease of fresh) agent.sendResults(lease);
    done.push(...fresh);
    await harness.idle();
  }
  return done;
}

/** A task that has migrated these. */
async function migrated(t: ExecutionContext, entries: readonly Entry[]) {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  await harness.scanned('a', agent, entries);
  await workOff(harness, agent);
  return { harness, agent };
}

const itemsOf = ({ items }: BatchLease) => fromBinary(BatchItemsSchema, items);
const phasesOf = (leases: readonly BatchLease[]) => leases.map(({ phase }) => phase);

async function counts(harness: Harness, run: RunKey) {
  const { goneItems, movedItems, recycledItems } = (await harness.run(run)).run!.progress!;
  return [Number(goneItems), Number(movedItems), Number(recycledItems)];
}

test('what is gone is leased after what is written and before the folders', async (t) => {
  const { harness, agent } = await migrated(t, [folder('d'), file('d/a'), folder('e'), file('z')]);
  const run = await harness.scanned('a', agent, [folder('d'), file('n'), file('z')], recycles);
  const done = await workOff(harness, agent);
  const { TRANSFER, GONE, FOLDERS } = BatchPhase;
  t.deepEqual(phasesOf(done), [TRANSFER, GONE, GONE, FOLDERS]);
  t.deepEqual(done.map((lease) => itemsOf(lease).path), [['n'], ['d/a'], ['e'], ['d']]); // oxfmt-ignore
  t.deepEqual(itemsOf(done[1]!).action, [ItemAction.RECYCLE]);
  t.like(itemsOf(done[1]!).expected[0], { index: 0, size: 1n, modifiedNs: 5n });
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(await counts(harness, run), [2, 0, 2]);
});

test('what was moved is not leased as gone, and a run can end with that', async (t) => {
  const { harness, agent } = await migrated(t, [folder('d', 1n), file('d/a', 2n), file('m', 3n)]);
  const run = await harness.scanned('a', agent, [file('d.b', 2n), file('n', 3n)], recycles);
  const done = await workOff(harness, agent);
  t.deepEqual(phasesOf(done), [BatchPhase.TRANSFER, BatchPhase.GONE]);
  t.deepEqual(itemsOf(done[1]!).path, ['d'], 'the folder alone');
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(await counts(harness, run), [1, 2, 1]);
  const again = await harness.scanned('a', agent, [file('d.b', 2n), file('z', 3n)], recycles);
  t.deepEqual(phasesOf(await workOff(harness, agent)), [BatchPhase.TRANSFER]);
  t.is(await harness.state(again), 'SUCCEEDED', 'its last batch was empty when it was looked at');
});

test('a file whose place was vacated is leased when everything else is written, as one to transfer', async (t) => {
  const { harness, agent } = await migrated(t, [file('m', 3n), file('x', 4n)]);
  const run = await harness.start('a', recycles);
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [folder('c'), file('d', 3n)]);
  agent.sendPage(key, 2n, [file('m', 5n)]);
  agent.sendScanDone(key, 2n);
  await harness.idle();
  const done = await workOff(harness, agent);
  const { TRANSFER, GONE, FOLDERS } = BatchPhase;
  t.deepEqual(phasesOf(done), [TRANSFER, GONE, TRANSFER, FOLDERS]);
  t.deepEqual(done.map((lease) => itemsOf(lease).path), [['c', 'd'], ['x'], ['m'], ['c']]); // oxfmt-ignore
  t.deepEqual([itemsOf(done[2]!).action, itemsOf(done[2]!).expected], [[ItemAction.CREATE], []]);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(await counts(harness, run), [1, 1, 1]);
});

test('a share that is not mounted is asked about, and nothing is recycled before the answer', async (t) => {
  const { harness, agent } = await migrated(t, names(20).map((name) => file(name))); // oxfmt-ignore
  const run = await harness.scanned('a', agent, [], asks);
  t.is(await harness.state(run), 'PAUSED');
  t.is((await harness.run(run)).run!.goneDecision, GoneDecision.PENDING);
  await harness.restart();
  const back = await harness.attach('one', { slots: 4 });
  t.deepEqual(back.news('batchLease'), []);
  await t.throwsAsync(harness.change(run, 'resume'), { instanceOf: DroverError, message: /20 of 20 migrated items \(100 %\) are gone/v }); // oxfmt-ignore
  t.is(await harness.state(run), 'PAUSED');
  await harness.step(run, { kind: 'resume', gone: GoneDecision.KEEP });
  const kept = (await workOff(harness, back)).flatMap((lease) => itemsOf(lease).action);
  t.deepEqual(kept, new Array<ItemAction>(20).fill(ItemAction.KEEP));
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(await counts(harness, run), [20, 0, 0]);
  const next = await harness.scanned('a', back, [], asks);
  t.is(await harness.state(next), 'PAUSED', 'what is kept is asked about again');
  await harness.step(next, { kind: 'resume', gone: GoneDecision.RECYCLE });
  await workOff(harness, back);
  t.is(await harness.state(next), 'SUCCEEDED');
  t.deepEqual(await counts(harness, next), [20, 0, 20]);
  t.deepEqual(await harness.watched.store.ledgerRange('a', { after: '', upTo: '' }, 9), []);
});

test('a run that asks can be cancelled, and asks again when it is paused meanwhile', async (t) => {
  const { harness, agent } = await migrated(t, [file('a'), file('b')]);
  const run = await harness.start('a', asks);
  const scan = agent.take('scanLease');
  agent.sendPage(scan.key, 1n, [file('c')]);
  await harness.idle();
  const transfer = agent.take('batchLease');
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  await harness.change(run, 'pause');
  agent.sendResults(transfer);
  await harness.idle();
  t.is((await harness.run(run)).run!.goneDecision, GoneDecision.PENDING);
  await t.throwsAsync(harness.change(run, 'resume'), { message: /2 of 2 migrated items/v });
  await harness.change(run, 'cancel');
  t.is(await harness.state(run), 'CANCELLED');
  t.true((await harness.watched.store.ledger('a', ['a', 'b'])).every((row) => row !== undefined));
});

test('moved items are not asked about', async (t) => {
  const entries = names(9).map((name, index) => file(name, BigInt(index + 1)));
  const { harness, agent } = await migrated(t, entries);
  const renamed = entries.map((entry) => ({ ...entry, path: `g${entry.path}` }));
  const run = await harness.scanned('a', agent, renamed, asks);
  await workOff(harness, agent);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(await counts(harness, run), [0, 9, 0]);
});

test('where a scan goes on that was broken off, folders above may not be seen any more', async (t) => {
  const all = [folder('d'), folder('d/e'), file('d/e/a'), file('d/e/b'), file('d/x'), file('z')];
  const { harness, agent } = await migrated(t, all);
  const run = await harness.start('a', recycles);
  agent.sendPage(agent.take('scanLease').key, 1n, all.slice(0, 3));
  await harness.idle();
  agent.vanish();
  await harness.advance(leaseTtlMs * 2);
  // The other agent may not read d/e, and has no way to say so: it was told of already.
  const other = await harness.attach('two', { slots: 4 });
  const scan = other.take('scanLease');
  t.is(scan.afterPath, 'd/e/a');
  other.sendPage(scan.key, 2n, [file('d/y')]);
  other.sendScanDone(scan.key, 2n);
  await harness.idle();
  const gone = (await workOff(harness, other)).filter(({ phase }) => phase === BatchPhase.GONE);
  t.deepEqual(gone.flatMap((lease) => itemsOf(lease).path), ['d/x', 'z']); // oxfmt-ignore
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('what is recycled and what fails is counted apart from what is migrated', async (t) => {
  const { harness, agent } = await migrated(t, [file('a'), file('b'), file('c')]);
  const run = await harness.scanned('a', agent, [file('c')], recycles);
  agent.sendResults(agent.take('batchLease'), (results) => {
    results.state[0] = ItemState.FAILED;
    results.remark = [{ $typeName: 'drover.v1.ItemRemark', index: 0, reason: ErrorReason.DESTINATION_CONFLICT, message: 'it was edited', requestId: '' }]; // oxfmt-ignore
  });
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED_WITH_FAILURES');
  const progress = (await harness.run(run)).run!.progress!;
  t.like(progress, { scannedItems: 1n, skippedItems: 1n, succeededItems: 0n, failedItems: 1n });
  t.deepEqual(await counts(harness, run), [2, 0, 1]);
  t.deepEqual((await harness.watched.store.ledger('a', ['a', 'b'])).map((row) => row !== undefined), [true, false]); // oxfmt-ignore
});

test('a move that failed is tried again as a move', async (t) => {
  const { harness, agent } = await migrated(t, [file('a', 1n), file('z', 2n)]);
  const run = await harness.scanned('a', agent, [file('b', 1n), file('z', 2n)], recycles);
  agent.sendResults(agent.take('batchLease'), (results) => {
    results.state[0] = ItemState.FAILED;
  });
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED_WITH_FAILURES');
  const retry = await harness.start('a', { retried: run.run });
  const scan = agent.take('scanLease');
  t.deepEqual(scan.only!.path, ['b'], 'what is gone is not looked for');
  agent.sendPage(scan.key, 1n, [file('b', 1n)]);
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  const [lease] = await workOff(harness, agent);
  t.deepEqual(itemsOf(lease!).action, [ItemAction.MOVE]);
  t.is(await harness.state(retry), 'SUCCEEDED');
  t.deepEqual(await counts(harness, retry), [0, 1, 0]);
  t.deepEqual((await harness.watched.store.ledger('a', ['a', 'b'])).map((row) => row !== undefined), [false, true]); // oxfmt-ignore
});

test('a file is followed by its id although another one has the path that it had first', async (t) => {
  const { harness, agent } = await migrated(t, [file('a', 7n)]);
  const next = async (...entries: Entry[]) => {
    await harness.scanned('a', agent, entries);
    return (await workOff(harness, agent)).flatMap((lease) => itemsOf(lease).action);
  };
  // It is written anew under another name, then another file takes its first one, and then it is renamed once more.
  const changed = (path: string) => ({ ...file(path, 7n), modifiedNs: 6n });
  t.deepEqual(await next(changed('b')), [ItemAction.CREATE, ItemAction.KEEP]);
  const other = { ...file('a', 8n), modifiedNs: 9n };
  t.deepEqual(await next(other, changed('b')), [ItemAction.UPDATE]);
  t.deepEqual(await next(other, changed('c')), [ItemAction.MOVE]);
});
