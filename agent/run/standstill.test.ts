// What stands still is told of: an agent's work with a real journal, and threads and a clock of the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { pino } from 'pino';
import { AttachResponseSchema } from '../../gen/drover/v1/session_pb.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { progressBytes, statePageCredits } from '../pool/jobs.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { lookMs } from './standstill.ts';
import { Work } from './work.ts';

test('whatever a lease waits for is said within about a minute, and then less and less often', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-standstill-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await using pool = new PlayedPool(2);
  await using journal = await openJournal(path.join(folder, 'journal'), sealedBox(new Uint8Array(32))); // oxfmt-ignore
  const lines: { msg: string; lease: string; forMs: number; others: number }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  let look: (() => void) | undefined;
  const after = (delayMs: number, callback: () => void) => {
    if (delayMs === lookMs) look = callback;
    return () => void (look = undefined);
  };
  const looks = (count: number) => {
    for (let made = 0; made < count; made += 1) look!();
    return lines.splice(0).map(({ msg, lease, forMs, others }) => [forMs / lookMs, lease, others, msg.replace(/^nothing moves in a lease: /, '')]); // oxfmt-ignore
  };
  const work = new Work({ pool, journal, slots: 3, clock: { now: () => 0, steady: () => 0, after }, authority: 'ca', tenant: undefined, log }); // oxfmt-ignore
  await work.restore();
  work.attach(() => undefined);
  t.is(look, undefined, 'an agent without leases has nothing to look at');
  const give = (run: number) => {
    const key = { lease: `tasks/a/runs/${run}/scan`, generation: 1 };
    const value = { key, source: '/srv/a', destination: '/srv/b', pageWindow: 1 };
    work.receive(create(AttachResponseSchema, { frame: { case: 'scanLease', value } }));
    return key;
  };
  const first = give(1);
  const { job, answer } = await pool.job('scan');
  if (!('shared' in job)) throw new Error('a scan has shared memory');
  const noAnswer = 'its source or its destination does not answer, or has not answered yet';
  t.deepEqual(looks(2), []);
  t.deepEqual(looks(1), [[2, first.lease, 0, noAnswer]]);
  t.deepEqual(looks(6), [[4, first.lease, 0, noAnswer], [8, first.lease, 0, noAnswer]]); // oxfmt-ignore
  Atomics.add(job.shared.progress, progressBytes, 1n);
  t.deepEqual(looks(2), [], 'it has moved');
  // It has no credit left.
  Atomics.store(job.shared.state, statePageCredits, 0);
  const unstored = 'the coordinator has not stored the pages of its scan';
  t.deepEqual(looks(3), [[2, first.lease, 0, unstored]]);
  work.detach();
  t.deepEqual(looks(8), [], 'nobody is there to store them, which the session says');
  work.attach(() => undefined);
  give(2);
  work.receive(create(AttachResponseSchema, { frame: { case: 'leaseRevocation', value: { key: first } } })); // oxfmt-ignore
  const told = looks(3);
  t.is(told.length, 1, 'one line for all');
  t.is(told[0]![2], 1);
  answer({ kind: 'stopped' });
  const second = await pool.job('scan');
  second.answer({ kind: 'scan-done' });
  await work.until(({ jobs }) => jobs === 0);
  t.deepEqual(looks(3).map(([, , , msg]) => msg), ['the coordinator has not acknowledged its result']); // oxfmt-ignore
  work.close();
  t.is(look, undefined);
});
