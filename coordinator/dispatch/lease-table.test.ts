import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { HelloSchema } from '../../gen/drover/v1/session_pb.ts';
import { LeaseTable, sumOf, type LiveLease } from './lease-table.ts';
import { Session } from './session.ts';
import { ManualClock } from './testing/manual-clock.ts';

const run = { task: 'a', run: 1 };

function lease(number: number, more: Partial<LiveLease> = {}): LiveLease {
  const target = { kind: 'batch', batch: { ...run, batch: number } } as const;
  return { id: String(number), target, run, generation: 1, agent: 'one', size: { items: 9, bytes: 9n }, session: undefined, expiresAtMs: 0, startTimeMs: undefined, items: 0n, bytes: 0n, revoking: false, ...more }; // oxfmt-ignore
}

const sessionOf = (slots: number) =>
  new Session('one', create(HelloSchema, { slots }), new ManualClock());

test('leases are found by run, agent and session, and only while they are there', (t) => {
  const table = new LeaseTable();
  const session = sessionOf(3);
  const [one, two] = [lease(1), lease(2)];
  for (const each of [one, two]) table.add(each);
  table.hold(one, session, 0);
  t.deepEqual(table.ofRun(run), [one, two]);
  t.deepEqual(table.ofRun({ task: 'a', run: 2 }), []);
  t.deepEqual(table.ofAgent('one'), [one, two]);
  t.deepEqual(table.ofSession(session), [one]);
  table.leave(one);
  t.deepEqual([table.ofSession(session), one.session], [[], undefined]);
  table.remove(one, 0);
  t.deepEqual([table.ofRun(run), table.ofAgent('one'), table.get('1')], [[two], [two], undefined]);
});

test('a lease that is removed does not take a newer generation with it', (t) => {
  const table = new LeaseTable();
  const [old, fresh] = [lease(1), lease(1, { generation: 2 })];
  table.add(old);
  table.add(fresh);
  table.remove(old, 0);
  t.is(table.get('1'), fresh);
  t.deepEqual(table.ofRun(run), [fresh]);
});

test('as many leases are begun as an agent has threads, the others when one of them ends', (t) => {
  const table = new LeaseTable();
  const session = sessionOf(3);
  const leases = [lease(1), lease(2), lease(3)];
  for (const each of leases) {
    table.add(each);
    table.hold(each, session, 1000);
  }
  const starts = () => leases.map(({ startTimeMs }) => startTimeMs);
  t.deepEqual(starts(), [1000, 1000, undefined]);
  table.remove(leases[0]!, 5000);
  t.deepEqual(starts(), [1000, 1000, 5000]);
});

test('what is in flight of a run is what its leases say, whatever comes and goes', (t) => {
  const table = new LeaseTable();
  const leases = [lease(1), lease(2), lease(3, { target: { kind: 'scan', run } })];
  for (const each of leases) table.add(each);
  table.report(leases[0]!, 3n, 30n);
  table.report(leases[1]!, 4n, 40n);
  table.report(leases[2]!, 5n, 50n);
  table.report(leases[0]!, 5n, 20n);
  t.deepEqual(table.inFlight(run), sumOf(leases.slice(0, 2)));
  table.remove(leases[1]!, 0);
  table.remove(leases[1]!, 0);
  t.deepEqual(table.inFlight(run), { items: 5n, bytes: 20n });
  table.remove(leases[0]!, 0);
  t.deepEqual(table.inFlight(run), { items: 0n, bytes: 0n });
});
