// The end of a run is shared: nobody is idle while another has more than it can do, and what was done is never done again.
import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { BatchPhase, type BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { batchItemsMax } from '../plan/batch-builder.ts';
import {
  batchFiles,
  leaseTtlMs,
  openHarness,
  smallFiles,
  type Harness,
} from './testing/harness.ts';
import type { ScriptedAgent } from './testing/scripted-agent.ts';

const countOf = (lease: BatchLease) => fromBinary(BatchItemsSchema, lease.items).path.length;
const sumOf = (leases: readonly BatchLease[]) => leases.reduce((sum, lease) => sum + countOf(lease), 0); // oxfmt-ignore

/** All agents do whatever they have until nothing comes any more; answers how many items each did. */
async function workOn(
  harness: Harness,
  agents: readonly ScriptedAgent[],
  held: readonly BatchLease[][] = [],
): Promise<number[]> {
  const counts = agents.map(() => 0);
  const leases = agents.map((_, index) => [...(held[index] ?? [])]);
  for (let isIdle = false; !isIdle;) {
    isIdle = true;
    for (const [index, agent] of agents.entries()) {
      leases[index]!.push(...agent.news('batchLease'));
      const lease = leases[index]!.shift();
      if (lease === undefined) continue;
      isIdle = false;
      counts[index]! += countOf(lease);
      harness.clock.advance(100);
      agent.sendResults(lease);
      await harness.idle();
    }
  }
  return counts;
}

test('a small run is shared by all agents from the start', async (t) => {
  const harness = await openHarness(t);
  const agents = [];
  for (const name of ['a', 'b', 'c', 'd']) agents.push(await harness.attach(name, { slots: 2 }));
  const run = await harness.start('x');
  const scanner = agents.find((agent) => agent.all('scanLease').length > 0)!;
  const { key } = scanner.take('scanLease');
  scanner.sendPage(key, 1n, smallFiles(200));
  scanner.sendScanDone(key, 1n);
  await harness.idle();
  const first = agents.map((agent) => agent.news('batchLease'));
  t.true(first.every((leases) => leases.length > 0), 'everybody has something'); // oxfmt-ignore
  const counts = await workOn(harness, agents, first);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is(counts.reduce((sum, count) => sum + count, 0), 200); // oxfmt-ignore
  t.true(Math.min(...counts) >= 20, `${counts.join(', ')}`);
  const row = await harness.run(run);
  t.like(row, { openTransferBatches: 0 });
  t.is(row.run!.progress!.succeededItems, 200n);
});

test('while the scan goes on, who is as fast as it gets batches whole', async (t) => {
  const harness = await openHarness(t);
  const agents = [await harness.attach('a', { slots: 4 }), await harness.attach('b', { slots: 4 })];
  await harness.start('x');
  const scanner = agents.find((agent) => agent.all('scanLease').length > 0)!;
  const { key } = scanner.take('scanLease');
  const files = smallFiles(2000);
  scanner.sendPage(key, 1n, files.slice(0, 1000));
  await harness.idle();
  await workOn(harness, agents);
  scanner.sendPage(key, 2n, files.slice(1000));
  await harness.idle();
  const leases = agents.flatMap((agent) => agent.news('batchLease'));
  t.deepEqual(leases.map(countOf), [batchItemsMax, batchItemsMax]);
});

test('folders are shared as well, in their phase', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one');
  const two = await harness.attach('two');
  const folders = Array.from({ length: 60 }, (_, index) => ({ path: `d${100 + index}`, kind: ItemKind.FOLDER })); // oxfmt-ignore
  const run = await harness.scanned('a', one, folders);
  const counts = await workOn(harness, [one, two]);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.true(counts.every((count) => count > 30), `${counts.join(', ')}`); // oxfmt-ignore
  t.is((await harness.run(run)).run!.progress!.succeededItems, 60n);
  t.true([...one.all('batchLease'), ...two.all('batchLease')].some(({ phase }) => phase === BatchPhase.FOLDERS)); // oxfmt-ignore
});

test('no run waits for one agent that has ten batches while others are idle', async (t) => {
  const harness = await openHarness(t);
  const busy = await harness.attach('busy', { slots: 10 });
  const run = await harness.scanned('a', busy, smallFiles(1000));
  let held = busy.news('batchLease');
  t.is(held.length, 10);
  // It has what is left of the run, and is slow: an item a second in each of its nine threads.
  while (sumOf(held) < 1000 && (await harness.run(run)).openTransferBatches > held.length) {
    busy.sendResults(held.shift()!);
    await harness.idle();
    held.push(...busy.news('batchLease'));
  }
  const queued = held.at(-1)!;
  const helper = await harness.attach('helper', { slots: 4 });
  t.deepEqual(busy.take('leaseRevocation').key, queued.key, 'what waits for a thread goes at once');
  busy.giveBack(queued.key);
  await harness.idle();
  t.true(helper.all('batchLease').length > 0);
  held = held.filter((lease) => lease !== queued);
  await workOn(harness, [helper]);
  for (let second = 1; second <= 2; second += 1) {
    await harness.advance(1000);
    busy.progress(second, ...held);
    await harness.idle();
  }
  const revoked = busy.news('leaseRevocation');
  t.true(revoked.length > 0 && revoked.every(({ takesPartial }) => takesPartial));
  for (const { key } of revoked) {
    const lease = held.find((one) => one.key!.lease === key!.lease)!;
    busy.sendPartial(lease, 2);
    held = held.filter((one) => one !== lease);
  }
  await harness.idle();
  const before = (await harness.run(run)).run!.progress!.succeededItems;
  t.true(before >= BigInt(2 * revoked.length));
  await workOn(harness, [busy, helper], [held]);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 1000n);
});

test('agents come and go in the middle of a run and are used at once', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { slots: 3 });
  const run = await harness.scanned('a', one, batchFiles(40));
  const two = await harness.attach('two', { slots: 3 });
  const held = two.news('batchLease');
  t.is(held.length, 3, 'without any time having passed');
  two.push({ case: 'heartbeat', value: { leases: [], draining: true } });
  two.giveBack(...held.map(({ key }) => key));
  await harness.idle();
  const three = await harness.attach('three', { slots: 3 });
  const given = three.news('batchLease').map(({ key }) => key!.lease);
  t.true(
    held.every(({ key }) => given.includes(key!.lease)),
    'what was given back is first',
  );
  await workOn(harness, [one, three], [one.news('batchLease'), three.all('batchLease')]);
  t.is(await harness.state(run), 'SUCCEEDED');
});

/** One agent with a lease that it is slow with, and another one without work: what was taken back of it. */
async function takenBack(harness: Harness) {
  const slow = await harness.attach('slow');
  const run = await harness.scanned('a', slow, smallFiles(8));
  const lease = slow.take('batchLease');
  const idle = await harness.attach('idle');
  await harness.advance(1000);
  slow.progress(1, lease);
  await harness.advance(1000);
  return { slow, idle, lease, run };
}

test('what was taken back once is not taken back again', async (t) => {
  const harness = await openHarness(t);
  const { slow, idle, lease, run } = await takenBack(harness);
  t.deepEqual(slow.take('leaseRevocation').key, lease.key);
  slow.sendPartial(lease, 1);
  await harness.idle();
  const rest = [...slow.news('batchLease'), ...idle.news('batchLease')];
  t.is(sumOf(rest), 7);
  for (let second = 0; second < 10; second += 1) {
    await harness.advance(1000);
    slow.beat(...slow.all('batchLease').map(({ key }) => key));
    idle.beat(...idle.all('batchLease').map(({ key }) => key));
    await harness.idle();
  }
  t.deepEqual([slow.news('leaseRevocation'), idle.news('leaseRevocation')], [[], []]);
  t.is(await harness.state(run), 'RUNNING');
});

test('of a batch of which nothing is finished all goes on elsewhere', async (t) => {
  const harness = await openHarness(t);
  const { slow, idle, lease, run } = await takenBack(harness);
  slow.push({ case: 'heartbeat', value: { leases: [], draining: true } });
  slow.sendPartial(lease, 0);
  await harness.idle();
  t.is(slow.all('acknowledgement').length, 3);
  t.like(idle.news('batchLease')[0]!.key, { lease: lease.key!.lease, generation: 2 });
  await workOn(harness, [idle], [idle.all('batchLease')]);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 8n);
});

test('whoever has a part of a batch whose agent died knows that it may have been begun', async (t) => {
  const harness = await openHarness(t);
  const dead = await harness.attach('dead');
  const run = await harness.scanned('a', dead, smallFiles(200));
  const lost = countOf(dead.take('batchLease'));
  dead.vanish();
  const agents = [];
  for (const name of ['a', 'b', 'c', 'd']) agents.push(await harness.attach(name, { slots: 2 }));
  for (let passedMs = 0; passedMs < leaseTtlMs + 20_000; passedMs += 5_000) {
    await harness.advance(5_000);
    for (const agent of agents) agent.beat(...agent.all('batchLease').map(({ key }) => key));
  }
  await harness.idle();
  await workOn(harness, agents, agents.map((agent) => agent.all('batchLease'))); // oxfmt-ignore
  t.is(await harness.state(run), 'SUCCEEDED');
  const paths = (lease: BatchLease) => fromBinary(BatchItemsSchema, lease.items).path;
  const begun = new Set(paths(dead.all('batchLease')[0]!));
  const again = agents
    .flatMap((agent) => agent.all('batchLease'))
    .filter((lease) => paths(lease).some((path) => begun.has(path)));
  t.true(again.length > 1, 'it was cut');
  t.true(sumOf(again) >= lost);
  for (const { key } of again) t.true(key!.generation > 1, key!.lease);
});

test('a batch that was finished when the agent was told to stop is whole', async (t) => {
  const harness = await openHarness(t);
  const { slow, lease, run } = await takenBack(harness);
  slow.sendPartial(lease, 8);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
  t.like(await harness.watched.store.batch({ ...run, batch: 1 }), { items: 8, succeededItems: 8, nextPart: 0 }); // oxfmt-ignore
});

test('what is shown as done does not fall when a lease is taken back', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const run = await harness.scanned('a', agent, smallFiles(8));
  agent.progress(6, agent.take('batchLease'));
  await harness.idle();
  const shown = async () => {
    const { succeededItems } = (await harness.run(run)).run!.progress!;
    return succeededItems + harness.dispatcher.progress(run)!.inFlightItems;
  };
  t.is(await shown(), 6n);
  agent.sendPartial(agent.all('batchLease')[0]!, 2);
  await harness.idle();
  t.is((await harness.run(run)).run!.progress!.succeededItems, 2n);
  t.is(await shown(), 6n);
});

test('rates and the time left are right from the first seconds, however long the scan took, and after a pause', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  const run = await harness.start('a');
  const { key } = agent.take('scanLease');
  await harness.advance(5000);
  agent.sendPage(key, 1n, smallFiles(100));
  agent.sendScanDone(key, 1n);
  await harness.idle();
  const held = agent.news('batchLease');
  agent.progress(0, ...held);
  await harness.idle();
  harness.clock.advance(1000);
  agent.progress(10, held[0]!);
  await harness.idle();
  t.like(harness.dispatcher.progress(run), { itemsPerSecond: 10, timeLeftMs: 9000 });
  t.is(harness.dispatcher.liveAgent('one')?.itemsPerSecond, 10);
  await harness.change(run, 'pause');
  for (const lease of held) agent.sendPartial(lease, lease === held[0] ? 10 : 0);
  await harness.advance(7000);
  await harness.change(run, 'resume');
  const again = agent.news('batchLease');
  agent.progress(0, ...again);
  await harness.idle();
  harness.clock.advance(1000);
  agent.progress(5, again[0]!);
  await harness.idle();
  t.like(harness.dispatcher.progress(run), { itemsPerSecond: 5, timeLeftMs: 17_000 });
});

test('what was done of a run that is cancelled or paused is kept and counts', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  for (const change of ['pause', 'cancel'] as const) {
    const run = await harness.scanned(change, agent, smallFiles(8));
    const lease = agent.news('batchLease').at(-1)!;
    await harness.change(run, change);
    t.true(agent.news('leaseRevocation').at(-1)!.takesPartial);
    agent.sendPartial(lease, 5);
    await harness.idle();
    t.is((await harness.run(run)).run!.progress!.succeededItems, 5n);
    t.is(await harness.state(run), change === 'pause' ? 'PAUSED' : 'CANCELLED');
    const ledger = await harness.watched.store.ledgerRows(change, smallFiles(8).map(({ path }) => path)); // oxfmt-ignore
    t.is(ledger.filter((row) => row !== undefined).length, 5);
  }
});

test('who was faster gets the next work, and more of it', async (t) => {
  const harness = await openHarness(t);
  const fast = await harness.attach('fast');
  const slow = await harness.attach('slow');
  const run = await harness.scanned('a', [fast, slow].find((agent) => agent.all('scanLease').length > 0) ?? fast, smallFiles(200)); // oxfmt-ignore
  const [mine, other] = [fast.news('batchLease')[0]!, slow.news('batchLease')[0]!];
  harness.clock.advance(1000);
  fast.sendResults(mine);
  await harness.idle();
  const next = fast.take('batchLease');
  harness.clock.advance(3000);
  slow.sendResults(other);
  await harness.idle();
  t.true(countOf(next) > countOf(slow.take('batchLease')));
  t.true(harness.dispatcher.liveAgent('fast') !== undefined);
  t.is(await harness.state(run), 'RUNNING');
});
