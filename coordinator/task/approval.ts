// Whose plan somebody has to approve: a run that requires it scans and plans, and nothing is leased that writes before somebody has
// said yes. What a run recycles is part of its plan, so the question of the gone guard is put with it, and answered with it. Where nothing is planned
// but to set the dates of folders as they were set before, nobody is asked. PURE.
import { create } from '@bufbuild/protobuf';
import { timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction } from '../../gen/drover/v1/item_pb.ts';
import {
  ApprovalDecision,
  GoneDecision,
  RunApprovalSchema,
  RunState,
} from '../../gen/drover/v1/run_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatBytes, formatCount } from '../../lib/format.ts';
import {
  answerAboutGone,
  goneAction,
  goneLimitWords,
  isTooMuchGone,
  percentOf,
} from './gone-guard.ts';

/** Somebody's decision about a plan. */
export interface Judgement {
  /** The caller's name. */
  approver: string;
  comment: string;
}

const mayGoOn: readonly (ApprovalDecision | undefined)[] = [ApprovalDecision.APPROVED, ApprovalDecision.NOT_NEEDED]; // oxfmt-ignore

/** Whether the run may write nothing yet, because its plan is to be approved and was not. */
export function isApprovalOpen({ run }: RunRow): boolean {
  const isDecided = mayGoOn.includes(run!.approval?.decision);
  return run!.settings?.requireApproval === true && !run!.scanOnly && !isDecided;
}

/** Whether the digest of the run's plan is made: somebody looks at the plan before anything is done. */
export function hasPlanDigest({ run }: RunRow): boolean {
  return run!.settings?.requireApproval === true || run!.scanOnly;
}

/** Whether the run keeps what its scan says about readiness: all that write nothing before somebody has looked at the plan. */
export function hasReadiness(row: RunRow): boolean {
  return hasPlanDigest(row);
}

/** How many items the plan recycles. What was found at another path is moved instead. */
export function plannedRecycles(row: RunRow): bigint {
  if (goneAction(row) !== ItemAction.RECYCLE) return 0n;
  const rest = row.run!.progress!.goneItems - (row.planCounts?.movedFiles ?? 0n);
  return rest > 0n ? rest : 0n;
}

/**
 * Lets the run wait, in place, and puts the question of what is gone when there is one; or notes that there is nothing to approve. The scan is
 * complete.
 */
export function awaitApproval(row: RunRow, nowMs: number): void {
  const run = row.run!;
  if (isNothingToApprove(row)) {
    const { keptFolders } = row.planCounts!;
    const folders = keptFolders === 1n ? '1 folder' : `${formatCount(keptFolders)} folders`;
    const comment = `nothing to approve: nothing has changed; of ${folders} only the dates may be set again, where the destination has others`;
    decide(row, ApprovalDecision.NOT_NEEDED, { approver: '', comment }, nowMs);
    return;
  }
  run.state = RunState.AWAITING_APPROVAL;
  const isAsked = run.goneDecision === GoneDecision.UNSPECIFIED;
  if (isAsked && isTooMuchGone(row, plannedRecycles(row))) run.goneDecision = GoneDecision.PENDING;
}

/**
 * Whether the plan holds nothing but folders that are there and stay as they are. They are planned because what is written into a folder
 * changes its date, so that a run sees at its end to those that it has written into. In a run that tries again what failed, they are what failed.
 */
function isNothingToApprove(row: RunRow): boolean {
  const isRetry = row.scan!.retry !== undefined;
  if (isRetry || row.planCounts === undefined || plannedRecycles(row) > 0n) return false;
  const { emptyFiles, newFiles, replacedFiles, movedFiles, newFolders, keptFolders, unchangedFolders } = row.planCounts; // oxfmt-ignore
  const isFileWritten = emptyFiles + newFiles + replacedFiles + movedFiles > 0n;
  return (
    !isFileWritten && newFolders === 0n && keptFolders > 0n && unchangedFolders === keptFolders
  );
}

/**
 * Takes an approval, in place. `planDigest` is the plan that is meant; empty: whichever it is. Throws ETAG_MISMATCH for another plan,
 * WRONG_STATE when the run does not wait for approval, or asks what is to become of what is gone and `gone` does not say so, or the reverse.
 */
export function approve(
  row: RunRow,
  { approver, comment, planDigest, gone }: Judgement & { planDigest: string; gone: GoneDecision },
  nowMs: number,
): void {
  const run = row.run!;
  checkAwaiting(row, 'approved');
  if (planDigest !== '' && planDigest.toLowerCase() !== run.planDigest)
    throw new DroverError(
      ErrorReason.ETAG_MISMATCH,
      `the plan of ${run.name} has the digest ${run.planDigest}, not ${planDigest}; look at the plan and approve that one`,
      { metadata: { name: run.name } },
    );
  answerAboutGone(row, gone, {
    question: approvalQuestion(row),
    needless: `the plan of ${run.name} does not ask what is to become of what is gone from the source; approve it without saying so`,
  });
  decide(row, ApprovalDecision.APPROVED, { approver, comment }, nowMs);
  run.state = RunState.RUNNING;
}

/** Notes, in place, that the plan was rejected; whoever calls ends the run. Throws WRONG_STATE when the run does not wait for approval. */
export function reject(row: RunRow, judgement: Judgement, nowMs: number): void {
  checkAwaiting(row, 'rejected');
  decide(row, ApprovalDecision.REJECTED, judgement, nowMs);
}

/** What a run that waits for approval waits for, in words. */
export function approvalQuestion(row: RunRow): string {
  const { progress, goneDecision } = row.run!;
  const recycled = plannedRecycles(row);
  const recycles = recycled > 0n ? `, and to recycle ${formatCount(recycled)} (${percentOf(row, recycled)} % of what was migrated)` : ''; // oxfmt-ignore
  const plan = `approval of its plan: to write ${formatCount(progress!.plannedItems)} items, ${formatBytes(progress!.plannedBytes)}${recycles}`;
  if (goneDecision !== GoneDecision.PENDING) return plan;
  return `${plan}; that is ${goneLimitWords(row)}: approve it with --gone recycle or --gone keep`;
}

function decide(
  { run }: RunRow,
  decision: ApprovalDecision,
  judgement: Judgement,
  nowMs: number,
): void {
  const { planDigest } = run!;
  const decideTime = timestampFromMs(nowMs);
  run!.approval = create(RunApprovalSchema, { decision, ...judgement, decideTime, planDigest });
}

/** Says who was faster, where somebody was. */
function checkAwaiting({ run }: RunRow, done: string): void {
  const { name, state, approval } = run!;
  if (state === RunState.AWAITING_APPROVAL) return;
  throw new DroverError(ErrorReason.WRONG_STATE, `${name} cannot be ${done}: ${why()}`, {
    metadata: { name },
  });
  function why(): string {
    if (approval === undefined) return 'it does not wait for approval';
    if (approval.decision === ApprovalDecision.NOT_NEEDED) return 'there was nothing to approve';
    const decided = approval.decision === ApprovalDecision.APPROVED ? 'approved' : 'rejected';
    const when = timestampDate(approval.decideTime!).toISOString();
    return `${approval.approver} ${decided} it at ${when}`;
  }
}
