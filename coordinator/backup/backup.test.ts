// Backups of a coordinator that runs and of one that does not, what they refuse, and what they become again.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { MaintenanceOptions } from '../options.ts';
import { refusalOf } from '../rpc/testing/refusal.ts';
import { createRequest, runCoordinator, temporaryFolder, type RunningCoordinator } from '../rpc/testing/running-coordinator.ts'; // oxfmt-ignore
import { openLevelStore } from '../store/level-store.ts';
import { mountSmallDisk } from '../../lib/testing/small-disk.ts';
import { askForBackup } from './ask-for-backup.ts';
import { runMaintenance } from './commands.ts';
import { createBackup } from './create-backup.ts';
import { doorOf } from './door.ts';

const never = new AbortController().signal;

/** Runs a command as the process does; answers with its status and what it printed. */
async function run(options: MaintenanceOptions, signal = never) {
  const lines: string[] = [];
  const status = await runMaintenance(options, (line) => lines.push(line), signal);
  return { status, lines };
}

const backup = (dataFolder: string, to: string) =>
  run({ kind: 'backup', dataFolder, to, json: true });
const restore = (from: string, dataFolder: string) =>
  run({ kind: 'restore', dataFolder, from, json: true });
const check = (dataFolder: string) => run({ kind: 'check', dataFolder, json: true });

async function failureOf(promise: Promise<unknown>): Promise<DroverError> {
  try {
    await promise;
  } catch (error) {
    return DroverError.from(error);
  }
  throw new Error('it was not refused');
}

const createTask = ({ client }: RunningCoordinator, taskId: string) =>
  client(TaskService).createTask({ taskId, task: { source: '/from', destination: 'file:///to' } });
const taskIds = async ({ client }: RunningCoordinator) =>
  (await client(TaskService).listTasks({})).tasks.map(({ name }) => name);

/** Everything below a folder with the rights of others on it. */
function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !name.startsWith('store/') && statSync(path.join(folder, name)).mode & 0o077,
  );
}

/** The backup of a coordinator with one task, which has ended, and its data folder. */
async function madeBackup(t: ExecutionContext) {
  const folder = temporaryFolder(t);
  const data = path.join(folder, 'data');
  const running = await runCoordinator(t, data);
  await createTask(running, 'one');
  await running.coordinator.close();
  const to = path.join(folder, 'backup');
  t.is((await backup(data, to)).status, 0);
  return { folder, data, to };
}

test('a running coordinator makes a backup and goes on; restored, it is the same coordinator', async (t) => {
  const folder = temporaryFolder(t);
  const running = await runCoordinator(t, path.join(folder, 'data'));
  await createTask(running, 'before');
  const { identity } = await running.join('agent');
  const to = path.join(folder, 'backup');
  const { status, lines } = await backup(running.dataFolder, to);
  t.is(status, 0);
  const printed = JSON.parse(lines[0]!) as { rows: number; bytes: number };
  t.like(printed, { backup: to });
  t.true(printed.rows >= 4 && printed.bytes > 100, lines[0]);
  await createTask(running, 'after');
  t.deepEqual(readdirSync(folder).toSorted(), ['backup', 'data']);
  t.is(statSync(to).mode & 0o777, 0o700);
  t.deepEqual(
    openToOthers(to).filter((name) => name !== 'store'),
    [],
  );

  const restored = path.join(folder, 'deep', 'restored');
  t.is((await restore(to, restored)).status, 0);
  t.is(statSync(restored).mode & 0o777, 0o700);
  t.deepEqual(openToOthers(restored), []);
  t.is((await check(restored)).status, 0);
  const again = await runCoordinator(t, restored);
  t.deepEqual(await taskIds(again), ['tasks/before']);
  t.is(again.authority, running.authority);
  t.is(again.adminToken, running.adminToken);
  const { certificateRequest } = await createRequest();
  const enrollment = again.client(EnrollmentService, { token: '', identity });
  t.truthy((await enrollment.renewCertificate({ certificateRequest })).certificate);
});

test('who does not know the token gets no backup, and one at a time is made', async (t) => {
  const folder = temporaryFolder(t);
  const running = await runCoordinator(t, path.join(folder, 'data'));
  t.is(statSync(doorOf(running.dataFolder)!).mode & 0o777, 0o600);
  const to = path.join(folder, 'backup');
  const both = await Promise.allSettled([askForBackup(running.dataFolder, to), askForBackup(running.dataFolder, `${to}2`)]); // oxfmt-ignore
  const refused = both.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  t.is((refused.reason as DroverError).reason, ErrorReason.WRONG_STATE);
  writeFileSync(path.join(running.dataFolder, 'admin-token'), 'x'.repeat(40));
  const wrong = await failureOf(askForBackup(running.dataFolder, `${to}3`));
  t.is(wrong.reason, ErrorReason.UNAUTHENTICATED);
  t.false(existsSync(`${to}3`));
  // What is committed now comes after what was tried.
  await createTask(running, 'one');
  const { entries } = await running.client(AuditService, { token: running.adminToken }).listAuditEntries({}); // oxfmt-ignore
  t.deepEqual(entries.map(({ caller, method, reason }) => [caller, method, reason]).slice(1), [
    ['', 'a backup was asked for', ErrorReason.UNAUTHENTICATED],
    ['admin-token', 'a backup was made', ErrorReason.UNSPECIFIED],
  ]);
});

test('a socket that a killed coordinator left is no coordinator', async (t) => {
  const { folder, data, to } = await madeBackup(t);
  t.is(await askForBackup(data, to), undefined);
  // What is left of a process that was killed: a socket that nobody listens on.
  const running = await runCoordinator(t, path.join(folder, 'other'));
  await running.coordinator.close();
  t.false(existsSync(doorOf(running.dataFolder)!));
  writeFileSync(doorOf(data)!, '');
  t.is((await backup(data, path.join(folder, 'second'))).status, 0);
  const started = await runCoordinator(t, data);
  t.is((await backup(started.dataFolder, path.join(folder, 'third'))).status, 0);
});

test('a coordinator in a folder with a path too long for a socket runs, and is to be stopped for a backup', async (t) => {
  const folder = temporaryFolder(t);
  const data = path.join(folder, 'x'.repeat(100));
  t.is(doorOf(data), undefined);
  const running = await runCoordinator(t, data);
  await createTask(running, 'one');
  const refusal = await failureOf(backup(data, path.join(folder, 'backup')));
  t.is(refusal.reason, ErrorReason.DATA_FOLDER_LOCKED);
  await running.coordinator.close();
  t.is((await backup(data, path.join(folder, 'backup'))).status, 0);
});

test('what is there already is left alone, by a backup and by a restoration', async (t) => {
  const { folder, data, to } = await madeBackup(t);
  const running = await runCoordinator(t, data);
  const before = readFileSync(path.join(to, 'backup.json'), 'utf8');
  for (const [place, words] of [
    [to, /exists already/],
    [path.join(folder, 'none', 'backup'), /is not there; make it first/],
    [path.join(data, 'backup'), /lies in the data folder/],
  ] as const) {
    const refusal = await failureOf(backup(data, place));
    t.is(refusal.reason, ErrorReason.INVALID_ARGUMENT);
    t.regex(refusal.message, words);
  }
  t.is(readFileSync(path.join(to, 'backup.json'), 'utf8'), before);
  t.regex((await failureOf(restore(to, data))).message, /is not empty/);
  t.deepEqual(await taskIds(running), ['tasks/one']);
  t.deepEqual(readdirSync(folder).toSorted(), ['backup', 'data']);
  const empty = path.join(folder, 'empty');
  mkdirSync(empty);
  t.is((await restore(to, empty)).status, 0);
});

const damages: [what: string, damage: (backup: string) => void, words: RegExp][] = [
  ['no backup', (to) => rmSync(path.join(to, 'backup.json')), /is no backup/],
  ['a manifest that is none', (to) => writeFileSync(path.join(to, 'backup.json'), '{"format":1}'), /is damaged/],
  ['a manifest that is cut off', (to) => writeFileSync(path.join(to, 'backup.json'), '{"for'), /is damaged/],
  ['a changed file', (to) => appendFileSync(path.join(to, 'store', 'CURRENT'), 'x'), /damaged: .*CURRENT: it has changed/],
  ['a missing file', (to) => rmSync(path.join(to, 'trust', 'authority.pem')), /damaged: .*authority.pem: it is missing/],
  ['a path that leads elsewhere', (to) => editManifest(to, ({ files }) => void (files[0]!.path = '../../x')), /is damaged/],
  ['a newer format', (to) => editManifest(to, (manifest) => void (manifest.format = 9)), /its format is 9/],
]; // oxfmt-ignore

function editManifest(
  to: string,
  edit: (manifest: { format: number; files: { path: string }[] }) => void,
): void {
  const file = path.join(to, 'backup.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Parameters<typeof edit>[0];
  edit(manifest);
  writeFileSync(file, JSON.stringify(manifest));
}

test('a backup that is damaged, newer or none is refused, and nothing is left', async (t) => {
  const { folder, data, to } = await madeBackup(t);
  for (const [number, [what, damage, words]] of damages.entries()) {
    const spoilt = path.join(folder, `spoilt${number}`);
    t.is((await backup(data, spoilt)).status, 0);
    damage(spoilt);
    const refusal = await failureOf(restore(spoilt, path.join(folder, 'restored')));
    t.is(refusal.reason, ErrorReason.INVALID_ARGUMENT, what);
    t.regex(refusal.message, words);
    rmSync(spoilt, { recursive: true });
    t.deepEqual(readdirSync(folder).toSorted(), ['backup', 'data'], what);
  }
  t.true(existsSync(to));
});

test('a disk that is too small for a backup is said, and nothing is left', async (t) => {
  const folder = temporaryFolder(t);
  const disk = path.join(folder, 'disk');
  if (mountSmallDisk(t, disk, '100k') === undefined) return;
  const running = await runCoordinator(t, path.join(folder, 'data'));
  const source = `/${'x'.repeat(1000)}`;
  for (let number = 0; number < 5; number++)
    await running.client(TaskService).createTask({ task: { source: `${source}${number}`, destination: 'file:///to' } }); // oxfmt-ignore
  mkdirSync(path.join(disk, 'full'));
  writeFileSync(path.join(disk, 'full', 'file'), Buffer.alloc(84 * 1024));
  const refusal = await failureOf(backup(running.dataFolder, path.join(disk, 'backup')));
  t.is(refusal.reason, ErrorReason.UNAVAILABLE);
  t.regex(refusal.message, /not enough room .*nothing was left/);
  t.deepEqual(readdirSync(disk), ['full']);
  t.is((await taskIds(running)).length, 5);
});

test('a backup ends with who asked for it, and with the coordinator, and leaves nothing', async (t) => {
  const folder = temporaryFolder(t);
  const data = path.join(folder, 'data');
  await using store = await openLevelStore(path.join(data, 'store'));
  const stop = new AbortController();
  const to = path.join(folder, 'backup');
  const copyTo = async (target: string, signal?: AbortSignal) => {
    const copied = await store.copyTo(target);
    stop.abort();
    await turn();
    signal?.throwIfAborted();
    return copied;
  };
  const parts = { store: { copyTo }, dataFolder: data, to, nowMs: 0, signal: stop.signal };
  const error = await t.throwsAsync(createBackup(parts));
  t.is(error!.name, 'AbortError');
  t.deepEqual(readdirSync(folder), ['data']);
  await store.close();
  t.is((await run({ kind: 'backup', dataFolder: data, to, json: false }, stop.signal)).status, 130);
  t.deepEqual(readdirSync(folder), ['data']);
});

test('a check says what it found, by its exit status too, and makes nothing', async (t) => {
  const { folder, data } = await madeBackup(t);
  const clean = await check(data);
  t.is(clean.status, 0);
  t.like(JSON.parse(clean.lines.at(-1)!), { problems: 0, rows: { task: 1 } });
  const words = await run({ kind: 'check', dataFolder: data, json: false });
  t.regex(words.lines.join('\n'), /task +1\n(.|\n)*No problems/);
  const store = await openLevelStore(path.join(data, 'store'));
  const row = create(LedgerRowSchema, { run: 1 });
  await store.commit((transaction) => transaction.putLedger('nobody', 'a/b', row));
  await store.close();
  const spoilt = await run({ kind: 'check', dataFolder: data, json: false });
  t.is(spoilt.status, 1);
  t.is(spoilt.lines[0], 'ledger!nobody!a/b: belongs to no task');
  t.regex(spoilt.lines.at(-1)!, /^1 problem in .*drover-coordinator restore/);
  t.regex((await failureOf(check(path.join(folder, 'none')))).message, /no store/);
  t.false(existsSync(path.join(folder, 'none')));
  const running = await runCoordinator(t, path.join(folder, 'other'));
  t.is((await failureOf(check(running.dataFolder))).reason, ErrorReason.DATA_FOLDER_LOCKED);
});

test('a coordinator whose store is lost does not begin a new one', async (t) => {
  const { data } = await madeBackup(t);
  rmSync(path.join(data, 'store'), { recursive: true });
  const refusal = await failureOf(runCoordinator(t, data));
  t.regex(refusal.message, /is damaged: it is missing, though .*drover-coordinator restore/);
});

test('while its disk is full a coordinator refuses changes and shows what it has, and then goes on', async (t) => {
  const disk = path.join(temporaryFolder(t), 'disk');
  const mounted = mountSmallDisk(t, disk, '1m');
  if (mounted === undefined) return;
  const running = await runCoordinator(t, path.join(disk, 'data'));
  await createTask(running, 'one');
  chmodSync(disk, 0o700);
  const filler = path.join(disk, 'filler');
  writeFileSync(filler, '');
  const fill = () => appendFileSync(filler, Buffer.alloc(4096));
  t.throws(() => {
    for (;;) fill();
  });
  const created: string[] = [];
  let refused: string[] | undefined;
  // The last block of the log may have room for some more.
  for (let number = 0; refused === undefined && number < 100; number++) {
    const call = createTask(running, `more${number}`);
    try {
      created.push((await call).task!.name);
    } catch {
      refused = (await refusalOf(call)).reasons;
    }
  }
  t.deepEqual(refused, ['UNAVAILABLE']);
  t.deepEqual((await taskIds(running)).toSorted(), ['tasks/one', ...created].toSorted());
  mounted.resize('64m');
  await createTask(running, 'later');
  await running.coordinator.close();
  const again = await runCoordinator(t, running.dataFolder);
  t.deepEqual(
    (await taskIds(again)).toSorted(),
    ['tasks/one', 'tasks/later', ...created].toSorted(),
  );
});
