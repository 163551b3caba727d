// A run that tries again what failed in another: it looks at nothing else, in pieces, and goes on after anything that stops.
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { failedPathsMax } from './failed-paths.ts';
import { leaseTtlMs, openHarness } from './testing/harness.ts';
import type { Entry } from './testing/scripted-agent.ts';

const remark = { reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'no' };
const numbered = (number: number) => `f${String(number).padStart(4, '0')}`;

test('only what failed is scanned and transferred', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const first = await harness.scanned('a', agent, [
    { path: 'a', remark },
    { path: 'b' },
    { path: 'c' },
  ]);
  agent.sendResults(agent.take('batchLease'), ({ state }) => (state[1] = ItemState.FAILED));
  await harness.idle();
  t.is(await harness.state(first), 'SUCCEEDED_WITH_FAILURES');

  const retry = await harness.start('a', { retried: 1 });
  const scan = agent.take('scanLease');
  t.deepEqual(scan.only?.path, ['a', 'c']);
  agent.sendPage(scan.key, 1n, [{ path: 'a' }, { path: 'c', size: 7n }]);
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  t.is(await harness.state(retry), 'SUCCEEDED');
  const { progress, retriedRun } = (await harness.run(retry)).run!;
  t.is(retriedRun, 'tasks/a/runs/1');
  t.like(progress, { scannedItems: 2n, plannedItems: 2n, succeededItems: 2n, failedItems: 0n });
  t.is(agent.all('scanLease')[0]!.only, undefined, 'a whole run has no list');
});

test('a long list comes in pieces, through restarts and deaths', async (t) => {
  const harness = await openHarness(t);
  const count = failedPathsMax + 700;
  const entries = Array.from({ length: count }, (_, at): Entry => ({ path: numbered(at), remark }));
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, entries);

  const retry = await harness.start('a', { retried: 1 });
  const piece = agent.take('scanLease');
  t.is(piece.only!.path.length, failedPathsMax);
  agent.sendPage(piece.key, 1n, entries.slice(0, 400));
  await harness.idle();
  // The agent dies in the middle of the piece, and another one goes on there.
  agent.vanish();
  await harness.advance(leaseTtlMs * 2);
  const second = await harness.attach('two');
  const rest = second.take('scanLease');
  // The path it stopped at comes once more: were it a folder now, what is in it would be missing.
  t.is(rest.only!.path[0], numbered(399));
  t.is(rest.afterPath, numbered(399));
  t.is(rest.nextPage, 2n);
  // Some of it is gone from the source, the last ones as well.
  second.sendPage(rest.key, 2n, entries.slice(400, 500));
  second.sendScanDone(rest.key, 2n);
  await harness.idle();
  t.is(await harness.state(retry), 'RUNNING');
  const last = second.take('scanLease');
  t.true(last.key!.generation > rest.key!.generation);
  t.is(last.only!.path[0], numbered(failedPathsMax + 399));
  await harness.restart();
  await harness.advance(leaseTtlMs * 2);
  const third = await harness.attach('three');
  const again = third.take('scanLease');
  t.deepEqual(again.only, last.only);
  third.sendPage(again.key, 3n, entries.slice(-1));
  third.sendScanDone(again.key, 3n);
  await harness.idle();
  t.is(await harness.state(retry), 'SUCCEEDED_WITH_FAILURES');
  const { progress } = (await harness.run(retry)).run!;
  t.like(progress, { scannedItems: 501n, failedItems: 501n, scanComplete: true });
});

test('a run that tries again can be paused and cancelled', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, [{ path: 'a', remark }]);
  const retry = await harness.start('a', { retried: 1 });
  const { key } = agent.take('scanLease');
  await harness.change(retry, 'pause');
  agent.giveBack(key);
  await harness.idle();
  await harness.change(retry, 'resume');
  t.deepEqual(agent.take('scanLease').only?.path, ['a']);
  await harness.change(retry, 'cancel');
  agent.giveBack(agent.all('scanLease').at(-1)!.key);
  await harness.idle();
  t.is(await harness.state(retry), 'CANCELLED');
});
