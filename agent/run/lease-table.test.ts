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

type EventName = LeaseEvent['kind'] | 'take part';

const report = create(AttachRequestSchema);
const events: Record<EventName, LeaseEvent> = {
  start: { kind: 'start' },
  finish: { kind: 'finish', report },
  'finish-partly': { kind: 'finish-partly', report },
  abandon: { kind: 'abandon' },
  saved: { kind: 'saved' },
  acknowledge: { kind: 'acknowledge' },
  revoke: { kind: 'revoke', takesPart: false },
  'take part': { kind: 'revoke', takesPart: true },
  drain: { kind: 'drain' },
};

type Row = [name: EventName, next: HeldLease['state'] | 'gone', ...effects: readonly LeaseEffect[]];

// Every event that is not named leaves the lease as it is.
function table(name: string, lease: HeldLease, rows: readonly Row[]): void {
  test(name, (t) => {
    for (const [title, event] of Object.entries(events)) {
      const [, next, ...effects] = rows.find(([one]) => one === title) ?? ['', lease.state];
      const step = stepLease(lease, event);
      t.is(step.lease?.state ?? 'gone', next, title);
      t.deepEqual(step.effects, effects, title);
      if (rows.every(([one]) => one !== title)) t.is(step.lease, lease, title);
    }
  });
}

const kinds: LeaseWorkKind[] = ['scan', 'batch'];
for (const work of kinds)
  table(`a queued ${work}`, { state: 'queued', work }, [
    ['start', 'running', 'run'],
    ['revoke', 'gone', 'forget', 'return'],
    ['take part', 'gone', 'forget', 'return'],
    ['drain', 'gone', 'forget', 'return'],
  ]);
table('a running scan goes back when the agent drains', { state: 'running', work: 'scan' }, [
  ['finish', 'reporting', 'report'],
  ['finish-partly', 'reporting', 'report'],
  ['abandon', 'gone', 'forget', 'return'],
  ['revoke', 'stopping', 'stop'],
  ['take part', 'stopping', 'stop'],
  ['drain', 'stopping', 'stop'],
]);
table('a running batch is finished and saved first', { state: 'running', work: 'batch' }, [
  ['finish', 'saving', 'save'],
  ['finish-partly', 'saving', 'save'],
  ['abandon', 'gone', 'forget', 'return'],
  ['revoke', 'stopping', 'stop'],
  ['take part', 'stopping', 'stop-soon'],
]);
table(
  'a drained scan that came to its end is reported',
  { state: 'stopping', work: 'scan', wanted: 'whole' },
  [
    ['finish', 'reporting', 'report'],
    ['finish-partly', 'gone', 'forget', 'return'],
    ['abandon', 'gone', 'forget', 'return'],
    ['revoke', 'stopping', 'stop'],
    ['take part', 'stopping', 'stop'],
  ],
);
table(
  'what a batch had done when it was taken away is saved, unless it is lost after all',
  { state: 'stopping', work: 'batch', wanted: 'part' },
  [
    ['finish', 'saving', 'save'],
    ['finish-partly', 'saving', 'save'],
    ['abandon', 'gone', 'forget', 'return'],
    ['revoke', 'stopping', 'stop'],
  ],
);
for (const work of kinds)
  table(
    `nothing is reported of a revoked ${work}`,
    { state: 'stopping', work, wanted: 'nothing' },
    [
      ['finish', 'gone', 'forget', 'return'],
      ['finish-partly', 'gone', 'forget', 'return'],
      ['abandon', 'gone', 'forget', 'return'],
    ],
  );
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
