import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { PlanCountsSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ApprovalDecision, GoneDecision, RunState } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy, TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { approvalQuestion, plannedRecycles } from './approval.ts';
import { leasablePhase, newRun, stepRun, type RunEvent } from './run-machine.ts';

const { UNSPECIFIED, PENDING, RECYCLE, KEEP } = GoneDecision;
const { RUNNING, PAUSED, AWAITING_APPROVAL, CANCELLING, CANCELLED, SUCCEEDED } = RunState;
const digest = 'ab'.repeat(32);
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const scanEnd: RunEvent = { kind: 'finish-scan', generation: 1, planDigest: digest };
const approval = { kind: 'approve', approver: 'bob', comment: 'fine', planDigest: '', gone: UNSPECIFIED } as const; // oxfmt-ignore
const rejection = { kind: 'reject', approver: 'bob', comment: 'too much' } as const;

interface Plan {
  batches?: number;
  gone?: number;
  moved?: number;
  counts?: MessageInitShape<typeof PlanCountsSchema>;
  ledger?: number;
  scanOnly?: boolean;
  requireApproval?: boolean;
}

/** A run that scans, with a plan of `batches` batches for agents, and some items that are gone. */
function scanning({
  batches = 1,
  gone = 0,
  moved = 0,
  counts: planned = { movedFiles: BigInt(moved) },
  ledger = 100,
  scanOnly = false,
  requireApproval = true,
}: Plan = {}): RunRow {
  const settings = create(TaskSettingsSchema, { requireApproval, gonePolicy: GonePolicy.RECYCLE });
  let row = newRun({ task: 'a', run: 2 }, settings, scanOnly, nowMs);
  row = step(row, { kind: 'begin' }, { kind: 'lease-scan', agent: 'x' });
  if (gone > 0)
    row = step(row, { kind: 'sweep', swept: { sweptPath: 'z', unlistedPath: '', ledgerItems: ledger, goneItems: gone, batches: 1, openGoneBatches: 1, waitingGoneBatches: 0, fillingGoneBatch: 1, fillingGoneFolderBatch: 0 } }); // oxfmt-ignore
  const counts = create(PlanCountsSchema, planned);
  const none = { scannedBytes: 0n, plannedBytes: 2048n, skippedItems: 0, failedItems: 0, openFolderBatches: 0, openLateBatches: 0 }; // oxfmt-ignore
  return step(row, { kind: 'plan-page', planned: { ...none, page: 1n, lastPath: 'z', lastDestinationPath: '', otherKindFolder: '', scannedItems: 4, plannedItems: 4, batches, openTransferBatches: scanOnly ? 0 : batches, counts } }); // oxfmt-ignore
}

function step(row: RunRow, ...events: RunEvent[]): RunRow {
  return events.reduce((one, event) => stepRun(one, event, nowMs), row);
}

const waiting = (plan?: Plan) => step(scanning(plan), scanEnd);

function refusal(row: RunRow, event: RunEvent): [reason: ErrorReason, message: string] {
  try {
    step(row, event);
  } catch (error) {
    if (error instanceof DroverError) return [error.reason, error.message];
    throw error;
  }
  return [ErrorReason.UNSPECIFIED, 'not refused'];
}

test('a plan waits when its scan is done, and no batch can be leased before it is approved', (t) => {
  const before = scanning();
  t.is(leasablePhase(before), undefined, 'while it is scanned');
  const row = step(before, scanEnd);
  t.is(row.run!.state, AWAITING_APPROVAL);
  t.is(row.run!.planDigest, digest);
  t.is(leasablePhase(row), undefined);
  t.is(approvalQuestion(row), 'approval of its plan: to write 4 items, 2.0 KiB');
  const approved = step(row, { ...approval, planDigest: digest.toUpperCase() });
  t.is(approved.run!.state, RUNNING);
  t.is(leasablePhase(approved), BatchPhase.TRANSFER);
  t.like(approved.run!.approval, { decision: ApprovalDecision.APPROVED, approver: 'bob', comment: 'fine', planDigest: digest }); // oxfmt-ignore
  t.is(approved.run!.approval!.decideTime!.seconds, BigInt(nowMs / 1000));
});

test('without the setting, without anything to do, and in a run that only scans nobody is asked', (t) => {
  t.is(step(scanning({ requireApproval: false }), scanEnd).run!.state, RUNNING);
  t.is(step(scanning({ batches: 0 }), scanEnd).run!.state, SUCCEEDED);
  t.is(step(scanning({ scanOnly: true }), scanEnd).run!.state, SUCCEEDED);
});

test('a plan of nothing but folders that stay as they are needs no approval, and says so; with anything else it waits', (t) => {
  const folders = { keptFolders: 94n, unchangedFolders: 94n };
  const row = waiting({ counts: folders });
  t.is(row.run!.state, RUNNING);
  t.is(leasablePhase(row), BatchPhase.TRANSFER);
  t.like(row.run!.approval, {
    decision: ApprovalDecision.NOT_NEEDED,
    approver: '',
    comment:
      'nothing to approve: nothing has changed; of 94 folders only the dates may be set again, where the destination has others',
    planDigest: digest,
  });
  t.is(refusal(row, approval)[1], 'tasks/a/runs/2 cannot be approved: there was nothing to approve'); // oxfmt-ignore
  const more = [{ emptyFiles: 1n }, { newFiles: 1n }, { replacedFiles: 1n }, { movedFiles: 1n }, { newFolders: 1n }, { keptFolders: 95n }]; // oxfmt-ignore
  for (const one of more)
    t.is(waiting({ counts: { ...folders, ...one } }).run!.state, AWAITING_APPROVAL, Object.keys(one)[0]); // oxfmt-ignore
  t.is(
    waiting({ counts: folders, gone: 1 }).run!.state,
    AWAITING_APPROVAL,
    'something is recycled',
  );
  t.is(waiting({ counts: {} }).run!.state, AWAITING_APPROVAL, 'a plan of an older version');
  const paused = step(scanning({ counts: folders }), { kind: 'pause' }, scanEnd);
  t.is(paused.run!.approval, undefined);
  const resumed = step(paused, { kind: 'resume' });
  t.is(resumed.run!.approval?.decision, ApprovalDecision.NOT_NEEDED);
  t.is(leasablePhase(resumed), BatchPhase.TRANSFER);
});

test('another plan is not approved, nor the same one twice', (t) => {
  const row = waiting();
  const [reason, words] = refusal(row, { ...approval, planDigest: 'cd'.repeat(32) });
  t.is(reason, ErrorReason.ETAG_MISMATCH);
  t.true(words.includes(digest));
  const [again, message] = refusal(step(row, approval), approval);
  t.is(again, ErrorReason.WRONG_STATE);
  t.is(message, 'tasks/a/runs/2 cannot be approved: bob approved it at 2026-01-02T03:04:05.000Z');
  t.is(refusal(scanning(), approval)[1], 'tasks/a/runs/2 cannot be approved: it does not wait for approval'); // oxfmt-ignore
});

test('a plan that is rejected ends the run for good, with the reason', (t) => {
  const row = step(waiting({ gone: 50 }), rejection);
  t.is(row.run!.state, CANCELLED);
  t.truthy(row.run!.endTime);
  t.like(row.run!.approval, { decision: ApprovalDecision.REJECTED, comment: 'too much' });
  t.is(refusal(row, approval)[1], 'tasks/a/runs/2 cannot be approved: bob rejected it at 2026-01-02T03:04:05.000Z'); // oxfmt-ignore
});

test('a run that waits can be cancelled; it has nothing to pause, and is resumed by nothing but an approval', (t) => {
  t.is(step(waiting(), { kind: 'cancel' }).run!.state, CANCELLING);
  t.is(refusal(waiting(), { kind: 'pause' })[1], 'tasks/a/runs/2 cannot be paused: it is awaiting approval'); // oxfmt-ignore
  t.is(refusal(waiting(), { kind: 'resume' })[1], 'tasks/a/runs/2 cannot be resumed: it is awaiting approval'); // oxfmt-ignore
});

test('a run that is paused while it scans waits for approval when it is resumed', (t) => {
  const row = step(scanning({ gone: 50 }), { kind: 'pause' }, scanEnd);
  t.is(row.run!.state, PAUSED);
  t.is(row.run!.goneDecision, UNSPECIFIED, 'one question after the other');
  t.is(refusal(row, approval)[0], ErrorReason.WRONG_STATE);
  const resumed = step(row, { kind: 'resume' });
  t.is(resumed.run!.state, AWAITING_APPROVAL);
  t.is(resumed.run!.goneDecision, PENDING);
});

test('what is gone is asked about with the plan, once', (t) => {
  const row = waiting({ gone: 50, batches: 1 });
  t.is(row.run!.goneDecision, PENDING);
  t.is(
    approvalQuestion(row),
    'approval of its plan: to write 4 items, 2.0 KiB, and to recycle 50 (50 % of what was migrated); ' +
      'that is more than a run may recycle without asking (1,000 items or 10 %): approve it with --gone recycle or --gone keep',
  );
  t.is(refusal(row, approval)[0], ErrorReason.WRONG_STATE);
  for (const gone of [RECYCLE, KEEP]) {
    const approved = step(row, { ...approval, gone });
    t.is(approved.run!.goneDecision, gone);
    const done = { phase: BatchPhase.TRANSFER, succeededItems: 4, succeededBytes: 2048n, skippedItems: 0, skippedBytes: 0n, failedItems: 0, failedBytes: 0n, movedItems: 0, recycledItems: 0, notGoneItems: 0 }; // oxfmt-ignore
    const after = step(approved, { kind: 'finish-batch', outcome: done });
    t.is(after.run!.state, RUNNING, 'it does not ask again');
    t.is(leasablePhase(after), BatchPhase.GONE);
  }
});

test('few that are gone are part of the plan and are not asked about, nor is what is moved', (t) => {
  const few = waiting({ gone: 5 });
  t.is(few.run!.goneDecision, UNSPECIFIED);
  t.is(plannedRecycles(few), 5n);
  t.is(refusal(few, { ...approval, gone: KEEP })[1], 'the plan of tasks/a/runs/2 does not ask what is to become of what is gone from the source; approve it without saying so'); // oxfmt-ignore
  const moved = waiting({ gone: 50, moved: 48 });
  t.is(moved.run!.goneDecision, UNSPECIFIED);
  t.is(plannedRecycles(moved), 2n);
});
