// Notes are sent until they are acknowledged, by whichever process and over whichever stream.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { LeaseKeySchema, type AttachRequest } from '../../gen/drover/v1/session_pb.ts';
import { createLog } from '../../lib/log.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { createSharedJobState, stopJob } from '../pool/jobs.ts';
import { createPool } from '../pool/piscina-pool.ts';
import { openJournal } from './journal.ts';
import { LeaseJournal } from './lease-journal.ts';
import { PendingNotes } from './pending-notes.ts';

const pool = createPool({ threads: 1 });
// A wait for memory that threads share does not keep a process alive; an agent's streams do.
const alive = setInterval(() => {}, 60_000);
test.after.always(async () => {
  clearInterval(alive);
  await pool.close();
});
const box = sealedBox(randomBytes(32));
const key = create(LeaseKeySchema, { lease: 'tasks/a/runs/1/batches/1', generation: 1 });
const shared = createSharedJobState(0);
const write = (name: string) => ({ path: name, size: 3, modifiedNs: 5n });

const pathsOf = (frames: readonly AttachRequest[]) =>
  frames.map(({ frame }) => (frame.case === 'writeNote' ? frame.value.path : frame.case));

test('what was not acknowledged is sent again, also by the next process', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-notes-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = createLog('test', 'silent');
  const sent: AttachRequest[] = [];
  const numberOf = (name: string) => {
    const frame = sent.find((one) => one.frame.case === 'writeNote' && one.frame.value.path === name)!.frame; // oxfmt-ignore
    return frame.case === 'writeNote' ? frame.value.number : 0n;
  };
  {
    await using journal = await openJournal(path.join(folder, 'journal'), box);
    const notes = new PendingNotes(new LeaseJournal({ pool, journal, authority: 'x', tenant: undefined, log })); // oxfmt-ignore
    await notes.keep(key, write('early'), shared);
    notes.attach((frame) => sent.push(frame));
    await notes.keep(key, write('late'), shared);
    t.deepEqual(pathsOf(sent), ['early', 'late']);
    notes.acknowledge(numberOf('early'));
    notes.detach();
    await notes.keep(key, write('alone'), shared);
    t.is(sent.length, 2);
  }
  await using journal = await openJournal(path.join(folder, 'journal'), box);
  const notes = new PendingNotes(new LeaseJournal({ pool, journal, authority: 'x', tenant: undefined, log })); // oxfmt-ignore
  notes.restore((await journal.contents()).notes);
  sent.length = 0;
  notes.attach((frame) => sent.push(frame));
  const paths = pathsOf(sent).toSorted((one, other) => String(one).localeCompare(String(other)));
  t.deepEqual(paths, ['alone', 'late']);
  await notes.keep(key, write('new'), shared);
  t.is(new Set(sent.map(({ frame }) => (frame.case === 'writeNote' ? frame.value.number : 0n))).size, 3); // oxfmt-ignore
});

/** A journal on a disk that is full until it has room again. */
function fullJournal() {
  const disk = { isFull: true, notes: 0 };
  const keepNote = async () => {
    if (disk.isFull) return false;
    disk.notes += 1;
    return true;
  };
  const journal = { keepNote, forgetNote: async () => {} } as unknown as LeaseJournal;
  return { disk, notes: new PendingNotes(journal) };
}

test('while the journal cannot be written, the coordinator has to have a note before its file is written', async (t) => {
  const { disk, notes } = fullJournal();
  const sent: AttachRequest[] = [];
  notes.attach((frame) => sent.push(frame));
  const kept = notes.keep(key, write('a'), createSharedJobState(0));
  const { frame } = sent[0]!;
  notes.acknowledge(frame.case === 'writeNote' ? frame.value.number : 0n);
  t.true(await kept);
  t.is(disk.notes, 0);
});

test('or the journal, as soon as it can be written again', async (t) => {
  const { disk, notes } = fullJournal();
  const kept = notes.keep(key, write('a'), createSharedJobState(0));
  disk.isFull = false;
  t.true(await kept);
  t.is(disk.notes, 1);
});

test('a job that is stopped before either is possible writes nothing', async (t) => {
  const { notes } = fullJournal();
  const job = createSharedJobState(0);
  const kept = notes.keep(key, write('a'), job);
  stopJob(job, 'soon');
  t.false(await kept);
  const sent: AttachRequest[] = [];
  notes.attach((frame) => sent.push(frame));
  t.deepEqual(sent, [], 'what was not written needs no note');
});
