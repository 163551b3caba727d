// What agents may have written and could not report is remembered, however a lease ends without a result.
import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction } from '../../gen/drover/v1/item_pb.ts';
import type { BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { batchBytesMax } from '../plan/batch-builder.ts';
import { unreportedFilesMax } from './unreported.ts';
import { leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import type { Entry, ScriptedAgent } from './testing/scripted-agent.ts';

const file = (path: string, modifiedNs: bigint, fileId = 0n): Entry => ({ path, size: 7n, modifiedNs, fileId }); // oxfmt-ignore
const large = (path: string): Entry => ({ path, size: batchBytesMax });

const unreportedOf = ({ items }: BatchLease) =>
  fromBinary(BatchItemsSchema, items).unreported.map(({ index, size, modifiedNs }) => [index, size, modifiedNs]); // oxfmt-ignore

async function notesOf(harness: Harness, ...paths: string[]) {
  const rows = await harness.watched.store.unreported('a', paths);
  return rows.map((row) => row?.files.map(({ modifiedNs }) => modifiedNs));
}

/** A run that is leased to an agent and then cancelled; the agent is told, and does not answer in time. */
async function cancelled(harness: Harness, agent: ScriptedAgent, entries: readonly Entry[]) {
  const run = await harness.scanned('a', agent, entries);
  agent.take('batchLease');
  await harness.change(run, 'cancel');
  agent.vanish();
  await harness.advance(leaseTtlMs * 2);
  return run;
}

test("what was written in a run that was cancelled is the task's own in the next", async (t) => {
  const harness = await openHarness(t);
  const first = await harness.attach('one');
  const run = await cancelled(harness, first, [file('a', 1n), file('b', 2n)]);
  t.is(await harness.state(run), 'CANCELLED');
  t.deepEqual(await notesOf(harness, 'a', 'b'), [[1n], [2n]]);
  const second = await harness.attach('two');
  // One has changed since, one has not, and one is new.
  await harness.scanned('a', second, [file('a', 5n), file('b', 2n), file('c', 3n)]);
  const lease = second.take('batchLease');
  t.deepEqual(unreportedOf(lease), [[0, 7n, 1n], [1, 7n, 2n]]); // oxfmt-ignore
  second.sendResults(lease);
  await harness.idle();
  t.deepEqual(await notesOf(harness, 'a', 'b'), [undefined, undefined]);
  await harness.scanned('a', second, [file('a', 6n), file('b', 6n)]);
  t.deepEqual(unreportedOf(second.take('batchLease')), [], 'everything is known now');
});

test('the newest writes of a path are remembered, each once', async (t) => {
  const harness = await openHarness(t);
  for (const modifiedNs of [1n, 2n, 2n, 3n, 1n, 4n, 5n]) {
    const agent = await harness.attach(`a${modifiedNs}`);
    await cancelled(harness, agent, [file('a', modifiedNs)]);
  }
  t.deepEqual(await notesOf(harness, 'a'), [[3n, 1n, 4n, 5n]]);
  t.is(unreportedFilesMax, 4);
});

test('also a run that fails remembers what is leased at that moment', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  const run = await harness.start('a');
  const scan = agent.take('scanLease');
  agent.sendPage(scan.key, 1n, [{ ...large('a'), modifiedNs: 9n }, large('b')]);
  await harness.idle();
  agent.take('batchLease');
  agent.sendScanFailure(scan.key, ErrorReason.SOURCE_NOT_FOUND, 'it is not mounted', 1n);
  await harness.idle();
  await harness.restart();
  t.is(await harness.state(run), 'FAILED');
  t.deepEqual(await notesOf(harness, 'a', 'b'), [[9n], undefined], 'b was never leased');
});

test('a lease that is given back, and one that expires, are remembered; a result is not', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 3 });
  const entries = ['a', 'b', 'c'].map((path) => ({ ...large(path), modifiedNs: 1n }));
  await harness.scanned('a', agent, entries);
  const leases = agent.news('batchLease');
  const of = (path: string) => leases.find(({ items }) => fromBinary(BatchItemsSchema, items).path[0] === path)!; // oxfmt-ignore
  agent.sendResults(of('a'));
  agent.giveBack(of('b').key);
  await harness.idle();
  t.deepEqual(await notesOf(harness, 'a', 'b', 'c'), [undefined, [1n], undefined]);
  agent.vanish();
  await harness.advance(leaseTtlMs * 2);
  t.deepEqual(await notesOf(harness, 'a', 'b', 'c'), [undefined, [1n], [1n]]);
});

test('what was written last and is then gone or renamed is known, too', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, [file('a', 1n, 3n), file('b', 1n, 4n)]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  await cancelled(harness, agent, [file('a', 2n, 3n), file('b', 2n, 4n)]);
  const other = await harness.attach('two', { slots: 1 });
  // One is renamed with the date that the ledger has of it, the other is deleted.
  const settings = { gonePolicy: GonePolicy.RECYCLE, recyclePercentMax: 100 };
  await harness.scanned('a', other, [file('c', 1n, 3n)], { settings });
  const move = other.take('batchLease');
  t.deepEqual(unreportedOf(move), [[0, 7n, 2n]]);
  other.sendResults(move);
  await harness.idle();
  const gone = other.take('batchLease');
  t.deepEqual(fromBinary(BatchItemsSchema, gone.items).path, ['b']);
  t.deepEqual(unreportedOf(gone), [[0, 7n, 2n]]);
  other.sendResults(gone);
  await harness.idle();
  t.deepEqual(await notesOf(harness, 'a', 'b', 'c'), [undefined, undefined, undefined]);
});

test('a file that is back to what the ledger says is written again, and then nobody looks for notes', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, [file('a', 1n)]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  await cancelled(harness, agent, [file('a', 2n)]);
  const hasNotes = async () => (await harness.watched.store.task('a'))!.hasUnreportedItems;
  const other = await harness.attach('two');
  await harness.scanned('a', other, [file('a', 1n)]);
  const lease = other.take('batchLease');
  t.deepEqual(fromBinary(BatchItemsSchema, lease.items).action, [ItemAction.UPDATE]);
  t.deepEqual(unreportedOf(lease), [[0, 7n, 2n]]);
  other.sendResults(lease);
  await harness.idle();
  t.true(await hasNotes());
  const next = await harness.scanned('a', other, [file('a', 1n)]);
  t.is(await harness.state(next), 'SUCCEEDED');
  t.false(await hasNotes());
});
