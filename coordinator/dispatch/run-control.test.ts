// What pausing, resuming, cancelling and failing do to the leases of a run, and the order of its phases.
import test from 'ava';
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { batchFiles, leaseTtlMs, openHarness } from './testing/harness.ts';

test('batches are leased while the scan is going', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, batchFiles(1));
  await harness.idle();
  const first = agent.take('batchLease');
  agent.sendResults(first);
  await harness.idle();
  t.is(await harness.state(run), 'RUNNING', 'nothing is open, but the scan goes on');
  agent.sendPage(key, 2n, [{ path: 'z', size: 1n }]);
  await harness.idle();
  agent.sendResults(agent.take('batchLease'));
  agent.sendScanDone(key, 2n);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('the folder phase comes only after all transfer batches', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 8 });
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [{ path: 'd', kind: ItemKind.FOLDER }]);
  await harness.idle();
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), [], 'the scan may find more in the folder');
  agent.sendPage(key, 2n, [{ path: 'e', kind: ItemKind.FOLDER }, ...batchFiles(2)]);
  agent.sendScanDone(key, 2n);
  await harness.idle();
  const transfers = agent.news('batchLease');
  t.is(transfers.length, 3);
  for (const [index, lease] of transfers.entries()) {
    t.is(lease.phase, BatchPhase.TRANSFER);
    t.deepEqual(agent.news('batchLease'), [], `${index} of 3 are done`);
    agent.sendResults(lease);
    await harness.idle();
  }
  const folders = agent.take('batchLease');
  t.is(folders.phase, BatchPhase.FOLDERS);
  t.deepEqual(fromBinary(BatchItemsSchema, folders.items).path, ['d', 'e']);
  agent.sendResults(folders);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 4n, 'folders count once');
});

test('a folder batch that was given back is given out again', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, [{ path: 'd', kind: ItemKind.FOLDER }]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  agent.giveBack(agent.take('batchLease').key);
  await harness.idle();
  await harness.restart();
  const back = await harness.attach('two');
  t.deepEqual(back.news('batchLease'), [], 'the first agent has it still');
  await harness.advance(leaseTtlMs + 10_000);
  const third = await harness.attach('three');
  const lease = third.take('batchLease');
  t.is(lease.phase, BatchPhase.FOLDERS);
  third.sendResults(lease);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('a pause takes each lease back once, and resuming goes on', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 20 });
  const run = await harness.scanned('a', agent, batchFiles(30));
  const held = agent.news('batchLease');
  t.is(held.length, 20);
  await harness.change(run, 'pause');
  t.is(harness.dispatcher.progress(run)?.waitingFor, '');
  const last = held.pop()!;
  for (const { key } of held) {
    agent.giveBack(key);
    await harness.idle();
  }
  agent.sendResults(last);
  await harness.idle();
  t.is(agent.all('leaseRevocation').length, 20, 'one revocation for each lease');
  t.deepEqual(agent.news('batchLease'), []);
  t.is((await harness.run(run)).run!.progress!.succeededItems, 1n, 'results are still taken');
  t.is(harness.dispatcher.progress(run)?.waitingFor, 'somebody to resume it');
  t.is(harness.dispatcher.liveAgent('one')?.slotsUsed, 0);

  await harness.change(run, 'resume');
  const again = agent.news('batchLease');
  t.is(again.length, 20);
  t.is(new Set(again.map(({ key }) => key!.lease)).size, 20);
});

test('a paused run frees its agents for other runs', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, batchFiles(3));
  await harness.start('b');
  t.deepEqual(agent.news('scanLease'), []);
  await harness.change(run, 'pause');
  agent.giveBack(agent.take('batchLease').key);
  await harness.idle();
  t.is(agent.take('scanLease').key!.lease, 'tasks/b/runs/1/scan');
});

test('work that was about to be given when the run was paused is not lost', async (t) => {
  const harness = await openHarness(t);
  const run = await harness.start('a');
  await harness.change(run, 'pause', false);
  const agent = await harness.attach('one', { slots: 2 });
  t.deepEqual(agent.news('scanLease'), []);
  harness.dispatcher.runChanged(run);
  await harness.idle();
  await harness.change(run, 'resume');
  const { key } = agent.take('scanLease');
  agent.giveBack(key);
  await harness.idle();
  const scan = agent.take('scanLease');
  await harness.change(run, 'pause', false);
  agent.sendPage(scan.key, 1n, batchFiles(3));
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), []);
  await harness.change(run, 'resume');
  t.is(agent.news('batchLease').length, 1);
});

test('a paused run stays paused over a restart, with all its leases free', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.scanned('a', agent, batchFiles(4));
  const held = agent.news('batchLease');
  await harness.change(run, 'pause', false);
  await harness.restart();
  const back = await harness.attach('one', { slots: 4, leases: held.map(({ key }) => key!) });
  t.false(back.ended);
  t.is(back.news('leaseRevocation').length, 4);
  t.deepEqual(await harness.watched.store.leasedBatches(run), []);
  await harness.change(run, 'resume');
  t.is(back.news('batchLease').length, 4);
});

test('a pause frees the leases of agents that are not attached', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.scanned('a', agent, batchFiles(3));
  agent.vanish();
  await harness.idle();
  await harness.change(run, 'pause');
  t.deepEqual(await harness.watched.store.leasedBatches(run), []);
  await harness.change(run, 'resume');
  const other = await harness.attach('two', { slots: 3 });
  t.is(other.news('batchLease').length, 3);
});

test('an agent that comes back during a pause is told again', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, batchFiles(1));
  const lease = agent.take('batchLease');
  await harness.change(run, 'pause');
  t.is(agent.news('leaseRevocation').length, 1);
  const back = await harness.attach('one', { leases: [lease.key!] });
  t.is(back.news('leaseRevocation').length, 1);
});

test('a run without leases is cancelled at once', async (t) => {
  const harness = await openHarness(t);
  const run = await harness.start('a');
  await harness.change(run, 'cancel');
  t.is(await harness.state(run), 'CANCELLED');
  t.is(harness.dispatcher.progress(run), undefined);
  t.deepEqual(await harness.watched.store.openRuns(), []);
});

test('a run is cancelled once its leases are back', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, batchFiles(5));
  await harness.idle();
  const batches = agent.news('batchLease');
  await harness.change(run, 'cancel');
  t.is(agent.news('leaseRevocation').length, 3);
  t.is(harness.dispatcher.progress(run)?.waitingFor, '');
  agent.giveBack(key, batches[0]!.key);
  await harness.idle();
  t.is(await harness.state(run), 'CANCELLING');
  agent.giveBack(batches[1]!.key);
  await harness.idle();
  t.is(await harness.state(run), 'CANCELLED');
  t.deepEqual(agent.news('batchLease'), []);
});

test('a run is cancelled when results cross the revocation', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, batchFiles(3));
  const lease = agent.take('batchLease');
  await harness.change(run, 'cancel');
  agent.sendResults(lease);
  agent.giveBack(lease.key);
  await harness.idle();
  t.is(await harness.state(run), 'CANCELLED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 1n);
});

test('a run is cancelled when the end of its scan crosses the revocation', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  await harness.change(run, 'cancel');
  agent.sendScanDone(key, 0n);
  agent.giveBack(key);
  await harness.idle();
  t.is(await harness.state(run), 'CANCELLED');
});

test('a run is cancelled when its agents never come back', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  const run = await harness.scanned('a', agent, batchFiles(2));
  await harness.change(run, 'cancel');
  agent.vanish();
  await harness.idle();
  t.is(await harness.state(run), 'CANCELLING');
  await harness.advance(leaseTtlMs + 10_000);
  t.is(await harness.state(run), 'CANCELLED');
});

test('a run that was being cancelled when the coordinator stopped is cancelled when it starts', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.scanned('a', agent, batchFiles(3));
  await harness.change(run, 'cancel');
  await harness.restart();
  t.is(await harness.state(run), 'CANCELLED');
});

test('a scan that fails ends the run and revokes its other leases', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { slots: 2 });
  const two = await harness.attach('two', { slots: 1 });
  const run = await harness.start('a');
  const { key } = one.take('scanLease');
  one.sendPage(key, 1n, batchFiles(4));
  await harness.idle();
  const lease = two.take('batchLease');
  one.sendScanFailure(key, ErrorReason.SOURCE_READ_FAILED, 'the disk is broken', 1n);
  await harness.idle();
  t.is(await harness.state(run), 'FAILED');
  t.like((await harness.run(run)).run, { errorReason: ErrorReason.SOURCE_READ_FAILED });
  t.is((await harness.run(run)).run!.error?.message, 'the disk is broken');
  t.deepEqual(two.take('leaseRevocation').key, lease.key);
  t.is(one.news('leaseRevocation').length, 1);

  const before = await harness.run(run);
  two.sendResults(lease);
  two.giveBack(lease.key);
  await harness.idle();
  t.deepEqual(await harness.run(run), before, 'results of a run that has ended change nothing');
  t.is(harness.dispatcher.liveAgent('two')?.slotsUsed, 0);
  t.deepEqual(two.news('batchLease'), []);
});

test('a run that only scans ends with its scan and leases no batch', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.start('a', { scanOnly: true });
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [{ path: 'd', kind: ItemKind.FOLDER }, ...batchFiles(2)]);
  agent.sendScanDone(key, 1n);
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), []);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.like((await harness.run(run)).run!.progress, { scannedItems: 3n, plannedItems: 3n, succeededItems: 0n }); // oxfmt-ignore
});

test('items that fail are counted, and the run succeeds with failures', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, [{ path: 'a', size: 3n }, { path: 'b' }, { path: 'c' }]); // oxfmt-ignore
  agent.sendResults(agent.take('batchLease'), (results) => {
    results.state[0] = ItemState.FAILED;
    results.state[1] = ItemState.SKIPPED;
    results.remark = [
      { $typeName: 'drover.v1.ItemRemark', index: 0, reason: ErrorReason.SOURCE_CHANGED, message: 'x', requestId: '' }, // oxfmt-ignore
      { $typeName: 'drover.v1.ItemRemark', index: 1, reason: ErrorReason.SYMBOLIC_LINK, message: 'y', requestId: '' }, // oxfmt-ignore
    ];
  });
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED_WITH_FAILURES');
  t.like((await harness.run(run)).run!.progress, { succeededItems: 1n, skippedItems: 1n, failedItems: 1n, failedBytes: 3n }); // oxfmt-ignore
  const ledger = await harness.watched.store.ledger('a', ['a', 'b', 'c']);
  t.deepEqual(ledger.map((row) => row !== undefined), [false, false, true]); // oxfmt-ignore
});

test('a run that ended while it was being read is not taken up again', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, batchFiles(1));
  const release = harness.watched.holdRunReads();
  harness.dispatcher.runChanged(run);
  agent.sendResults(agent.take('batchLease'));
  await until(() => agent.all('acknowledgement').length === 3);
  release();
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is(harness.dispatcher.progress(run), undefined);
});

/** Waits for a condition, one turn of the event loop at a time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
