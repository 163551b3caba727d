// A full disk: what the journal refused may be lost, what it took is not, whatever comes after and however the process ends.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { hash, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BatchLeaseSchema,
  LeaseKeySchema,
  WriteNoteSchema,
} from '../../gen/drover/v1/session_pb.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { mountSmallDisk } from '../../lib/testing/small-disk.ts';
import { openJournal, type Journal } from './journal.ts';

const box = sealedBox(hash('sha256', 'journal', 'buffer'));

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-journal-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Records leases of some KiB until there is no room; answers with those that were taken. */
async function fill(journal: Journal, prefix: string): Promise<string[]> {
  const taken: string[] = [];
  for (let number = 0; number < 2000; number++) {
    const lease = `tasks/a/runs/1/batches/${prefix}${number}`;
    const key = create(LeaseKeySchema, { lease, generation: 1 });
    try {
      // What cannot be compressed, so that the disk is full soon.
      await journal.recordLease(create(BatchLeaseSchema, { key, items: randomBytes(20_000) }));
      taken.push(lease);
    } catch {
      return taken;
    }
  }
  throw new Error('the disk was never full');
}

const filler = 9999n;

const noteOf = (number: bigint) =>
  create(WriteNoteSchema, { key: create(LeaseKeySchema, { lease: 'tasks/a/runs/1/batches/1', generation: 1 }), number, path: `${number}` }); // oxfmt-ignore

test('what is taken once there is room again is there after the process was killed', async (t) => {
  const folder = temporaryFolder(t);
  const disk = path.join(folder, 'disk');
  const mounted = mountSmallDisk(t, disk, '1m');
  if (mounted === undefined) return;
  const journal = await openJournal(path.join(disk, 'journal'), box);
  t.teardown(() => journal.close());
  const taken: string[] = [];
  const notes: bigint[] = [];
  for (const [round, size] of ['24m', '48m', '72m'].entries()) {
    taken.push(...(await fill(journal, `${round}-`)));
    await t.throwsAsync(fillNote(journal), undefined, 'nothing is taken that is not kept');
    mounted.resize(size);
    for (let count = 0; count < 5; count++) {
      const number = BigInt(round * 5 + count + 1);
      await journal.keepNote(noteOf(number));
      notes.push(number);
    }
    // As a process that is killed leaves it.
    const copy = path.join(folder, `copy-${round}`);
    copyOpen(path.join(disk, 'journal'), copy);
    await using again = await openJournal(copy, box);
    const contents = await again.contents();
    t.deepEqual(contents.notes.map(({ number }) => number).filter((number) => number !== filler).toSorted((one, other) => Number(one - other)), notes); // oxfmt-ignore
    const found = new Set(contents.unfinished.map(({ lease }) => lease.key!.lease));
    t.deepEqual(taken.filter((lease) => !found.has(lease)), []); // oxfmt-ignore
  }
});

/** Copies the folder of an open journal; again, where files went away meanwhile, which LevelDB puts together in a thread of its own. */
function copyOpen(from: string, to: string): void {
  for (let isWhole = false; !isWhole;)
    try {
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true });
      isWhole = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
}

/** Keeps notes until one is refused: there may be room for a small one where there is none for a lease. */
async function fillNote(journal: Journal): Promise<void> {
  for (let count = 0; count < 5000; count++) await journal.keepNote({ ...noteOf(filler), path: 'x'.repeat(2000) }); // oxfmt-ignore
}
