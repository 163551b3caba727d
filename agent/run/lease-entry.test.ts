// Which of the leases that wait may begin beside those that are going.
import test from 'ava';
import { createSharedJobState, noteEnding } from '../pool/jobs.ts';
import type { BatchRun } from './batch-run.ts';
import { hasThread, type Entry } from './lease-entry.ts';

function entry(work: 'scan' | 'batch', usesTenant: boolean): Entry {
  return {
    key: { lease: work, generation: 1 } as Entry['key'],
    held: { state: 'running', work },
    run: { work, shared: createSharedJobState(0) } as BatchRun,
    usesTenant,
    usesShare: false,
    recorded: Promise.resolve(),
  };
}

test('a batch for a tenant has a thread as soon as one has begun its last item; everything else needs one of its own', (t) => {
  const [one, other] = [entry('batch', true), entry('batch', true)];
  const going = new Set([one, other]);
  const [batch, scan, toFolder] = [entry('batch', true), entry('scan', true), entry('batch', false)]; // prettier-ignore
  for (const waiting of [batch, scan, toFolder]) {
    t.true(hasThread(waiting, new Set([one]), 2));
    t.false(hasThread(waiting, going, 2));
  }
  noteEnding(one.run!.shared);
  t.true(hasThread(batch, going, 2));
  t.false(hasThread(batch, new Set([...going, batch]), 2), 'which is taken then');
  t.false(hasThread(scan, going, 2));
  t.false(hasThread(toFolder, going, 2));
});
