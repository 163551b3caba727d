import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, equals } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  BatchDoneSchema,
  BatchLeaseSchema,
  LeaseKeySchema,
  WriteNoteSchema,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { sealedBox, type SealedBox } from '../../lib/sealed-box.ts';
import { openJournal } from './journal.ts';

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-journal-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'journal');
}

/** Every box of one test has the same key. */
function box(t: ExecutionContext): SealedBox {
  return sealedBox(hash('sha256', t.title, 'buffer'));
}

const key = (lease: string, generation = 1) => create(LeaseKeySchema, { lease, generation });
const leaseOf = (lease: string, generation = 1) =>
  create(BatchLeaseSchema, { key: key(lease, generation), items: new Uint8Array([1, 2, 3]) });
const resultOf = (lease: string, generation = 1) =>
  create(BatchDoneSchema, { key: key(lease, generation), results: new Uint8Array([4, 5]) });

test('what was not acknowledged is there again when the journal is opened again', async (t) => {
  const folder = folderFor(t);
  {
    await using journal = await openJournal(folder, box(t));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1'));
    await journal.saveResult(resultOf('tasks/a/runs/1/batches/1'));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/2', 7));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/3'));
    await journal.saveResult(resultOf('tasks/a/runs/1/batches/3'));
    await journal.forget(key('tasks/a/runs/1/batches/3'));
  }
  await using journal = await openJournal(folder, box(t));
  const { results, unfinished } = await journal.contents();
  t.true(equals(BatchDoneSchema, results[0]!, resultOf('tasks/a/runs/1/batches/1')));
  t.true(equals(BatchLeaseSchema, unfinished[0]!.lease, leaseOf('tasks/a/runs/1/batches/2', 7)));
  t.deepEqual([results.length, unfinished.length], [1, 1]);
});

test('the result of one generation does not hide that another is unfinished', async (t) => {
  await using journal = await openJournal(folderFor(t), box(t));
  await journal.saveResult(resultOf('tasks/a/runs/1/batches/1', 1));
  await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1', 2));
  const { results, unfinished } = await journal.contents();
  t.deepEqual([results.length, unfinished[0]?.lease.key?.generation], [1, 2]);
});

test('changes that nobody waits for take effect in order', async (t) => {
  await using journal = await openJournal(folderFor(t), box(t));
  const changes = Array.from({ length: 50 }, (_, index) => [
    journal.recordLease(leaseOf(`tasks/a/runs/1/batches/${index}`)),
    journal.forget(key(`tasks/a/runs/1/batches/${index}`)),
  ]);
  await Promise.all(changes.flat());
  t.deepEqual(await journal.contents(), { results: [], unfinished: [], notes: [] });
});

test('a second agent is kept out of the data folder', async (t) => {
  const folder = folderFor(t);
  await using journal = await openJournal(folder, box(t));
  const error = await t.throwsAsync(openJournal(folder, box(t)), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.DATA_FOLDER_LOCKED);
  t.true(error.message.includes(folder));
  await journal.close();
});

test('a journal that cannot be opened names the option and the folder', async (t) => {
  const folder = folderFor(t);
  writeFileSync(folder, 'in the way');
  const error = await t.throwsAsync(openJournal(folder, box(t)), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
  t.true(error.message.startsWith('--data: ') && error.message.includes(folder));
});

const upload = (index: number, url: string) => ({
  index,
  url,
  size: 10_000_000,
  modifiedNs: 1_234_567_890_123_456_789n,
  changedNs: 2n,
});

test('what is open of a batch is kept with it, and gone with it', async (t) => {
  const folder = folderFor(t);
  const [one, other] = [key('tasks/a/runs/1/batches/1'), key('tasks/a/runs/1/batches/10')];
  {
    await using journal = await openJournal(folder, box(t));
    for (const { lease } of [one, other]) await journal.recordLease(leaseOf(lease));
    await journal.keepUpload(one, 3, upload(3, 'https://one.invalid/'), true);
    await journal.keepUpload(one, 4, upload(4, 'https://two.invalid/'), false);
    await journal.keepUpload(one, 4, undefined, false);
    await journal.keepUpload(other, 0, upload(0, 'https://three.invalid/'), false);
  }
  await using journal = await openJournal(folder, box(t));
  const found = async () =>
    new Map(
      (await journal.contents()).unfinished.map(({ lease, uploads }) => [
        lease.key?.lease,
        uploads,
      ]),
    );
  t.deepEqual((await found()).get(one.lease), [upload(3, 'https://one.invalid/')]);
  await journal.forget(one);
  t.deepEqual([...(await found()).values()], [[upload(0, 'https://three.invalid/')]]);
});

test('the address of an open upload is in no file of the journal', async (t) => {
  const folder = folderFor(t);
  const secret = 'https://contoso.sharepoint.com/tempauth=planted-secret';
  {
    await using journal = await openJournal(folder, box(t));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1'));
    await journal.keepUpload(key('tasks/a/runs/1/batches/1'), 0, upload(0, secret), true);
  }
  for (const file of readdirSync(folder))
    t.false(readFileSync(path.join(folder, file)).includes('planted-secret'), file);
});

test('what was sealed with a key that is gone is left out', async (t) => {
  const folder = folderFor(t);
  {
    await using journal = await openJournal(folder, box(t));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1'));
    await journal.keepUpload(key('tasks/a/runs/1/batches/1'), 0, upload(0, 'https://x/'), true);
  }
  const other = sealedBox(new Uint8Array(32));
  await using journal = await openJournal(folder, other);
  t.deepEqual((await journal.contents()).unfinished[0]?.uploads, []);
});

test('notes of writes outlive their leases, until they are forgotten', async (t) => {
  const folder = folderFor(t);
  const note = (number: bigint) =>
    create(WriteNoteSchema, { key: key('l'), number, path: 'a/b', size: 3n, modifiedNs: 5n });
  {
    await using journal = await openJournal(folder, box(t));
    await Promise.all([journal.keepNote(note(1n)), journal.keepNote(note(2n))]);
    await journal.forget(key('l'));
    await journal.forgetNote(1n);
  }
  await using journal = await openJournal(folder, box(t));
  t.deepEqual((await journal.contents()).notes, [note(2n)]);
});
