import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { AttachRequestSchema } from '../../gen/drover/v1/session_pb.ts';
import {
  stepLease,
  type HeldLease,
  type LeaseEffect,
  type LeaseEvent,
  type LeaseWorkKind,
} from './lease-table.ts';

const report = create(AttachRequestSchema);
const events: Record<LeaseEvent['kind'], LeaseEvent> = {
  start: { kind: 'start' },
  finish: { kind: 'finish', report },
  abandon: { kind: 'abandon' },
  saved: { kind: 'saved' },
  acknowledge: { kind: 'acknowledge' },
  revoke: { kind: 'revoke' },
  drain: { kind: 'drain' },
};

type Row = [
  kind: LeaseEvent['kind'],
  next: HeldLease['state'] | 'gone',
  ...effects: readonly LeaseEffect[],
];

// Every event that is not named leaves the lease as it is.
function table(name: string, lease: HeldLease, rows: readonly Row[]): void {
  test(name, (t) => {
    for (const event of Object.values(events)) {
      const [, next, ...effects] = rows.find(([kind]) => kind === event.kind) ?? ['', lease.state];
      const step = stepLease(lease, event);
      t.is(step.lease?.state ?? 'gone', next, event.kind);
      t.deepEqual(step.effects, effects, event.kind);
      if (rows.every(([kind]) => kind !== event.kind)) t.is(step.lease, lease, event.kind);
    }
  });
}

const kinds: LeaseWorkKind[] = ['scan', 'batch'];
for (const work of kinds)
  table(`a queued ${work}`, { state: 'queued', work }, [
    ['start', 'running', 'run'],
    ['revoke', 'gone', 'forget', 'return'],
    ['drain', 'gone', 'forget', 'return'],
  ]);
table('a running scan goes back when the agent drains', { state: 'running', work: 'scan' }, [
  ['finish', 'reporting', 'report'],
  ['abandon', 'gone', 'forget', 'return'],
  ['revoke', 'stopping', 'stop'],
  ['drain', 'stopping', 'stop'],
]);
table('a running batch is finished and saved first', { state: 'running', work: 'batch' }, [
  ['finish', 'saving', 'save'],
  ['abandon', 'gone', 'forget', 'return'],
  ['revoke', 'stopping', 'stop'],
]);
table(
  'a drained scan that came to its end is reported',
  { state: 'stopping', work: 'scan', revoked: false },
  [
    ['finish', 'reporting', 'report'],
    ['abandon', 'gone', 'forget', 'return'],
    ['revoke', 'stopping'],
  ],
);
for (const work of kinds)
  table(`nothing is reported of a revoked ${work}`, { state: 'stopping', work, revoked: true }, [
    ['finish', 'gone', 'forget', 'return'],
    ['abandon', 'gone', 'forget', 'return'],
    ['revoke', 'stopping'],
  ]);
table(
  'a result is sent when it is saved',
  { state: 'saving', work: 'batch', report, revoked: false },
  [
    ['saved', 'reporting', 'report'],
    ['revoke', 'saving'],
  ],
);
table('a revoked result is not sent', { state: 'saving', work: 'batch', report, revoked: true }, [
  ['saved', 'gone', 'forget', 'return'],
  ['revoke', 'saving'],
]);
table('a report is kept until it is acknowledged', { state: 'reporting', work: 'batch', report }, [
  ['acknowledge', 'gone', 'forget'],
  ['revoke', 'gone', 'forget', 'return'],
]);
