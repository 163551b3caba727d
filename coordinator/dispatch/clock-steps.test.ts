// Somebody sets the clock of the coordinator's computer while it works: leases and sessions last as long as they would have.
import test, { type ExecutionContext } from 'ava';
import { batchFiles, leaseTtlMs, openHarness } from './testing/harness.ts';

const hourMs = 3_600_000;
const beatMs = 5000;
const steps = [['back', -hourMs], ['forward', hourMs]] as const; // oxfmt-ignore

/** A run whose one batch an agent has. */
async function open(t: ExecutionContext) {
  const harness = await openHarness(t);
  const one = await harness.attach('one');
  const run = await harness.scanned('a', one, batchFiles(1));
  return { harness, run, one, lease: one.take('batchLease') };
}

for (const [word, byMs] of steps) {
  test(`an agent that is gone loses its lease at its time when the clock is set ${word} by an hour`, async (t) => {
    const { harness, run, one } = await open(t);
    const other = await harness.attach('other');
    one.vanish();
    const beat = async (forMs: number) => {
      for (let passed = 0; passed < forMs; passed += beatMs) {
        other.beat();
        await harness.advance(beatMs);
      }
    };
    await beat(leaseTtlMs / 2);
    harness.clock.set(byMs);
    await beat(leaseTtlMs / 2 - beatMs);
    t.is(other.all('batchLease').length, 0, 'not before');
    await beat(leaseTtlMs / 4 + beatMs);
    const lease = other.take('batchLease');
    t.is(lease.key?.generation, 2);
    other.sendResults(lease);
    await harness.idle();
    t.is(await harness.state(run), 'SUCCEEDED');
  });

  test(`an agent that says that it is there keeps its lease when the clock is set ${word} by an hour`, async (t) => {
    const { harness, run, one, lease } = await open(t);
    for (const setMs of [0, byMs, 0]) {
      harness.clock.set(setMs);
      for (let passed = 0; passed <= leaseTtlMs; passed += beatMs) {
        await harness.advance(beatMs);
        one.beat(lease.key);
        await harness.idle();
      }
    }
    t.deepEqual(one.all('leaseRevocation'), []);
    t.is(harness.dispatcher.liveAgent('one')?.lastSeenTimeMs, harness.clock.now());
    one.sendResults(lease);
    await harness.idle();
    t.is(one.all('acknowledgement').length, 3, 'the page, the scan and the batch');
    t.is(await harness.state(run), 'SUCCEEDED');
  });

  test(`an agent that was silent for less than the time of a lease is not cut off when the clock is set ${word} by an hour`, async (t) => {
    const harness = await openHarness(t);
    const silent = await harness.attach('silent');
    harness.clock.set(byMs);
    await harness.advance(leaseTtlMs - beatMs);
    t.false(silent.ended);
    await harness.advance(leaseTtlMs / 4 + beatMs);
    t.true(silent.ended);
  });
}
