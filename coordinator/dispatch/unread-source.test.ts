// A source that is there for one agent and not for another: the run fails only when nobody who could serve it can read it.
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { batchFiles, openHarness, smallFiles, type Harness } from './testing/harness.ts';
import type { ScriptedAgent } from './testing/scripted-agent.ts';

const { SOURCE_NOT_FOUND, LOCATIONS_OVERLAP } = ErrorReason;

const fail = async (
  harness: Harness,
  agent: ScriptedAgent,
  reason: ErrorReason = SOURCE_NOT_FOUND,
) => {
  agent.sendScanFailure(agent.take('scanLease').key, reason, 'it is not there');
  await harness.idle();
};

/** The faster one, which gets the scan first, and another. */
async function openScene(harness: Harness) {
  const first = await harness.attach('first', { slots: 5 });
  const second = await harness.attach('second', { slots: 3 });
  return { first, second };
}

test('a scan that an agent cannot begin goes to another', async (t) => {
  const harness = await openHarness(t);
  const { first, second } = await openScene(harness);
  const run = await harness.start('a');
  await fail(harness, first);
  t.is(await harness.state(run), 'RUNNING');
  t.is(first.news('acknowledgement').length, 1, 'the agent keeps nothing of it');
  t.deepEqual(first.news('scanLease'), []);
  const { key } = second.take('scanLease');
  second.sendPage(key, 1n, smallFiles(2));
  second.sendScanDone(key, 1n);
  await harness.idle();
  const lease = [...first.news('batchLease'), ...second.news('batchLease')];
  t.is(lease.length, 1);
});

test('the run fails when nobody is left to ask, and says who was asked', async (t) => {
  const harness = await openHarness(t);
  const { first, second } = await openScene(harness);
  const run = await harness.start('a');
  await fail(harness, first);
  await fail(harness, second);
  const { error, errorReason } = (await harness.run(run)).run!;
  t.is(errorReason, SOURCE_NOT_FOUND);
  t.is(error?.message, 'it is not there; asked were agents/first, agents/second');
  const next = await harness.start('a');
  await fail(harness, first);
  t.is(await harness.state(next), 'RUNNING', 'the next run asks all of them again');
});

test('a scan waits for the others as long as they have no room', async (t) => {
  const harness = await openHarness(t);
  const second = await harness.attach('second', { slots: 3 });
  await harness.start('b');
  const first = await harness.attach('first', { slots: 3 });
  const run = await harness.start('a');
  await fail(harness, first);
  t.is(harness.dispatcher.progress(run)?.waitingFor, 'a free slot: other runs have them all');
  second.sendScanDone(second.take('scanLease').key, 0n);
  await harness.idle();
  t.is(second.take('scanLease').key?.lease, 'tasks/a/runs/1/scan');
});

test('whoever could not read it is asked again when the others have gone', async (t) => {
  const harness = await openHarness(t);
  const { first, second } = await openScene(harness);
  const run = await harness.start('a');
  await fail(harness, first);
  second.push({ case: 'heartbeat', value: { draining: true } });
  second.giveBack(second.take('scanLease').key);
  await harness.idle();
  await fail(harness, first);
  t.is(await harness.state(run), 'FAILED');
});

test('what is no matter of the machine fails the run at once', async (t) => {
  const harness = await openHarness(t);
  const { first } = await openScene(harness);
  const run = await harness.start('a');
  await fail(harness, first, LOCATIONS_OVERLAP);
  t.is(await harness.state(run), 'FAILED');
});

test('leases say whether something is at the destination: a folder without anything is out of reach then', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.start('a');
  const scan = agent.take('scanLease');
  t.false(scan.destinationHoldsItems);
  agent.sendPage(scan.key, 1n, batchFiles(2));
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  const first = agent.take('batchLease');
  t.false(first.destinationHoldsItems);
  agent.sendResults(first);
  await harness.idle();
  t.true(agent.take('batchLease').destinationHoldsItems);
  await harness.change({ task: 'a', run: 1 }, 'cancel');
  agent.giveBack(agent.all('batchLease').at(-1)!.key);
  await harness.idle();
  await harness.start('a');
  t.true(agent.take('scanLease').destinationHoldsItems, 'from the run before');
});

test('an agent that cannot reach the destination does not end the run while others have not been asked', async (t) => {
  const harness = await openHarness(t);
  const { first, second } = await openScene(harness);
  await harness.start('a');
  await fail(harness, first, ErrorReason.DESTINATION_UNREACHABLE);
  t.is(second.news('scanLease').length, 1);
});
