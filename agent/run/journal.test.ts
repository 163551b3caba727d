import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, equals } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  BatchDoneSchema,
  BatchLeaseSchema,
  LeaseKeySchema,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openJournal } from './journal.ts';

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-journal-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'journal');
}

const key = (lease: string, generation = 1) => create(LeaseKeySchema, { lease, generation });
const leaseOf = (lease: string, generation = 1) =>
  create(BatchLeaseSchema, { key: key(lease, generation), items: new Uint8Array([1, 2, 3]) });
const resultOf = (lease: string, generation = 1) =>
  create(BatchDoneSchema, { key: key(lease, generation), results: new Uint8Array([4, 5]) });

test('what was not acknowledged is there again when the journal is opened again', async (t) => {
  const folder = folderFor(t);
  {
    await using journal = await openJournal(folder);
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1'));
    await journal.saveResult(resultOf('tasks/a/runs/1/batches/1'));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/2', 7));
    await journal.recordLease(leaseOf('tasks/a/runs/1/batches/3'));
    await journal.saveResult(resultOf('tasks/a/runs/1/batches/3'));
    await journal.forget(key('tasks/a/runs/1/batches/3'));
  }
  await using journal = await openJournal(folder);
  const { results, unfinished } = await journal.contents();
  t.true(equals(BatchDoneSchema, results[0]!, resultOf('tasks/a/runs/1/batches/1')));
  t.true(equals(BatchLeaseSchema, unfinished[0]!, leaseOf('tasks/a/runs/1/batches/2', 7)));
  t.deepEqual([results.length, unfinished.length], [1, 1]);
});

test('the result of one generation does not hide that another is unfinished', async (t) => {
  await using journal = await openJournal(folderFor(t));
  await journal.saveResult(resultOf('tasks/a/runs/1/batches/1', 1));
  await journal.recordLease(leaseOf('tasks/a/runs/1/batches/1', 2));
  const { results, unfinished } = await journal.contents();
  t.deepEqual([results.length, unfinished[0]?.key?.generation], [1, 2]);
});

test('changes that nobody waits for take effect in order', async (t) => {
  await using journal = await openJournal(folderFor(t));
  const changes = Array.from({ length: 50 }, (_, index) => [
    journal.recordLease(leaseOf(`tasks/a/runs/1/batches/${index}`)),
    journal.forget(key(`tasks/a/runs/1/batches/${index}`)),
  ]);
  await Promise.all(changes.flat());
  t.deepEqual(await journal.contents(), { results: [], unfinished: [] });
});

test('a second agent is kept out of the data folder', async (t) => {
  const folder = folderFor(t);
  await using journal = await openJournal(folder);
  const error = await t.throwsAsync(openJournal(folder), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.DATA_FOLDER_LOCKED);
  t.true(error.message.includes(folder));
  await journal.close();
});

test('a journal that cannot be opened names the option and the folder', async (t) => {
  const folder = folderFor(t);
  writeFileSync(folder, 'in the way');
  const error = await t.throwsAsync(openJournal(folder), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
  t.true(error.message.startsWith('--data: ') && error.message.includes(folder));
});
