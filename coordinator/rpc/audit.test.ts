// The audit log through a real coordinator: what is entered of whom, how it is listed, exported and verified.
import { Code } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { AuditService, type AuditEntry } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { reasonName } from '../../lib/error.ts';
import { FuzzClient, framed } from '../../scripts/fuzz-client.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { refusalOf } from './testing/refusal.ts';
import { createRequest, runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts'; // oxfmt-ignore

const task = { source: '/srv/a', destination: '/b' };

async function exported({ client }: RunningCoordinator): Promise<AuditEntry[]> {
  const answers = await Array.fromAsync(client(AuditService).exportAudit({}));
  return answers.map(({ entry }) => entry!);
}

/** An entry as one line: who, what, about what, and why it was refused. */
function lineOf({ caller, method, resource, reason }: AuditEntry): string {
  const short = method.replace('drover.v1.', '');
  const outcome = reason === ErrorReason.UNSPECIFIED ? '' : ` ${reasonName(reason)}`;
  return `${caller}: ${short} ${resource}${outcome}`;
}

async function linesOf(running: RunningCoordinator): Promise<string[]> {
  return (await exported(running)).map(lineOf);
}

async function assertWhole(t: ExecutionContext, { client }: RunningCoordinator) {
  const verdict = await client(AuditService).verifyAudit({});
  t.like(verdict, { brokenNumber: 0n, brokenMessage: '' });
  return verdict;
}

test('every change is entered with who, what, from where, before and after', async (t) => {
  const running = await runCoordinator(t);
  const tasks = running.client(TaskService);
  await tasks.createTask({ task, taskId: 'a' });
  await tasks.createTask({ task, taskId: 'b', validateOnly: true });
  await tasks.updateTask({ task: { name: 'tasks/a', displayName: 'New' } });
  await tasks.updateTask({ task: { name: 'tasks/a', displayName: 'New' }, updateMask: { paths: ['display_name'] } }); // oxfmt-ignore
  await tasks.runTask({ name: 'tasks/a' });
  await tasks.pauseTask({ name: 'tasks/a' });
  await tasks.cancelTask({ name: 'tasks/a' });
  await running.client(SettingsService).updateSettings({ settings: { defaults: { maxAttempts: 5 } } }); // oxfmt-ignore
  const entries = await exported(running);
  const lines = entries.map(lineOf);
  t.deepEqual(lines, [
    'admin-token: TaskService/CreateTask tasks/a',
    'admin-token: TaskService/UpdateTask tasks/a',
    'admin-token: TaskService/UpdateTask tasks/a',
    'admin-token: TaskService/RunTask tasks/a',
    'admin-token: TaskService/PauseTask tasks/a',
    'admin-token: TaskService/CancelTask tasks/a',
    'admin-token: SettingsService/UpdateSettings settings',
  ]);
  for (const { role, address, requestId, time } of entries) {
    t.is(role, Role.ADMIN);
    t.is(address, '127.0.0.1');
    t.regex(requestId, /^[0-9a-f]{16}$/);
    t.true(Math.abs(Number(time!.seconds) - Date.now() / 1000) < 60);
  }
  const [made, changed] = entries.map(({ changes }) => changes[0]!);
  t.is(made!.before, '');
  t.like(JSON.parse(made!.after), { name: 'tasks/a', ...task });
  t.is(changed!.before, made!.after);
  t.like(JSON.parse(changed!.after), { displayName: 'New' });
  const paused = entries[4]!.changes[0]!;
  t.is(paused.resource, 'tasks/a/runs/1');
  t.is((JSON.parse(paused.after) as { state: string }).state, 'RUN_STATE_PAUSED');
  const { entries: count } = await assertWhole(t, running);
  t.is(count, BigInt(entries.length));
});

test('what is refused or fails is entered, what only reads is not', async (t) => {
  const running = await runCoordinator(t);
  const { client } = running;
  const tasks = client(TaskService);
  await refusalOf(tasks.getTask({ name: 'tasks/none' }));
  await refusalOf(tasks.createTask({ task: { source: '', destination: '/b' }, taskId: 'bad' }));
  await refusalOf(tasks.deleteTask({ name: 'tasks/none' }));
  await refusalOf(client(TaskService, { token: 'wrong' }).listTasks({}));
  await refusalOf(client(TaskService, { token: '' }).deleteTask({ name: 'tasks/a' }));
  const { name, identity } = await running.join('one');
  await refusalOf(client(TaskService, { token: '', identity }).listTasks({}));
  await refusalOf(client(EnrollmentService, { token: '' }).join({ token: 'x'.repeat(43), displayName: 'a' })); // oxfmt-ignore
  t.deepEqual(await linesOf(running), [
    'admin-token: TaskService/CreateTask tasks/bad INVALID_ARGUMENT',
    'admin-token: TaskService/DeleteTask tasks/none NOT_FOUND',
    ': TaskService/ListTasks  UNAUTHENTICATED',
    ': TaskService/DeleteTask  UNAUTHENTICATED',
    'admin-token: JoinTokenService/CreateJoinToken joinTokens',
    `${name}: EnrollmentService/Join ${name}`,
    `${name}: TaskService/ListTasks  PERMISSION_DENIED`,
    ': EnrollmentService/Join  JOIN_TOKEN_INVALID',
  ]);
  await assertWhole(t, running);
});

test('messages that cannot be decoded, or are too large, are entered as attempts', async (t) => {
  const startMs = Date.now();
  const running = await runCoordinator(t);
  const { address, authority: ca, adminToken: token } = running;
  using client = new FuzzClient(address, { ca, token });
  const create = '/drover.v1.TaskService/CreateTask';
  const nonsense = Buffer.from('\xff\xff\xff\xff');
  t.is((await client.call(create, framed(nonsense))).grpc, Code.Internal);
  t.is((await client.call(create, framed(Buffer.alloc(5 * 1024 * 1024)))).grpc, Code.ResourceExhausted); // oxfmt-ignore
  t.is((await client.call(create, nonsense, { 'content-type': 'application/proto' })).http, 500);
  t.is((await client.call(create, Buffer.from('{"task'), { 'content-type': 'application/json' })).http, 400); // oxfmt-ignore
  await client.call('/drover.v1.TaskService/ListTasks', framed(nonsense));
  await running.client(TaskService).createTask({ task, taskId: 'a' });
  const lines = await linesOf(running);
  t.deepEqual(lines.toSorted(), [
    'admin-token: TaskService/CreateTask  INVALID_ARGUMENT',
    'admin-token: TaskService/CreateTask  INVALID_ARGUMENT',
    'admin-token: TaskService/CreateTask  INVALID_ARGUMENT',
    'admin-token: TaskService/CreateTask  LIMIT_EXCEEDED',
    'admin-token: TaskService/CreateTask tasks/a',
  ]);
  for (let count = 0; count < 40; count++) await client.call(create, framed(nonsense));
  const entered = (await linesOf(running)).length;
  // It is told of once a minute, and where the machine is busy this test may last that long.
  const most = 21 + Math.ceil((Date.now() - startMs) / 1000);
  t.true(entered >= 21 && entered <= Math.min(most, 40), `${entered}: a flood of them is counted, after the first 20`); // oxfmt-ignore
  await assertWhole(t, running);
});

test('agents that join, renew, are disabled and refused are entered, and no secret is', async (t) => {
  const running = await runCoordinator(t);
  const { client } = running;
  const agents = client(AgentService);
  const { token } = await client(JoinTokenService).createJoinToken({});
  const { name, identity } = await running.join('one');
  const enrollment = client(EnrollmentService, { token: '', identity });
  const { certificateRequest } = await createRequest();
  await enrollment.renewCertificate({ certificateRequest });
  await refusalOf(enrollment.renewCertificate({ certificateRequest: new Uint8Array(3) }));
  await agents.disableAgent({ name });
  await agents.disableAgent({ name });
  t.deepEqual((await refusalOf(enrollment.renewCertificate({ certificateRequest }))).reasons, ['AGENT_DISABLED']); // oxfmt-ignore
  await agents.enableAgent({ name });
  await enrollment.renewCertificate({ certificateRequest });
  await agents.deleteAgent({ name });
  t.deepEqual((await refusalOf(enrollment.renewCertificate({ certificateRequest }))).reasons, ['UNAUTHENTICATED']); // oxfmt-ignore
  const entries = await exported(running);
  t.deepEqual(entries.map(lineOf).slice(3), [
    `${name}: EnrollmentService/RenewCertificate ${name}`,
    `${name}: EnrollmentService/RenewCertificate  INVALID_ARGUMENT`,
    `admin-token: AgentService/DisableAgent ${name}`,
    `: EnrollmentService/RenewCertificate ${name} AGENT_DISABLED`,
    `admin-token: AgentService/EnableAgent ${name}`,
    `${name}: EnrollmentService/RenewCertificate ${name}`,
    `admin-token: AgentService/DeleteAgent ${name}`,
    `: EnrollmentService/RenewCertificate ${name} UNAUTHENTICATED`,
  ]);
  const [, , joined] = entries;
  t.deepEqual(joined!.changes.map(({ resource }) => resource), [name, 'joinTokens']); // oxfmt-ignore
  const all = JSON.stringify(entries, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)); // oxfmt-ignore
  t.false(all.includes(token.slice(-43)));
  t.false(all.includes(running.adminToken));
});

test('a run that its schedule starts is entered as what the coordinator does by itself', async (t) => {
  const clock = new ManualClock(Date.now() - 3_600_000);
  const running = await runCoordinator(t, undefined, clock);
  const tasks = running.client(TaskService);
  await tasks.createTask({ task: { ...task, schedule: { cron: '* * * * *', timeZone: 'UTC' } }, taskId: 'a' }); // oxfmt-ignore
  clock.advance(60_000);
  for (let runs = 0; runs === 0;)
    runs = (await running.client(RunService).listRuns({ parent: 'tasks/a' })).runs.length;
  const [, entry] = await exported(running);
  t.like(entry, { caller: 'coordinator', method: 'a run that was due was started', address: '' });
  t.is(entry!.changes[0]!.resource, 'tasks/a/runs/1');
});

test('entries are listed page by page, the newest first, and filtered', async (t) => {
  const running = await runCoordinator(t);
  const { client } = running;
  const audit = client(AuditService);
  t.deepEqual((await audit.listAuditEntries({})).entries, []);
  const tasks = client(TaskService);
  for (const taskId of ['a', 'b', 'c']) await tasks.createTask({ task, taskId });
  await tasks.runTask({ name: 'tasks/b' });
  await refusalOf(tasks.pauseTask({ name: 'tasks/c' }));
  const numbers = ({ entries }: { entries: AuditEntry[] }) => entries.map(({ number }) => Number(number)); // oxfmt-ignore
  const first = await audit.listAuditEntries({ pageSize: 2 });
  t.deepEqual(numbers(first), [5, 4]);
  const second = await audit.listAuditEntries({ pageSize: 2, pageToken: first.nextPageToken });
  t.deepEqual(numbers(second), [3, 2]);
  const third = await audit.listAuditEntries({ pageSize: 2, pageToken: second.nextPageToken });
  t.deepEqual([numbers(third), third.nextPageToken], [[1], '']);
  t.deepEqual(numbers(await audit.listAuditEntries({ refused: true })), [5]);
  t.deepEqual(numbers(await audit.listAuditEntries({ resource: 'tasks/b' })), [4, 2]);
  t.deepEqual(numbers(await audit.listAuditEntries({ resource: 'tasks/b/runs/1' })), [4]);
  t.deepEqual(numbers(await audit.listAuditEntries({ caller: 'nobody' })), []);
  const { time } = first.entries[0]!;
  const later = { seconds: time!.seconds + 3600n, nanos: 0 };
  t.deepEqual(numbers(await audit.listAuditEntries({ since: later })), []);
  t.deepEqual(numbers(await audit.listAuditEntries({ until: later })), [5, 4, 3, 2, 1]);
  t.is((await Array.fromAsync(audit.exportAudit({ since: later }))).length, 0);
  const other = { pageSize: 2, pageToken: first.nextPageToken, refused: true };
  t.deepEqual((await refusalOf(audit.listAuditEntries(other))).fields, ['page_token']);
});

test('an entry that was noted is found again, or not', async (t) => {
  const running = await runCoordinator(t);
  const audit = running.client(AuditService);
  await running.client(TaskService).createTask({ task, taskId: 'a' });
  const { entries: knownNumber, lastHash: knownHash } = await assertWhole(t, running);
  await running.client(TaskService).createTask({ task, taskId: 'b' });
  t.is((await audit.verifyAudit({ knownNumber, knownHash })).brokenNumber, 0n);
  const wrong = await audit.verifyAudit({ knownNumber, knownHash: new Uint8Array(32) });
  t.is(wrong.brokenNumber, 1n);
  t.regex(wrong.brokenMessage, /written anew/);
  t.deepEqual((await refusalOf(audit.verifyAudit({ knownHash }))).fields, ['known_number']);
  t.deepEqual((await refusalOf(audit.verifyAudit({ knownNumber }))).fields, ['known_hash']);
});
