// What an agent said that it was about to write is known to whoever has the batch next, and to the next run.
import { create, fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { LeaseKeySchema, type BatchLease, type LeaseKey } from '../../gen/drover/v1/session_pb.ts';
import { leaseTtlMs, openHarness } from './testing/harness.ts';
import type { Entry, ScriptedAgent } from './testing/scripted-agent.ts';

const file = (path: string, modifiedNs: bigint): Entry => ({ path, size: 7n, modifiedNs });

const unreportedOf = ({ items }: BatchLease) =>
  fromBinary(BatchItemsSchema, items).unreported.map(({ index, modifiedNs }) => [index, modifiedNs]); // oxfmt-ignore

function note(agent: ScriptedAgent, key: LeaseKey | undefined, modifiedNs: bigint, number = 3n) {
  const value = { key: key!, number, path: 'b', size: 7n, modifiedNs };
  agent.push({ case: 'writeNote', value });
}

test('who takes over a batch knows of it, and so does the next run', async (t) => {
  const harness = await openHarness(t);
  const first = await harness.attach('one');
  const run = await harness.scanned('a', first, [file('a', 1n), file('b', 1n)]);
  const lease = first.take('batchLease');
  note(first, lease.key, 2n);
  await harness.idle();
  t.deepEqual(first.all('acknowledgement').at(-1), { ...first.all('acknowledgement').at(-1)!, key: lease.key!, page: 3n }); // oxfmt-ignore
  first.vanish();
  await harness.advance(leaseTtlMs * 2);
  const second = await harness.attach('two');
  const again = second.take('batchLease');
  t.deepEqual(unreportedOf(again), [[0, 1n], [1, 2n], [1, 1n]]); // oxfmt-ignore
  await harness.change(run, 'cancel');
  second.giveBack(again.key);
  await harness.idle();
  await harness.scanned('a', second, [file('b', 5n)]);
  const next = second.take('batchLease');
  t.deepEqual(unreportedOf(next), [[0, 2n], [0, 1n]]); // oxfmt-ignore
  second.sendResults(next);
  await harness.idle();
  t.deepEqual(await harness.watched.store.unreported('a', ['b']), [undefined]);
});

test('it is taken after the lease is lost, but only from who may have held it', async (t) => {
  const harness = await openHarness(t);
  const [first, other] = [await harness.attach('one'), await harness.attach('two', { slots: 1 })];
  await harness.scanned('a', first, [file('b', 1n)]);
  const [holder, stranger] = first.all('batchLease').length > 0 ? [first, other] : [other, first];
  const { key } = holder.take('batchLease');
  const noted = async () => (await harness.watched.store.unreported('a', ['b']))[0]?.files.map(({ modifiedNs }) => modifiedNs); // oxfmt-ignore
  note(stranger, key, 8n);
  note(stranger, create(LeaseKeySchema, { ...key!, generation: key!.generation + 1 }), 8n);
  await harness.idle();
  t.is(await noted(), undefined);
  holder.giveBack(key);
  await harness.idle();
  note(holder, key, 9n, 4n);
  await harness.idle();
  t.true((await noted())!.includes(9n));
});

test('it is taken while nobody holds the lease', async (t) => {
  const harness = await openHarness(t);
  const first = await harness.attach('one');
  await harness.scanned('a', first, [file('b', 1n)]);
  const { key } = first.take('batchLease');
  first.vanish();
  await harness.advance(leaseTtlMs * 2);
  const back = await harness.attach('one', { draining: true });
  note(back, key, 9n);
  await harness.idle();
  const [row] = await harness.watched.store.unreported('a', ['b']);
  t.deepEqual(row?.files.map(({ modifiedNs }) => modifiedNs), [1n, 9n]); // oxfmt-ignore
});

test('a note that comes in while its file is taken for somebody else is not forgotten', async (t) => {
  const second = 1_000_000_000n;
  const harness = await openHarness(t);
  const first = await harness.attach('one');
  await harness.scanned('a', first, [file('b', 12n * second)]);
  const { key } = first.take('batchLease');
  first.vanish();
  await harness.advance(leaseTtlMs * 2);
  const other = await harness.attach('two');
  const again = other.take('batchLease');
  const back = await harness.attach('one');
  note(back, key, 9n * second);
  await harness.idle();
  other.sendResults(again, (results) => (results.destinationModifiedNs = [9n * second]));
  await harness.idle();
  await harness.scanned('a', other, [file('b', 12n * second)]);
  const dated = [...other.news('batchLease'), ...back.news('batchLease')];
  t.true(dated.flatMap(unreportedOf).some(([, modifiedNs]) => modifiedNs === 9n * second));
});
