// Sessions and leases: who gets work, who keeps it, and who is fenced off.
import test from 'ava';
import { create } from '@bufbuild/protobuf';
import { LeaseState } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import {
  AttachRequestSchema,
  BatchPhase,
  type AttachRequest,
} from '../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { DroverError } from '../../lib/error.ts';
import { batchFiles, leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import { ScriptedAgent, type Frame } from './testing/scripted-agent.ts';

test('one run from its start to its end', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  t.like(agent.take('welcome'), { agent: 'agents/one' });
  const run = await harness.start('a');
  const scan = agent.take('scanLease');
  t.like(scan.key, { lease: 'tasks/a/runs/1/scan', generation: 1 });
  t.is(scan.settings?.maxAttempts, 3);
  agent.sendPage(scan.key, 1n, [
    { path: 'd', kind: ItemKind.FOLDER },
    { path: 'd/f', size: 5n },
  ]);
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  const transfer = agent.take('batchLease');
  t.like(transfer, { phase: BatchPhase.TRANSFER, source: '/from', destination: '/to' });
  t.like(transfer.key, { lease: 'tasks/a/runs/1/batches/1', generation: 1 });
  agent.sendResults(transfer);
  await harness.idle();
  const folders = agent.take('batchLease');
  t.is(folders.phase, BatchPhase.FOLDERS);
  agent.sendResults(folders);
  await harness.idle();
  const row = await harness.run(run);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.like(row.run!.progress, { scannedItems: 2n, plannedItems: 2n, succeededItems: 2n, succeededBytes: 5n, failedItems: 0n, skippedItems: 0n }); // oxfmt-ignore
  t.deepEqual(
    agent.all('acknowledgement').map(({ key, page }) => `${key!.lease} ${page}`),
    ['tasks/a/runs/1/scan 1', 'tasks/a/runs/1/scan 0', 'tasks/a/runs/1/batches/1 0', 'tasks/a/runs/1/batches/2 0'], // oxfmt-ignore
  );
  t.is(harness.dispatcher.progress(run), undefined, 'the run is not going any more');
  const ledger = await harness.watched.store.ledger('a', ['d', 'd/f']);
  t.like(ledger[0], { folder: true, run: 1 });
  t.like(ledger[1], { folder: false, size: 5n, modifiedNs: 1n, run: 1 });
});

test('running again moves only what changed', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, [{ path: 'a', size: 1n }, { path: 'b', size: 2n }]); // oxfmt-ignore
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  const again = await harness.scanned('a', agent, [{ path: 'a', size: 1n }, { path: 'b', size: 3n }]); // oxfmt-ignore
  t.is(agent.news('batchLease').length, 1);
  const { progress } = (await harness.run(again)).run!;
  t.like(progress, { scannedItems: 2n, skippedItems: 1n, plannedItems: 1n, plannedBytes: 3n });
});

test('at most one generation of a batch is live, and late results of an older one are refused', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one');
  const run = await harness.scanned('a', one, batchFiles(1));
  const old = one.take('batchLease');
  one.vanish();
  await harness.advance(leaseTtlMs + 20_000);
  const two = await harness.attach('two');
  const fresh = two.take('batchLease');
  t.is(fresh.key!.lease, old.key!.lease);
  t.is(fresh.key!.generation, 2);

  const late = await harness.attach('one', { leases: [old.key!] });
  t.deepEqual(late.take('leaseRevocation').key, old.key);
  const before = await harness.run(run);
  late.sendResults(old);
  await harness.idle();
  t.deepEqual(late.take('leaseRevocation').key, old.key);
  t.deepEqual(late.all('acknowledgement'), []);
  t.deepEqual(await harness.run(run), before);

  late.giveBack(old.key);
  await harness.idle();
  t.deepEqual(
    two.all('leaseRevocation'),
    [],
    'the older generation cannot give the newer one back',
  );
  two.sendResults(fresh);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
  const row = await harness.watched.store.batch({ ...run, batch: 1 });
  t.like(row!.lease, { state: LeaseState.DONE, generation: 2, agent: 'two' });
});

test('one agent cannot report on a lease of another', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one');
  const run = await harness.scanned('a', one, batchFiles(1));
  const lease = one.take('batchLease');
  const two = await harness.attach('two', { leases: [lease.key!] });
  two.sendResults(lease);
  two.giveBack(lease.key);
  await harness.idle();
  t.is(two.news('leaseRevocation').length, 2);
  t.deepEqual(one.all('leaseRevocation'), []);
  one.sendResults(lease);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('an agent never gets more than its slots', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  await harness.scanned('a', agent, batchFiles(9));
  const held = agent.news('batchLease');
  t.is(held.length, 3);
  await harness.start('b');
  agent.beat(...held.map(({ key }) => key));
  await harness.idle();
  t.deepEqual([agent.news('batchLease'), agent.news('scanLease')], [[], []]);
  t.is(harness.dispatcher.liveAgent('one')?.slotsUsed, 3);
  for (let done = 0; done < 3; done += 1) {
    agent.sendResults(held.shift()!);
    await harness.idle();
    held.push(...agent.news('batchLease'));
    t.is(held.length + agent.all('scanLease').length - 1, 3, 'one done, one given');
  }
  const again = await harness.attach('one', { slots: 1, leases: held.map(({ key }) => key!) });
  t.deepEqual([again.news('batchLease'), again.news('scanLease').length], [[], 0]);
});

test('the room that a run leaves at its end goes to the runs that wait for it at once', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  for (const task of ['a', 'b', 'c']) await harness.start(task);
  for (const task of ['a', 'b', 'c']) {
    const [scan, ...others] = agent.news('scanLease');
    t.deepEqual([scan?.key?.lease, others], [`tasks/${task}/runs/1/scan`, []]);
    agent.sendScanDone(scan!.key, 0n);
    await harness.idle();
  }
  t.is(await harness.state({ task: 'c', run: 1 }), 'SUCCEEDED');
});

test('an agent that is draining gets nothing new', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  await harness.scanned('a', agent, batchFiles(6));
  const [first] = agent.news('batchLease');
  agent.push({ case: 'heartbeat', value: { leases: [], draining: true } });
  agent.sendResults(first!);
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), []);
  t.true(harness.dispatcher.liveAgent('one')?.draining);
  const other = await harness.attach('two', { draining: true });
  t.deepEqual(other.news('batchLease'), []);
  agent.beat();
  await harness.idle();
  t.is(agent.news('batchLease').length, 1, 'it takes work again');
});

test('an expired lease goes to another agent', async (t) => {
  const harness = await openHarness(t);
  const silent = await harness.attach('silent', { slots: 8 });
  const run = await harness.scanned('a', silent, batchFiles(1));
  const old = silent.take('batchLease');
  const alive = await harness.attach('alive');
  for (let passedMs = 0; passedMs < leaseTtlMs + 20_000; passedMs += 5_000) {
    alive.beat(...alive.all('batchLease').map(({ key }) => key));
    await harness.advance(5_000);
  }
  t.like(alive.take('batchLease').key, { lease: old.key!.lease, generation: 2 });
  t.true(silent.ended, 'an agent that was silent for so long is cut off');
  t.deepEqual(harness.dispatcher.attachedAgents(), ['alive']);
  t.is(await harness.state(run), 'RUNNING');
});

test('heartbeats keep a lease, and one that they do not name expires', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  await harness.scanned('a', agent, batchFiles(2));
  const [kept, dropped] = agent.news('batchLease');
  for (let passedMs = 0; passedMs < leaseTtlMs + 10_000; passedMs += 5_000) {
    agent.beat(kept!.key);
    await harness.advance(5_000);
  }
  t.false(agent.ended);
  t.deepEqual(agent.all('leaseRevocation').map(({ key }) => key), [dropped!.key]); // oxfmt-ignore
  t.like(agent.take('batchLease').key, { lease: dropped!.key!.lease, generation: 2 });
});

test('an agent that comes back naming its leases keeps them', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.scanned('a', agent, batchFiles(2));
  const held = agent.news('batchLease');
  agent.vanish();
  await harness.advance(leaseTtlMs / 2);
  t.deepEqual(harness.dispatcher.attachedAgents(), []);
  const other = await harness.attach('two', { slots: 3 });
  t.deepEqual(other.news('batchLease'), []);
  const back = await harness.attach('one', { slots: 3, leases: held.map(({ key }) => key!) });
  t.deepEqual([back.news('batchLease'), back.news('leaseRevocation')], [[], []]);
  for (const lease of held) back.sendResults(lease);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('leases that a returning agent does not name are released at once', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  await harness.scanned('a', agent, batchFiles(2));
  const [named, unnamed] = agent.news('batchLease');
  agent.vanish();
  await harness.idle();
  const back = await harness.attach('one', { slots: 2, leases: [named!.key!] });
  const fresh = back.news('batchLease');
  t.is(fresh.length, 1);
  t.like(fresh[0]!.key, { lease: unnamed!.key!.lease, generation: 2 });
});

test('leases that a returning agent names by an older generation are released at once', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(1));
  const first = agent.take('batchLease');
  agent.giveBack(first.key);
  await harness.idle();
  t.is(agent.take('batchLease').key!.generation, 2);
  const back = await harness.attach('one', { leases: [first.key!] });
  t.deepEqual(back.take('leaseRevocation').key, first.key);
  t.is(back.take('batchLease').key!.generation, 3);
});

test('a newer session of an agent replaces the older one', async (t) => {
  const harness = await openHarness(t);
  const older = await harness.attach('one');
  const run = await harness.scanned('a', older, batchFiles(2));
  const lease = older.take('batchLease');
  const newer = await harness.attach('one', { leases: [lease.key!] });
  t.true(older.ended);
  t.true(older.error instanceof DroverError && older.error.reason === ErrorReason.SESSION_REPLACED);
  t.deepEqual(harness.dispatcher.attachedAgents(), ['one']);
  const before = await harness.run(run);
  older.sendResults(lease);
  await harness.idle();
  t.deepEqual(await harness.run(run), before, 'frames of the older session are not read');
  newer.sendResults(lease);
  await harness.idle();
  t.is(newer.news('batchLease').length, 1);
});

test('a dispatcher that is made again on the same store goes on, and keeps what agents held', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const run = await harness.scanned('a', agent, batchFiles(4));
  const held = agent.news('batchLease');
  await harness.restart();
  t.true(agent.ended);
  const other = await harness.attach('two', { slots: 4 });
  t.is(other.news('batchLease').length, 1, 'only what nobody held');
  const back = await harness.attach('one', { slots: 3, leases: [held[0]!.key!, held[1]!.key!] });
  back.sendResults(held[0]!);
  await harness.idle();
  t.is(back.news('acknowledgement').length, 1);
  const regiven = [...back.news('batchLease'), ...other.news('batchLease')];
  t.deepEqual(
    regiven.map(({ key }) => [key!.lease, key!.generation]),
    [[held[2]!.key!.lease, 2]],
  );
  t.is(await harness.state(run), 'RUNNING');
});

test('orphans of an earlier process are kept for the time of a lease, then given out', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  await harness.scanned('a', agent, batchFiles(2));
  await harness.start('b');
  await harness.restart();
  const other = await harness.attach('two', { slots: 4 });
  t.is(other.news('scanLease').length, 1);
  other.beat();
  await harness.advance(leaseTtlMs - 10_000);
  t.deepEqual(other.news('batchLease'), []);
  other.beat();
  await harness.advance(20_000);
  t.deepEqual(
    other.news('batchLease').map(({ key }) => key!.generation),
    [2, 2],
  );
});

test('two runs share the agents fairly', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  await harness.scanned('a', agent, batchFiles(20));
  const held = agent.news('batchLease');
  t.is(held.length, 4, 'a run that is alone has them all');
  await harness.start('b');
  const ofRun = (task: string) => held.filter(({ key }) => key!.lease.startsWith(`tasks/${task}/`));
  const finishOne = async () => {
    const done = ofRun('a')[0]!;
    held.splice(held.indexOf(done), 1);
    agent.sendResults(done);
    await harness.idle();
    held.push(...agent.news('batchLease'));
  };
  await finishOne();
  const scan = agent.take('scanLease');
  t.is(scan.key!.lease, 'tasks/b/runs/1/scan');
  agent.sendPage(scan.key, 1n, batchFiles(20));
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  held.push(...agent.news('batchLease'));
  await finishOne();
  t.deepEqual([ofRun('a').length, ofRun('b').length], [2, 2]);
});

test('the batches of a run go to every agent', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { slots: 2 });
  const two = await harness.attach('two', { slots: 2 });
  await harness.start('a');
  const scanner = [one, two].find((agent) => agent.all('scanLease').length > 0)!;
  scanner.sendPage(scanner.take('scanLease').key, 1n, batchFiles(10));
  await harness.idle();
  t.is(one.all('batchLease').length + two.all('batchLease').length, 3);
  t.true(one.all('batchLease').length > 0 && two.all('batchLease').length > 0);
});

test('an agent that cannot reach the locations gets nothing, and the run says what it waits for', async (t) => {
  const harness = await openHarness(t);
  const run = await harness.start('a', { destination: 'https://contoso.sharepoint.com/x' });
  const waitingFor = () => harness.dispatcher.progress(run)?.waitingFor;
  t.is(waitingFor(), 'an agent: none is attached');
  const files = await harness.attach('files', { slots: 9 });
  const online = await harness.attach('online', { slots: 9, locationKinds: ['sharepoint'] });
  t.deepEqual([files.news('scanLease'), online.news('scanLease')], [[], []]);
  t.is(waitingFor(), 'an agent that can serve file and sharepoint');
  const draining = await harness.attach('both', { draining: true, locationKinds: ['file', 'sharepoint'] }); // oxfmt-ignore
  t.is(waitingFor(), 'an agent that takes work: all that could serve it are draining or disabled');
  draining.beat();
  await harness.idle();
  t.is(draining.news('scanLease').length, 1);
  t.is(waitingFor(), '');
});

test('a session begins with a hello that offers a slot', async (t) => {
  const harness = await openHarness(t);
  const refusal = (agent: ScriptedAgent) =>
    agent.error instanceof DroverError ? agent.error.reason : agent.error;
  const noSlot = await harness.attach('one', { slots: 0 });
  t.is(refusal(noSlot), ErrorReason.INVALID_ARGUMENT);
  const noHello = new ScriptedAgent(harness.dispatcher, 'two', 'none');
  noHello.beat();
  await harness.idle();
  t.is(refusal(noHello), ErrorReason.INVALID_ARGUMENT);
  const twice = await harness.attach('three');
  twice.push({ case: 'hello', value: { slots: 1 } });
  await harness.idle();
  t.is(refusal(twice), ErrorReason.INVALID_ARGUMENT);
  const unkeyed = await harness.attach('four');
  unkeyed.push({ case: 'scanDone', value: {} });
  await harness.idle();
  t.is(refusal(unkeyed), ErrorReason.INVALID_ARGUMENT);
  t.deepEqual(harness.dispatcher.attachedAgents(), []);
});

test('a connection that broke before its hello was read leaves no session behind', async (t) => {
  const harness = await openHarness(t);
  const agent = new ScriptedAgent(harness.dispatcher, 'one');
  agent.abort();
  await harness.idle();
  t.true(agent.ended);
  t.deepEqual(harness.dispatcher.attachedAgents(), []);
});

test('a session that cannot be begun leaves nothing behind', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(2));
  agent.vanish();
  await harness.idle();
  harness.watched.failWrite(new Error('disk full'));
  const failed = await harness.attach('one');
  t.true(failed.ended);
  t.deepEqual(harness.dispatcher.attachedAgents(), []);
  const back = await harness.attach('one');
  t.is(back.news('batchLease').length, 1);
});

/** Attaches an agent with much room that reads its welcome and nothing after it. */
async function attachUnread(harness: Harness, frames: AsyncQueue<AttachRequest>) {
  const push = (frame: Frame) => frames.push(create(AttachRequestSchema, { frame }));
  push({ case: 'hello', value: { slots: 100, locationKinds: ['file'] } });
  const answers = harness.dispatcher.attach('deaf', frames, new AbortController().signal);
  const reader = answers[Symbol.asyncIterator]();
  await reader.next();
  return { reader, push };
}

test('an agent whose stream has ended gets nothing, though its last frames are not read yet', async (t) => {
  const harness = await openHarness(t);
  const frames = new AsyncQueue<AttachRequest>(10);
  await attachUnread(harness, frames);
  frames.end();
  await harness.idle();
  const agent = await harness.attach('one');
  await harness.start('a');
  t.is(agent.news('scanLease').length, 1);
});

test('an agent that reads none of its frames is cut off', async (t) => {
  const harness = await openHarness(t);
  const { reader, push } = await attachUnread(harness, new AsyncQueue<AttachRequest>(10_000));
  const key = { lease: 'tasks/a/runs/1/scan', generation: 1 };
  for (let sent = 0; sent < 5_000; sent += 1) push({ case: 'scanDone', value: { key } });
  await harness.idle();
  let read = 0;
  const error = await t.throwsAsync(
    async () => {
      while ((await reader.next()).done !== true) read += 1;
    },
    { instanceOf: DroverError },
  );
  t.is(error?.reason, ErrorReason.UNAVAILABLE);
  t.is(read, 4096, 'what was queued is still sent');
  t.deepEqual(harness.dispatcher.attachedAgents(), []);
});

test('an agent is believed to have at most 256 slots', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4_000_000_000 });
  await harness.scanned('a', agent, batchFiles(300));
  t.is(harness.dispatcher.liveAgent('one')?.slots, 256);
  t.is(agent.news('batchLease').length, 256);
});

test('closing ends every session and timer, and nothing is given out any more', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.dispatcher.close();
  await harness.dispatcher.close();
  await harness.idle();
  t.true(agent.ended);
  t.is(agent.error, undefined);
  t.is(harness.clock.timers, 0);
  await harness.start('a');
  const late = await harness.attach('two');
  t.is(late.error instanceof DroverError && late.error.reason, ErrorReason.UNAVAILABLE);
});

test('watchers hear of tasks and agents, and what is measured is told', async (t) => {
  const harness = await openHarness(t);
  const heard = new Set<string>();
  const stop = harness.dispatcher.subscribe((change) =>
    heard.add(change.kind === 'task' ? `task ${change.task}` : `agent ${change.agent}`),
  );
  const agent = await harness.attach('one', { slots: 2, version: '1.2', platform: 'linux/x64' });
  t.like(harness.dispatcher.liveAgent('one'), { version: '1.2', platform: 'linux/x64', slots: 2, slotsUsed: 0, draining: false }); // oxfmt-ignore
  const run = await harness.scanned('a', agent, batchFiles(2));
  t.deepEqual([...heard].toSorted(), ['agent one', 'task a']);
  const [lease] = agent.news('batchLease');
  harness.clock.advance(1000);
  agent.push({ case: 'heartbeat', value: { leases: [{ key: lease!.key!, items: 0n, bytes: 1_000_000n }] } }); // oxfmt-ignore
  await harness.idle();
  t.like(harness.dispatcher.progress(run), { inFlightItems: 0n, inFlightBytes: 1_000_000n, bytesPerSecond: 1_000_000n, waitingFor: '' }); // oxfmt-ignore
  stop();
  heard.clear();
  agent.vanish();
  await harness.idle();
  t.is(heard.size, 0);
});
