// The time left as the dispatcher tells it, in runs of a real store.
import test from 'ava';
import { openHarness } from './testing/harness.ts';

const entries = Array.from({ length: 40 }, (_, at) => ({ path: `f${100 + at}`, size: 5n }));

test('during the scan, the time left is told when the run before was whole, and not in the first one', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const first = await harness.start('a');
  const scan = agent.take('scanLease');
  await harness.advance(1000);
  agent.sendPage(scan.key, 1n, entries);
  await harness.idle();
  t.is(harness.dispatcher.progress(first)!.timeLeftMs, undefined);
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  // At its end a run is given in pieces.
  for (let given = agent.news('batchLease'); given.length > 0; given = agent.news('batchLease')) {
    for (const lease of given) agent.sendResults(lease);
    await harness.idle();
  }
  t.is(await harness.state(first), 'SUCCEEDED');

  const second = await harness.start('a');
  const again = agent.take('scanLease');
  t.is(harness.dispatcher.progress(second)!.timeLeftMs, undefined, 'nothing was found yet');
  await harness.advance(1000);
  agent.sendPage(again.key, 1n, entries.slice(0, 10));
  await harness.idle();
  t.is((await harness.run(second)).run!.progress!.plannedItems, 0n, 'nothing has changed');
  t.is(harness.dispatcher.progress(second)!.timeLeftMs, 3000);
});
