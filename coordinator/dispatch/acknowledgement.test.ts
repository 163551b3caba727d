// Nothing is acknowledged, to anyone, before the synced write that records it; and what is refused has no effect.
import test from 'ava';
import { LeaseState } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { batchFiles, leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import { ScriptedAgent } from './testing/scripted-agent.ts';

interface Report {
  name: string;
  /** Brings an agent to where it can report. */
  prepare: (harness: Harness, agent: ScriptedAgent) => Promise<() => void>;
}

const reports: Report[] = [
  {
    name: 'a page',
    prepare: async (harness, agent) => {
      await harness.start('a');
      const { key } = agent.take('scanLease');
      return () => agent.sendPage(key, 1n, batchFiles(1));
    },
  },
  {
    name: 'the end of a scan',
    prepare: async (harness, agent) => {
      await harness.start('a');
      const { key } = agent.take('scanLease');
      return () => agent.sendScanDone(key, 0n);
    },
  },
  {
    name: 'the failure of a scan',
    prepare: async (harness, agent) => {
      await harness.start('a');
      const { key } = agent.take('scanLease');
      return () => agent.sendScanFailure(key, ErrorReason.SOURCE_NOT_FOUND, 'gone');
    },
  },
  {
    name: 'the results of a batch',
    prepare: async (harness, agent) => {
      await harness.scanned('a', agent, batchFiles(1));
      agent.news('acknowledgement');
      const lease = agent.take('batchLease');
      return () => agent.sendResults(lease);
    },
  },
];

for (const { name, prepare } of reports) {
  test(`nothing is acknowledged before the synced write that records it: ${name}, held up`, async (t) => {
    const harness = await openHarness(t);
    const agent = await harness.attach('one');
    const report = await prepare(harness, agent);
    const { reached, release } = harness.watched.holdWrite();
    report();
    await reached;
    for (let round = 0; round < 5; round += 1) await new Promise(setImmediate);
    t.deepEqual(agent.news('acknowledgement'), []);
    release();
    await harness.idle();
    t.is(agent.news('acknowledgement').length, 1);
  });

  test(`nothing is acknowledged before the synced write that records it: ${name}, failing`, async (t) => {
    const harness = await openHarness(t);
    const agent = await harness.attach('one');
    const report = await prepare(harness, agent);
    const before = await harness.run({ task: 'a', run: 1 });
    harness.watched.failWrite(new Error('disk full'));
    report();
    await harness.idle();
    t.deepEqual(agent.news('acknowledgement'), []);
    t.true(agent.ended, 'the session ends, so that the agent reports again');
    t.deepEqual(harness.dispatcher.attachedAgents(), []);
    t.deepEqual(await harness.run({ task: 'a', run: 1 }), before);
  });
}

for (const { name, prepare } of reports.filter(
  (report) => report.name !== 'the end of a scan' && report.name !== 'the failure of a scan',
))
  // oxfmt-ignore
  test(`what could not be written after it was taken is not acknowledged: ${name}`, async (t) => {
    const harness = await openHarness(t);
    const agent = await harness.attach('one');
    const report = await prepare(harness, agent);
    harness.watched.loseWrite(new Error('disk full'));
    report();
    await harness.idle();
    t.deepEqual(agent.news('acknowledgement'), []);
    t.true(agent.ended, 'the session ends, so that the agent reports again');
  });

test('a lease is told to the agent only after the synced write that records it', async (t) => {
  const harness = await openHarness(t);
  await harness.start('a');
  const { reached, release } = harness.watched.holdWrite();
  const agent = new ScriptedAgent(harness.dispatcher, 'one');
  await reached;
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate);
  t.deepEqual(agent.news('scanLease'), []);
  release();
  await harness.idle();
  t.is(agent.news('scanLease').length, 1);
});

test('work whose leasing could not be written is given out again', async (t) => {
  const harness = await openHarness(t);
  await harness.start('a');
  harness.watched.failWrite(new Error('disk full'));
  const agent = await harness.attach('one', { slots: 4 });
  t.deepEqual(agent.news('scanLease'), []);
  await harness.advance(leaseTtlMs / 4);
  t.is(agent.news('scanLease').length, 1);
});

test('a lease whose release could not be written is released later', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(1));
  const { key } = agent.take('batchLease');
  harness.watched.failWrite(new Error('disk full'));
  agent.giveBack(key);
  await harness.idle();
  t.true(agent.ended);
  const other = await harness.attach('two');
  t.deepEqual(other.news('batchLease'), []);
  await harness.advance(leaseTtlMs / 4);
  t.like(other.take('batchLease').key, { lease: key!.lease, generation: 2 });
});

test('results that cross the expiry of their lease stand, and other leases expire all the same', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  const run = await harness.scanned('a', agent, batchFiles(2));
  const [crossing, other] = agent.news('batchLease');
  await harness.advance(leaseTtlMs - 5_000);
  agent.beat();
  await harness.idle();
  const { reached, release } = harness.watched.holdWrite();
  agent.sendResults(crossing!);
  await reached;
  harness.clock.advance(5_000);
  release();
  await harness.idle();
  t.is((await harness.watched.store.batch({ ...run, batch: 1 }))!.lease!.state, LeaseState.DONE);
  const again = agent.take('batchLease');
  t.like(again.key, { lease: other!.key!.lease, generation: 2 });
  agent.sendResults(again);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 2n);
});

test('a page that is sent again changes nothing and is acknowledged again', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  const entries = [{ path: 'd', kind: ItemKind.FOLDER }, ...batchFiles(2)];
  agent.sendPage(key, 1n, entries);
  await harness.idle();
  const once = await harness.run(run);
  agent.sendPage(key, 1n, entries);
  await harness.idle();
  t.deepEqual(await harness.run(run), once);
  t.deepEqual(
    agent.all('acknowledgement').map(({ page }) => page),
    [1n, 1n],
  );
  agent.sendPage(key, 2n, [{ path: 'z' }]);
  await harness.idle();
  t.is((await harness.run(run)).scan!.lastPath, 'z');
});

test('a page with pages missing before it is refused, and so is an end that counts other pages', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, batchFiles(1));
  await harness.idle();
  const before = await harness.run(run);
  agent.sendPage(key, 3n, batchFiles(1));
  agent.sendScanDone(key, 3n);
  await harness.idle();
  t.is(agent.news('leaseRevocation').length, 2);
  t.is(agent.all('acknowledgement').length, 1);
  t.deepEqual(await harness.run(run), before);
  agent.giveBack(key);
  await harness.idle();
  t.like(agent.take('scanLease'), { nextPage: 2n, afterPath: 'f0000', key: { generation: 2 } });
});

test('a scan that comes back goes on after the last stored page', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { slots: 2 });
  await harness.start('a');
  const first = one.take('scanLease');
  t.like(first, { nextPage: 1n, afterPath: '', source: '/from', destination: '/to' });
  t.true(first.pageWindow > 0);
  one.sendPage(first.key, 1n, [{ path: 'a' }, { path: 'b/c' }]);
  one.giveBack(first.key);
  await harness.idle();
  t.like(one.take('scanLease'), { nextPage: 2n, afterPath: 'b/c', key: { generation: 2 } });
});

const misfits: [name: string, change: (results: BatchResults) => void][] = [
  ['a state too few', (results) => results.state.pop()],
  ['a state too many', (results) => results.state.push(ItemState.SUCCEEDED)],
  ['a size too few', (results) => results.size.pop()],
  ['a date too many', (results) => results.modifiedNs.push(1n)],
  ['a destination date too few', (results) => results.destinationModifiedNs.pop()],
  ['attempts missing', (results) => (results.attempts = [])],
  ['half a SHA-256', (results) => (results.sha256 = results.sha256.subarray(16))],
  ['no quickXorHash', (results) => (results.quickXorHash = new Uint8Array(0))],
  ['a state that is no result', (results) => (results.state[0] = ItemState.PENDING)],
  ['a state nobody knows', (results) => (results.state[0] = 99 as ItemState)],
  ['a remark on no item', (results) => results.remark.push({ $typeName: 'drover.v1.ItemRemark', index: 1, reason: ErrorReason.INTERNAL, message: '', requestId: '' })], // oxfmt-ignore
];
for (const [name, change] of misfits)
  test(`results that do not fit the batch are refused without effect: ${name}`, async (t) => {
    const harness = await openHarness(t);
    const agent = await harness.attach('one');
    const run = await harness.scanned('a', agent, batchFiles(1));
    const lease = agent.take('batchLease');
    const before = await harness.run(run);
    agent.news('acknowledgement');
    agent.sendResults(lease, change);
    await harness.idle();
    t.deepEqual(agent.news('acknowledgement'), []);
    t.true(agent.ended);
    t.is(agent.error instanceof DroverError && agent.error.reason, ErrorReason.INVALID_ARGUMENT);
    t.deepEqual(await harness.run(run), before);
    const { store } = harness.watched;
    t.deepEqual(await store.ledger('a', ['f0000']), [undefined]);
    t.is(await store.batchResults({ ...run, batch: 1 }), undefined);
    const again = await harness.attach('one', { leases: [lease.key!] });
    again.sendResults(lease);
    await harness.idle();
    t.is(await harness.state(run), 'SUCCEEDED');
  });

test('a page out of path order is refused without effect', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [{ path: 'b' }]);
  await harness.idle();
  const before = await harness.run(run);
  agent.sendPage(key, 2n, [{ path: 'a' }]);
  await harness.idle();
  t.true(agent.ended);
  t.is(agent.all('acknowledgement').length, 1);
  t.deepEqual(await harness.run(run), before);
});

test('bytes that are no page and no results end the session and nothing else', async (t) => {
  const harness = await openHarness(t);
  const run = await harness.start('a');
  const garbage = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
  const one = await harness.attach('one');
  one.push({ case: 'scanPage', value: { key: one.take('scanLease').key!, page: 1n, items: garbage } }); // oxfmt-ignore
  await harness.idle();
  t.true(one.ended);
  const two = await harness.attach('one');
  const { key } = two.take('scanLease');
  two.sendPage(key, 1n, batchFiles(1));
  two.sendScanDone(key, 1n);
  await harness.idle();
  two.push({ case: 'batchDone', value: { key: two.take('batchLease').key!, results: garbage } });
  await harness.idle();
  t.true(two.ended);
  t.is(await harness.state(run), 'RUNNING');
});
