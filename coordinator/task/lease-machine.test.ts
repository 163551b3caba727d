import { clone } from '@bufbuild/protobuf';
import test from 'ava';
import { LeaseRowSchema, LeaseState, type LeaseRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import {
  checkHolder,
  newLease,
  settledLease,
  stepLease,
  type LeaseEvent,
} from './lease-machine.ts';

const pending = newLease();
const leased = stepLease(pending, { kind: 'lease', agent: 'one' });
const done = stepLease(leased, { kind: 'complete', generation: 1 });

const lease: LeaseEvent = { kind: 'lease', agent: 'two' };
const release: LeaseEvent = { kind: 'release', generation: 1 };
const complete: LeaseEvent = { kind: 'complete', generation: 1 };
const older: LeaseEvent[] = [
  { kind: 'release', generation: 0 },
  { kind: 'complete', generation: 0 },
];
const newer: LeaseEvent[] = [
  { kind: 'release', generation: 2 },
  { kind: 'complete', generation: 2 },
];

const allowed: [from: LeaseRow, event: LeaseEvent, to: Partial<LeaseRow>][] = [
  [pending, lease, { state: LeaseState.LEASED, generation: 1, agent: 'two' }],
  [leased, release, { state: LeaseState.PENDING, generation: 1, agent: '' }],
  [leased, complete, { state: LeaseState.DONE, generation: 1, agent: 'one' }],
];
for (const [from, event, to] of allowed)
  test(`${event.kind} in state ${from.state}`, (t) => {
    const before = clone(LeaseRowSchema, from);
    t.like(stepLease(from, event), to);
    t.deepEqual(from, before, 'the row given is never changed');
  });

const refused: [from: LeaseRow, event: LeaseEvent][] = [
  [leased, lease],
  [done, lease],
  ...[release, complete].flatMap((event): [LeaseRow, LeaseEvent][] => [
    [pending, event],
    [done, event],
  ]),
  ...[...older, ...newer].map((event): [LeaseRow, LeaseEvent] => [leased, event]),
];
test('everything else is refused with LEASE_LOST and changes nothing', (t) => {
  for (const [from, event] of refused) {
    const before = clone(LeaseRowSchema, from);
    const error = t.throws(() => stepLease(from, event), { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.LEASE_LOST, `${JSON.stringify(event)} in ${from.state}`);
    t.deepEqual(from, before);
  }
});

test('every lease is a new generation, and the one before is fenced off', (t) => {
  const free = stepLease(leased, release);
  const again = stepLease(free, lease);
  t.is(again.generation, 2);
  t.notThrows(() => checkHolder(again, 2));
  t.throws(() => checkHolder(again, 1), { message: /generation 1 was fenced off/ });
});

test('a settled lease can neither be held nor ended', (t) => {
  t.is(settledLease().state, LeaseState.DONE);
  for (const event of [lease, release, complete])
    t.throws(() => stepLease(settledLease(), event), { instanceOf: DroverError });
});
