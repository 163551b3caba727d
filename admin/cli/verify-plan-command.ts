// drover runs verify-plan: no method of the API, because nobody has to trust the coordinator for it. It says what is planned, item by item, and
// the digest of that is made here.
import { create } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemService, ListItemsRequestSchema, type Item, type ListItemsResponse } from '../../gen/drover/v1/item_pb.ts'; // oxfmt-ignore
import { ApprovalDecision, GetRunRequestSchema, RunService, type GetRunResponse, type Run } from '../../gen/drover/v1/run_pb.ts'; // oxfmt-ignore
import { GetTaskRequestSchema, TaskService, type GetTaskResponse } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { escapeControl, formatCount } from '../../lib/format.ts';
import { makeDigest } from '../plan/make-digest.ts';
import type { Caller } from './caller.ts';
import { exitStatus } from './exit-status.ts';
import type { Output } from './output.ts';
import { completeName } from './positional.ts';

const pageSize = 1000;
const taskPattern = 'tasks/{task}';

/** What was given on the command line. */
export interface VerifyPlanOptions {
  /** Hexadecimal, as it was read earlier; that of the run when absent. */
  planDigest?: string;
}

export interface VerifyPlanParts {
  /** A run, or a task for its latest run. */
  name: string;
  options: VerifyPlanOptions;
  caller: Pick<Caller, 'unary'>;
  format: 'table' | 'json';
  stdout: Output;
}

/** The digest as it is compared; throws INVALID_ARGUMENT for what is none. */
export function readPlanDigest(text: string | undefined): string | undefined {
  const plain = text?.toLowerCase();
  if (plain === undefined || /^[0-9a-f]{64}$/.test(plain)) return plain;
  throw DroverError.invalid('--plan-digest', 'must be 64 hexadecimal digits, as drover runs get shows them'); // oxfmt-ignore
}

/**
 * Says whether the items that are listed are the plan of this digest. Throws WRONG_STATE for a run that has no digest, or whose items are no
 * longer listed as they were planned.
 */
export async function verifyPlanCommand(parts: VerifyPlanParts): Promise<number> {
  const { caller, format, stdout } = parts;
  const expected = readPlanDigest(parts.options.planDigest);
  const name = await runName(caller, completeName(parts.name, [`${taskPattern}/runs/{run}`, taskPattern])); // oxfmt-ignore
  const { planDigest } = await plannedRun(caller, name);
  const { digest, items } = await makeDigest(listedItems(caller, name));
  if ((await plannedRun(caller, name)).planDigest !== planDigest) throw wrongState(name, 'was planned anew while it was read; call again'); // oxfmt-ignore
  const wanted = expected ?? planDigest;
  const verified = digest === wanted;
  const facts = { verified, run: name, items, digest, planDigest, ...(expected !== undefined && { expected }) }; // oxfmt-ignore
  await stdout.write(format === 'json' ? `${JSON.stringify(facts)}\n` : wordsOf(facts));
  return verified ? exitStatus.ok : exitStatus.someFailed;
}

interface Facts {
  verified: boolean;
  run: string;
  items: number;
  /** Made anew. */
  digest: string;
  /** What the run says. */
  planDigest: string;
  /** What was given. */
  expected?: string;
}

function wordsOf({ verified, run, items, digest, planDigest, expected }: Facts): string {
  const count = formatCount(items);
  const name = escapeControl(run);
  const lines = verified
    ? [`The plan of ${name} has this digest, made anew of the ${count} items that are listed:`, `  ${digest}`] // oxfmt-ignore
    : [`NOT THIS PLAN: the ${count} items of ${name} that are listed make`, `  ${digest}`];
  if (!verified && expected !== undefined) lines.push('and the digest that was given is', `  ${expected}`); // oxfmt-ignore
  if (digest !== planDigest) lines.push('The run says that its plan has', `  ${escapeControl(planDigest)}`); // oxfmt-ignore
  return `${lines.join('\n')}\n`;
}

/** Of a task, its latest run. */
async function runName(caller: Pick<Caller, 'unary'>, name: string): Promise<string> {
  if (name.split('/').length !== 2) return name;
  const request = create(GetTaskRequestSchema, { name });
  const { task } = (await caller.unary(TaskService.method.getTask, request)) as GetTaskResponse;
  const latest = task?.latestRun ?? '';
  if (latest === '') throw wrongState(name, 'was never run; plan it with drover runs plan');
  return latest;
}

/** The run, whose items are listed as they are planned. */
async function plannedRun(caller: Pick<Caller, 'unary'>, name: string): Promise<Run> {
  const request = create(GetRunRequestSchema, { name });
  const { run } = (await caller.unary(RunService.method.getRun, request)) as GetRunResponse;
  const { APPROVED, NOT_NEEDED } = ApprovalDecision;
  const decision = run?.approval?.decision;
  if (decision === APPROVED || decision === NOT_NEEDED)
    throw wrongState(name, `${decision === APPROVED ? 'was approved' : 'needed no approval'}, so that its items are listed as they become, and not as they were planned; a plan is verified before that`); // oxfmt-ignore
  if (run !== undefined && run.planDigest !== '') return run;
  const hasDigest = run?.scanOnly === true || run?.settings?.requireApproval === true;
  throw wrongState(name, hasDigest && run.progress?.scanComplete !== true ? 'has no digest, because its scan is not complete' : 'has no digest; only a run that only plans, or whose plan has to be approved, has one'); // oxfmt-ignore
}

async function* listedItems(caller: Pick<Caller, 'unary'>, parent: string): AsyncGenerator<Item> {
  for (let pageToken = ''; ;) {
    const request = create(ListItemsRequestSchema, { parent, pageSize, pageToken });
    const page = (await caller.unary(ItemService.method.listItems, request)) as ListItemsResponse;
    yield* page.items;
    pageToken = page.nextPageToken;
    if (pageToken === '') return;
  }
}

function wrongState(name: string, why: string): DroverError {
  return new DroverError(ErrorReason.WRONG_STATE, `${name} ${why}`, { metadata: { name } });
}
