// Runs whose plan has to be approved, for a source that is changed by chance: what must hold while one waits, and when it has ended.
import type { ExecutionContext } from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DeviationKind, ItemAction, ItemKind, ItemState, type Item } from '../../../gen/drover/v1/item_pb.ts'; // oxfmt-ignore
import { ApprovalDecision, GoneDecision, RunState } from '../../../gen/drover/v1/run_pb.ts';
import { emptyDigest, PlanDigest, planDigest } from '../../../lib/plan-digest.ts';
import { deviationRows } from '../../report/deviations.ts';
import type { Below } from '../../store/testing/random.ts';
import { leasablePhase } from '../../task/run-machine.ts';
import type { NamedTask } from './named-task.ts';
import type { SourceModel } from './source-model.ts';

const somebody = { approver: 'bob', comment: '' };
const { CREATE, UPDATE, MOVE, RECYCLE, KEEP } = ItemAction;
const written = new Set<ItemAction>([CREATE, UPDATE, MOVE]);

/** A run that has just been scanned. */
export interface Waiting {
  task: NamedTask;
  model: SourceModel;
  /** Chance. */
  below: Below;
  /** Which run it is, for messages. */
  told: string;
  /** Something that happens at the source. */
  meanwhile: () => void;
}

/** What becomes of the question that a plan puts. */
export interface Decision {
  isApproved: boolean;
  /** Whether it was asked what is to become of what is gone. */
  isAsked: boolean;
  /** The items as they were planned. */
  planned: Item[];
}

/**
 * Somebody looks at the plan of a run that has just been scanned, while the coordinator is restarted, and approves or rejects it, by chance.
 */
export async function decide(
  t: ExecutionContext,
  { task, model, below, told, meanwhile }: Waiting,
): Promise<Decision> {
  const before = destinationOf(model);
  const planned = await task.items();
  const { run } = (await task.store.run(task.key))!;
  if (run!.state !== RunState.AWAITING_APPROVAL) {
    const isNeeded = planned.some(({ action, kind }) => action === RECYCLE || (written.has(action) && kind === ItemKind.FILE)); // oxfmt-ignore
    t.false(isNeeded, `${told}: it goes on without an approval and writes something`);
    return { isApproved: true, isAsked: false, planned };
  }
  for (let count = below(4); count > 0; count -= 1) meanwhile();
  if (below(2) === 0) await task.restart();
  const row = (await task.store.run(task.key))!;
  t.is(leasablePhase(row), undefined, `${told}: nothing is leased while it waits`);
  const { planDigest: digest, goneDecision } = row.run!;
  t.is(digest, digestOf(await task.items()), `${told}: the digest is that of its items`);
  const gone = goneDecision === GoneDecision.PENDING ? [GoneDecision.KEEP, GoneDecision.RECYCLE][below(2)]! : GoneDecision.UNSPECIFIED; // oxfmt-ignore
  const approval = { kind: 'approve', ...somebody, gone } as const;
  await t.throwsAsync(task.step({ ...approval, planDigest: 'f'.repeat(64) }), { message: /not f+;/ }); // oxfmt-ignore
  if (goneDecision === GoneDecision.PENDING)
    await t.throwsAsync(task.step({ ...approval, planDigest: digest, gone: GoneDecision.UNSPECIFIED }), { message: /approve it with --gone/ }); // oxfmt-ignore
  const isApproved = below(4) > 0;
  if (isApproved) await task.step({ ...approval, planDigest: below(2) === 0 ? digest : '' });
  else await task.step({ kind: 'reject', ...somebody });
  if (below(2) === 0) await task.restart();
  const decided = (await task.store.run(task.key))!.run!;
  const { APPROVED, REJECTED } = ApprovalDecision;
  t.is(decided.approval?.decision, isApproved ? APPROVED : REJECTED, told);
  if (!isApproved) t.is(decided.state, RunState.CANCELLED, told);
  t.deepEqual(destinationOf(model), before, `${told}: nothing is written before`);
  return { isApproved, isAsked: goneDecision === GoneDecision.PENDING, planned };
}

/** What was done is what was planned, or is told as a deviation, each once. */
export async function checkDone(
  t: ExecutionContext,
  { task, model, told, planned }: { task: NamedTask; model: SourceModel; told: string; planned: Item[] }, // oxfmt-ignore
): Promise<void> {
  const batches = await task.batches();
  const deviations = batches.flatMap(({ batch }) => [...deviationRows(batch)]);
  const { progress } = (await task.store.run(task.key))!.run!;
  t.is(progress!.deviatingItems, BigInt(deviations.length), `${told}: deviating items`);
  const deviating = new Set(deviations.map(({ item }) => keyOf(item!)));
  t.is(deviating.size, deviations.length, `${told}: each deviates once`);
  const done = new Map((await task.items()).map((item) => [keyOf(item), item]));
  for (const item of planned) {
    const now = done.get(keyOf(item));
    // What turned out to be moved is not among what is gone any more.
    if (isGone(item) && now === undefined) continue;
    const what = `${told}: ${item.path}`;
    t.like(now, { path: item.path, kind: item.kind }, what);
    if (deviating.has(keyOf(item)) || item.kind !== ItemKind.FILE || !written.has(item.action)) continue; // oxfmt-ignore
    const { action, size, modifiedTime, destinationPath, movedFrom } = item;
    t.like(now, { state: ItemState.SUCCEEDED, action, size, modifiedTime, destinationPath, movedFrom }, what); // oxfmt-ignore
    t.like(model.standing(item.destinationPath || item.path), { isFolder: false, size: item.size, modifiedNs: nanosecondsOf(item) }, what); // oxfmt-ignore
  }
  for (const { item, kind } of deviations) {
    const isFailed = kind === DeviationKind.FAILED || kind === DeviationKind.SOURCE_VANISHED;
    t.is(item!.state === ItemState.FAILED, isFailed, `${told}: ${item!.path}`);
    t.is(kind === DeviationKind.SOURCE_VANISHED, isFailed && item!.reason === ErrorReason.SOURCE_VANISHED); // oxfmt-ignore
  }
}

/** All that stands at the destination. */
export function destinationOf(model: SourceModel): string[] {
  return Array.from(model.destination, ([path, { id, content }]) => `${path} ${id} ${content}`).toSorted(); // oxfmt-ignore
}

/** A path may be gone as what it was, and be there as something else. */
function keyOf(item: Item): string {
  return `${isGone(item) ? 'gone' : 'found'} ${item.path}`;
}

function isGone({ action }: Item): boolean {
  return action === RECYCLE || action === KEEP;
}

/** The digest of a plan, made of what is listed of it. */
function digestOf(items: readonly Item[]): string {
  const chains = { found: new PlanDigest(emptyDigest), gone: new PlanDigest(emptyDigest) };
  for (const item of items) {
    const { path, kind, action, size, movedFrom, reason, destinationPath } = item;
    const facts = { path, kind, action, size, movedFrom, reason };
    chains[isGone(item) ? 'gone' : 'found'].add({ ...facts, modifiedNs: nanosecondsOf(item), destinationPath: destinationPath || path }); // oxfmt-ignore
  }
  return planDigest(chains.found.keep(), chains.gone.keep());
}

function nanosecondsOf({ modifiedTime }: Item): bigint {
  return modifiedTime === undefined ? 0n : modifiedTime.seconds * 1_000_000_000n + BigInt(modifiedTime.nanos); // oxfmt-ignore
}
