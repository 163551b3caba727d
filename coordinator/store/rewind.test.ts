// A store that went back in time: no report of the lost time is ever taken for one of now.
import test, { type ExecutionContext } from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import { JoinTokenRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { batchFiles, Harness, openHarness } from '../dispatch/testing/harness.ts';
import { watchStore } from '../dispatch/testing/watched-store.ts';
import { checkStore } from './check-store.ts';
import { generationBaseAt } from './generations.ts';
import { openLevelStore, type CopyableStore } from './level-store.ts';
import { rewindStore } from './rewind.ts';

const nowMs = Date.UTC(2026, 0, 1);

/** The store of the harness as it is now, elsewhere. */
async function backupOf(t: ExecutionContext, harness: Harness): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-rewind-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await (harness.watched.store as CopyableStore).copyTo(path.join(folder, 'store'));
  return path.join(folder, 'store');
}

/** A coordinator that goes on with a store that was copied back. */
async function goOn(t: ExecutionContext, folder: string): Promise<Harness> {
  const store = await openLevelStore(folder);
  const harness = new Harness(watchStore(store));
  t.teardown(async () => {
    await harness.dispatcher.close();
    await store.close();
  });
  await harness.idle();
  return harness;
}

test('agents that still hold leases of before are told that they are lost, and the work is given out above them', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('agent', { slots: 2 });
  const key = await harness.scanned('task', agent, batchFiles(3));
  const held = agent.news('batchLease');
  t.is(held.length, 2);
  const folder = await backupOf(t, harness);
  t.deepEqual(await rewindStore(folder, nowMs), { openRuns: 1, leases: 2 });
  const base = nowMs / 1000;

  const restored = await goOn(t, folder);
  const leases = held.map((lease) => lease.key!);
  const back = await restored.attach('agent', { slots: 2, leases });
  t.deepEqual(back.all('leaseRevocation').map(({ key: one }) => one!.lease).toSorted(), leases.map(({ lease }) => lease).toSorted()); // oxfmt-ignore
  // What it had done already, and sends before it has heard of that, is not taken for work on the new leases.
  for (const lease of held) back.sendResults(lease);
  await restored.idle();
  t.is((await restored.run(key)).run!.progress!.succeededItems, 0n);
  const given = back.news('batchLease');
  t.true(given.length === 2 && given.every((lease) => lease.key!.generation > base));
  for (const lease of given) back.sendResults(lease);
  await restored.idle();
  back.sendResults(back.take('batchLease'));
  await restored.idle();
  t.is(await restored.state(key), 'SUCCEEDED');
  t.is((await restored.run(key)).run!.progress!.succeededItems, 3n);
});

test('a batch that is cut anew is not the one of the lost time with the same number', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('agent');
  const key = await harness.start('task');
  const folder = await backupOf(t, harness);
  // The time that is lost: the scan and a first batch, whose results are never heard.
  const scan = agent.take('scanLease');
  agent.sendPage(scan.key, 1n, batchFiles(1));
  agent.sendScanDone(scan.key, 1n);
  await harness.idle();
  const lost = agent.take('batchLease');
  t.deepEqual(await rewindStore(folder, nowMs), { openRuns: 1, leases: 1 });

  const restored = await goOn(t, folder);
  const other = await restored.attach('agent');
  const newScan = other.take('scanLease');
  // Pages of the old scan are refused as well.
  other.sendPage(scan.key, 1n, batchFiles(5));
  other.sendPage(newScan.key, 1n, [{ path: 'another', size: 1n }]);
  other.sendScanDone(newScan.key, 1n);
  await restored.idle();
  const lease = other.take('batchLease');
  t.is(lease.key!.lease, lost.key!.lease);
  other.sendResults(lost);
  await restored.idle();
  t.is(await restored.state(key), 'RUNNING');
  other.sendResults(lease);
  await restored.idle();
  t.is(await restored.state(key), 'SUCCEEDED');
  t.is((await restored.run(key)).run!.progress!.scannedItems, 1n);
});

test('the same backup restored twice refuses what was given in between', (t) => {
  const first = generationBaseAt(nowMs, 0);
  t.true(generationBaseAt(nowMs + 60_000, 0) > first + 10);
  t.is(generationBaseAt(nowMs - 3_600_000, first), first + 1, 'also when the clock was set back');
  t.true(generationBaseAt(Date.UTC(2105, 0, 1), 0) < 2 ** 32);
});

test('join tokens are gone, runs that were being cancelled end, and the rest has no problems', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('agent', { slots: 2 });
  const key = await harness.scanned('task', agent, batchFiles(3));
  await harness.change(key, 'cancel');
  await harness.watched.store.commit((transaction) =>
    transaction.putJoinToken('secret', create(JoinTokenRowSchema, { maxUses: 1 })),
  );
  const folder = await backupOf(t, harness);
  await rewindStore(folder, nowMs);
  const problems: unknown[] = [];
  await checkStore(folder, (problem) => problems.push(problem));
  t.deepEqual(problems, []);
  const restored = await goOn(t, folder);
  t.is(await restored.state(key), 'CANCELLED');
  t.is(await restored.watched.store.joinToken('secret'), undefined);
});
