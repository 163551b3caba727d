// Approving and rejecting plans.
import {
  GoneDecisionSchema,
  type ApproveRunRequest,
  type RejectRunRequest,
  type Run,
} from '../../gen/drover/v1/run_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseRunOrTaskName } from '../task/names.ts';
import { stepRun, type RunEvent } from '../task/run-machine.ts';
import type { Caller } from '../trust/caller.ts';
import { requireRun, requireTask } from './lookup.ts';
import { neverRun } from './run-control.ts';
import type { ServiceParts } from './service-parts.ts';
import { runsOf } from './show-run.ts';

const commentLengthMax = 1000;

/** Who decides. */
export type Approver = Pick<Caller, 'name' | 'role'>;

/**
 * Lets the run do what is planned. Throws NOT_FOUND, PERMISSION_DENIED when an operator started the run himself, and what the step
 * `approve` throws.
 */
export async function approveRun(
  parts: ServiceParts,
  request: ApproveRunRequest,
  caller: Approver,
): Promise<Run> {
  const { name, planDigest, gone } = request;
  const comment = readComment(request);
  if (GoneDecisionSchema.value[gone] === undefined)
    throw DroverError.invalid('gone', `${gone} is not a decision that is known`);
  if (planDigest !== '' && !/^[0-9a-f]{64}$/i.test(planDigest))
    throw DroverError.invalid('plan_digest', 'must be 64 hexadecimal digits, as GetRun shows them');
  return await decide(parts, name, caller, {
    event: { kind: 'approve', approver: caller.name, comment, planDigest, gone },
    isForOthers: caller.role < Role.ADMIN,
  });
}

/** Ends the run. Throws NOT_FOUND, and WRONG_STATE when it does not wait for approval. */
export async function rejectRun(
  parts: ServiceParts,
  request: RejectRunRequest,
  caller: Approver,
): Promise<Run> {
  const comment = readComment(request);
  if (comment === '') throw DroverError.invalid('comment', 'must say why the plan is rejected');
  const event: RunEvent = { kind: 'reject', approver: caller.name, comment };
  return await decide(parts, request.name, caller, { event, isForOthers: false });
}

async function decide(
  parts: ServiceParts,
  name: string,
  caller: Approver,
  { event, isForOthers }: { event: RunEvent; isForOthers: boolean },
): Promise<Run> {
  const { task, run } = parseRunOrTaskName(name, 'name');
  const { key, taskRow, row } = await parts.store.commit(async (transaction) => {
    const taskRow = await requireTask(transaction, task);
    const key = { task, run: run ?? taskRow.latestRun };
    if (key.run === 0) throw neverRun(task);
    const before = await requireRun(transaction, key);
    const row = stepRun(before, event, parts.clock.now());
    if (isForOthers && before.run!.creator === caller.name)
      throw new DroverError(
        ErrorReason.PERMISSION_DENIED,
        `${caller.name} started ${before.run!.name}; another operator, or an administrator, has to approve it`,
        { metadata: { name: before.run!.name } },
      );
    transaction.putRun(key, row);
    return { key, taskRow, row };
  });
  parts.dispatcher.runChanged(key);
  parts.changes.emit({ kind: 'task', task });
  return (await runsOf(parts, taskRow))(key, row);
}

function readComment({ comment }: { comment: string }): string {
  const text = comment.trim();
  if (text.length > commentLengthMax)
    throw DroverError.invalid('comment', `has more than ${commentLengthMax} characters`);
  return text;
}
