// Plans that are approved and rejected, over the API, with an agent that scans and does what it is given.
import { toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { createHash } from 'node:crypto';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { BatchResultsSchema, type BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DeviationKind, ItemKind, ItemService, ItemState, type Item } from '../../gen/drover/v1/item_pb.ts'; // oxfmt-ignore
import {
  ApprovalDecision,
  RunService,
  type GoneDecision,
  RunState,
} from '../../gen/drover/v1/run_pb.ts';
import { AgentSessionService, type AttachRequestSchema } from '../../gen/drover/v1/session_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import { TaskService, TaskState } from '../../gen/drover/v1/task_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { encodePage, goodResults, type Entry } from '../dispatch/testing/scripted-agent.ts';
import { comparePaths } from '../plan/path-order.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, temporaryFolder, type RunningCoordinator } from './testing/running-coordinator.ts'; // oxfmt-ignore

const name = 'tasks/a';
const run = 'tasks/a/runs/1';
const source: readonly Entry[] = [
  { path: 'docs', kind: ItemKind.FOLDER, modifiedNs: 7n },
  { path: 'docs/a.txt', size: 5n, modifiedNs: 1_500_000_001n },
  { path: 'docs/b.txt', size: 6n, modifiedNs: -1n },
  { path: 'link', kind: ItemKind.SYMBOLIC_LINK, remark: { reason: ErrorReason.SYMBOLIC_LINK, message: 'a link' } }, // oxfmt-ignore
  { path: 'z"ü.txt', size: 7n, modifiedNs: 3n },
];

/** An agent that scans what it is given and does every batch; `change` makes other results of good ones. */
async function playAgent(
  t: ExecutionContext,
  { client, join }: RunningCoordinator,
  change: (results: BatchResults) => void = () => {},
) {
  const { identity } = await join('player');
  const frames = new AsyncQueue<MessageInitShape<typeof AttachRequestSchema>>(100);
  const hello = { slots: 2, locationKinds: ['file'], version: '1', platform: 'x/y' };
  frames.push({ frame: { case: 'hello', value: hello } });
  t.teardown(() => frames.end());
  let batches = 0;
  const work = async () => {
    const session = client(AgentSessionService, { token: '', identity });
    for await (const { frame } of session.attach(frames)) {
      if (frame.case === 'scanLease') {
        const key = frame.value.key!;
        const value = { key, page: 1n, items: encodePage(source) };
        frames.push({ frame: { case: 'scanPage', value } });
        frames.push({ frame: { case: 'scanDone', value: { key, pages: 1n } } });
      }
      if (frame.case !== 'batchLease') continue;
      batches += 1;
      const results = goodResults(frame.value.items);
      change(results);
      const value = { key: frame.value.key!, results: toBinary(BatchResultsSchema, results) };
      frames.push({ frame: { case: 'batchDone', value } });
    }
  };
  work().catch(() => undefined);
  return { batches: () => batches };
}

/** The state of the task, once it is one of these. */
async function until({ client }: RunningCoordinator, ...states: TaskState[]): Promise<void> {
  const request = { name, minInterval: { seconds: 0n, nanos: 0 } };
  for await (const { task } of client(TaskService).watchTask(request))
    if (states.includes(task!.state)) return;
}

async function planned(t: ExecutionContext, change?: (results: BatchResults) => void) {
  const running = await runCoordinator(t);
  const agent = await playAgent(t, running, change);
  const tokens = running.client(AccessTokenService);
  const operator = async () => {
    const { token } = await tokens.createAccessToken({ displayName: 'x', role: Role.OPERATOR });
    return running.client(RunService, { token });
  };
  const { token } = await tokens.createAccessToken({ displayName: 'x', role: Role.OPERATOR });
  const tasks = running.client(TaskService, { token });
  await tasks.createTask({ task: { source: '/srv/a', destination: 'file:///srv/b' }, taskId: 'a' });
  await tasks.runTask({ name, requireApproval: true });
  await until(running, TaskState.AWAITING_APPROVAL);
  const starter = running.client(RunService, { token });
  return { running, agent, tasks, starter, other: await operator(), admin: running.client(RunService) }; // oxfmt-ignore
}

/** What ARCHITECTURE.md says of the digest, in other words than the code's. */
function digestOf(items: readonly Item[]): string {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const sorted = items.toSorted((one, other) => comparePaths(one.path, other.path));
  const records = sorted.map(
    ({ path, kind, action, size, modifiedTime, destinationPath, movedFrom, reason }) => {
      // oxfmt-ignore
      const modified = modifiedTime!.seconds * 1_000_000_000n + BigInt(modifiedTime!.nanos);
      return JSON.stringify([path, kind, action, String(size), String(modified), destinationPath || path, movedFrom, reason]); // oxfmt-ignore
    },
  );
  let chain = '';
  for (let start = 0; start < records.length; start += 64)
    chain = digest(`${chain}\n${records.slice(start, start + 64).join('\n')}`);
  return digest(`${chain}\n`);
}

test('a plan waits, is read and approved by somebody else, and is then done', async (t) => {
  const { running, agent, tasks, starter, other } = await planned(t);
  const waiting = (await starter.getRun({ name: run })).run!;
  t.is(waiting.state, RunState.AWAITING_APPROVAL);
  t.is(waiting.waitingFor, 'approval of its plan: to write 4 items, 18 B');
  t.regex(waiting.creator, /^accessTokens\//v);
  t.like(waiting.estimate, { uploadedFiles: 3n, uploadedBytes: 18n, folders: 1n, requestsMax: 0n, timeMax: undefined }); // oxfmt-ignore
  t.regex(waiting.estimate!.basis, /the 1 thread that can serve the task did nothing yet/v);
  t.is(agent.batches(), 0);
  const { items } = await running.client(ItemService).listItems({ parent: run });
  t.deepEqual(items.map(({ state }) => state).filter((state) => state === ItemState.PENDING).length, 4); // oxfmt-ignore
  t.is(waiting.planDigest, digestOf(items), 'everybody can make the digest anew of what is listed');
  t.deepEqual((await refusalOf(tasks.runTask({ name }))).reasons, ['WRONG_STATE'], 'it is going');
  const own = await refusalOf(starter.approveRun({ name }));
  t.deepEqual(own.reasons, ['PERMISSION_DENIED']);
  t.regex(own.message, /started tasks\/a\/runs\/1; another operator, or an administrator, has to approve it$/v); // oxfmt-ignore
  const { planDigest } = waiting;
  const approved = (await other.approveRun({ name, planDigest, comment: ' fine ' })).run!;
  t.like(approved.approval, { decision: ApprovalDecision.APPROVED, comment: 'fine', planDigest });
  t.not(approved.approval!.approver, waiting.creator);
  await until(running, TaskState.SUCCEEDED);
  const done = (await starter.getRun({ name: run })).run!;
  t.is(done.progress!.succeededItems, 4n);
  t.is(done.progress!.deviatingItems, 0n);
  t.is(done.estimate!.basis, 'no time is told: the run has ended');
  const { entries } = await running.client(AuditService).listAuditEntries({});
  t.true(entries.some(({ method, reason }) => method.endsWith('/ApproveRun') && reason === ErrorReason.PERMISSION_DENIED)); // oxfmt-ignore
  t.true(entries.some(({ changes }) => changes.some(({ after }) => after.includes(`"planDigest":"${planDigest}"`) && after.includes('APPROVED')))); // oxfmt-ignore
});

test('an administrator may approve what he started; nobody approves twice, nor another plan, nor nonsense', async (t) => {
  const { running, admin, other } = await planned(t);
  const wrong = await refusalOf(other.approveRun({ name: run, planDigest: 'ab'.repeat(32) }));
  t.deepEqual(wrong.reasons, ['ETAG_MISMATCH']);
  t.deepEqual((await refusalOf(other.approveRun({ name: run, planDigest: 'xy' }))).fields, ['plan_digest']); // oxfmt-ignore
  t.deepEqual((await refusalOf(other.approveRun({ name: run, comment: 'x'.repeat(1001) }))).fields, ['comment']); // oxfmt-ignore
  t.deepEqual((await refusalOf(other.approveRun({ name: run, gone: 9 as GoneDecision }))).fields, [
    'gone',
  ]);
  t.deepEqual((await refusalOf(other.rejectRun({ name: run, comment: ' ' }))).fields, ['comment']);
  t.deepEqual((await refusalOf(other.approveRun({ name: 'tasks/a/runs/2' }))).reasons, ['NOT_FOUND']); // oxfmt-ignore
  await admin.approveRun({ name });
  const again = await refusalOf(other.approveRun({ name }));
  t.deepEqual(again.reasons, ['WRONG_STATE']);
  t.regex(again.message, /admin-token approved it at /v);
  await until(running, TaskState.SUCCEEDED);
});

test('a plan that is rejected is cancelled, and nothing of it was given out', async (t) => {
  const { running, agent, other } = await planned(t);
  const rejected = (await other.rejectRun({ name, comment: 'not on a Friday' })).run!;
  t.is(rejected.state, RunState.CANCELLED);
  t.like(rejected.approval, { decision: ApprovalDecision.REJECTED, comment: 'not on a Friday' });
  t.is(agent.batches(), 0);
  await running.client(TaskService).runTask({ name });
  await until(running, TaskState.SUCCEEDED);
});

test('a plan waits through a restart of the coordinator, and can be cancelled and not paused', async (t) => {
  const folder = temporaryFolder(t);
  const first = await runCoordinator(t, folder);
  await playAgent(t, first);
  const task = { source: '/srv/a', destination: 'file:///srv/b' };
  await first.client(TaskService).createTask({ task, taskId: 'a' });
  await first.client(TaskService).runTask({ name, requireApproval: true });
  await until(first, TaskState.AWAITING_APPROVAL);
  await first.coordinator.close();
  const second = await runCoordinator(t, folder);
  const agent = await playAgent(t, second);
  const tasks = second.client(TaskService);
  t.is((await tasks.getTask({ name })).task!.state, TaskState.AWAITING_APPROVAL);
  t.deepEqual((await refusalOf(tasks.pauseTask({ name }))).reasons, ['WRONG_STATE']);
  t.deepEqual((await refusalOf(tasks.resumeTask({ name }))).reasons, ['WRONG_STATE']);
  t.deepEqual((await refusalOf(tasks.deleteTask({ name }))).reasons, ['WRONG_STATE']);
  t.is(agent.batches(), 0);
  await tasks.cancelTask({ name });
  await until(second, TaskState.CANCELLED);
});

test('a run that only plans ends with its digest and its estimate, and asks nobody', async (t) => {
  const running = await runCoordinator(t);
  const agent = await playAgent(t, running);
  const [tasks, runs] = [running.client(TaskService), running.client(RunService)];
  const settings = { requireApproval: true };
  await running.client(SettingsService).updateSettings({ settings: { defaults: settings, tenantLicenses: 300 } }); // oxfmt-ignore
  await tasks.createTask({ task: { source: '/srv/a', destination: 'file:///srv/b', settings: { requireApproval: false } }, taskId: 'a' }); // oxfmt-ignore
  const request = { name, requestId: 'f7f2a9d2-7e3c-4b4e-9d2c-0c1f5b1c9a01' };
  const started = (await runs.planRun(request)).run!;
  t.is((await runs.planRun(request)).run!.name, started.name, 'the same request is one run');
  t.true(started.scanOnly);
  await until(running, TaskState.SUCCEEDED);
  const done = (await runs.getRun({ name: run })).run!;
  t.is(done.planDigest, digestOf((await running.client(ItemService).listItems({ parent: run })).items)); // oxfmt-ignore
  t.is(done.estimate!.uploadedFiles, 3n);
  t.is(agent.batches(), 0);
  t.deepEqual((await refusalOf(runs.approveRun({ name }))).reasons, ['WRONG_STATE']);
  const both = await refusalOf(tasks.runTask({ name, scanOnly: true, requireApproval: true }));
  t.deepEqual(both.fields, ['require_approval']);
  await tasks.runTask({ name });
  await until(running, TaskState.AWAITING_APPROVAL);
  const second = (await runs.getRun({ name: 'tasks/a/runs/2' })).run!;
  t.is(second.planDigest, done.planDigest, 'the same plan has the same digest');
  await tasks.cancelTask({ name });
});

test('what became otherwise than planned is counted, and listed by pages with both', async (t) => {
  const { running, admin } = await planned(t, (results) => {
    if (results.state.length === 1) return;
    // The folder is the first of the batch; then docs/a.txt, docs/b.txt and the last one.
    Object.assign(results.size, { 1: 9n });
    Object.assign(results.state, { 2: ItemState.FAILED });
    results.remark = [{ $typeName: 'drover.v1.ItemRemark', index: 2, reason: ErrorReason.SOURCE_VANISHED, message: 'it is gone', rule: '', requestId: '' }]; // oxfmt-ignore
  });
  await admin.approveRun({ name });
  await until(running, TaskState.SUCCEEDED_WITH_FAILURES);
  const done = (await admin.getRun({ name: run })).run!;
  t.is(done.progress!.deviatingItems, 2n);
  const items = running.client(ItemService);
  const first = await items.listDeviations({ parent: run, pageSize: 1 });
  const rest = await items.listDeviations({ parent: run, pageToken: first.nextPageToken });
  t.is(rest.nextPageToken, '');
  const [changed, vanished] = [...first.deviations, ...rest.deviations];
  t.like(changed, {
    kind: DeviationKind.SOURCE_CHANGED,
    planned: 'write it as "docs/a.txt", 5 bytes, modified 1970-01-01T00:00:01.500Z',
    happened: 'written as it is now, 9 bytes, modified 1970-01-01T00:00:01.500Z',
  });
  t.is(changed!.item!.path, 'docs/a.txt');
  t.like(vanished, { kind: DeviationKind.SOURCE_VANISHED, happened: 'it is gone' });
  t.deepEqual((await refusalOf(items.listDeviations({ parent: 'tasks/a/runs/9' }))).reasons, ['NOT_FOUND']); // oxfmt-ignore
});
