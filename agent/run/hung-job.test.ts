// Leases whose jobs do not end: an agent's work with a real journal and real threads.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { AttachResponseSchema, BatchPhase, type AttachRequest } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { createLog } from '../../lib/log.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { createPool } from '../pool/piscina-pool.ts';
import { openJournal } from './journal.ts';
import { Work } from './work.ts';

test('of a batch whose thread computes without an end every item fails, and one that does not stop goes back', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-hung-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const awake = setInterval(() => undefined, 2 ** 30);
  t.teardown(() => clearInterval(awake));
  await using journal = await openJournal(path.join(folder, 'journal'), sealedBox(new Uint8Array(32))); // oxfmt-ignore
  const limits = { stopMs: 50, stepMs: 300, lookMs: 5 };
  const program = new URL('../pool/testing/hung-program.ts', import.meta.url);
  await using pool = createPool({ threads: 2, program, limits });
  const work = new Work({ pool, journal, slots: 3, authority: 'ca', tenant: undefined, log: createLog('agent', 'silent') }); // oxfmt-ignore
  t.teardown(() => work.close());
  await work.restore();
  const frames: AttachRequest['frame'][] = [];
  work.attach(({ frame }) => frames.push(frame));
  const give = (batch: number, source: string) => {
    const key = { lease: `tasks/a/runs/1/batches/${batch}`, generation: 1 };
    const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
    const value = { key, source, destination: '/srv/to', phase: BatchPhase.TRANSFER, items };
    work.receive(create(AttachResponseSchema, { frame: { case: 'batchLease', value } }));
    return key;
  };
  const loops = give(1, '/loop');
  const waits = give(2, '/wait');
  const message = 'others wait';
  work.receive(create(AttachResponseSchema, { frame: { case: 'leaseRevocation', value: { key: waits, message } } })); // oxfmt-ignore
  const works = give(3, '/end');
  const done = () => frames.flatMap((frame) => (frame.case === 'batchDone' ? [frame.value] : []));
  await work.until(({ jobs }) => jobs === 0 && done().length === 2);
  const byLease = new Map(done().map(({ key, results }) => [key!.lease, fromBinary(BatchResultsSchema, results)])); // oxfmt-ignore
  t.deepEqual([...byLease.keys()].toSorted(), [loops.lease, works.lease]);
  const failed = byLease.get(loops.lease)!;
  t.deepEqual(failed.state, [ItemState.FAILED, ItemState.FAILED]);
  t.like(failed.remark, { length: 2, 1: { index: 1, reason: ErrorReason.INTERNAL } });
  t.regex(failed.remark[1]!.message, /came no further in 0.3 seconds of processor time$/);
  t.deepEqual(byLease.get(works.lease)!.state, []);
  const returned = frames.flatMap((frame) =>
    frame.case === 'leaseReturn' ? frame.value.keys : [],
  );
  t.like(returned, { length: 1, 0: waits });
});
