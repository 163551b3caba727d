// Before a run recycles a large part of what the task has migrated, it stops and asks: a share that is not mounted looks just like
// one from which everything was deleted. PURE.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction } from '../../gen/drover/v1/item_pb.ts';
import { GoneDecision, RunState } from '../../gen/drover/v1/run_pb.ts';
import { GonePolicy, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatCount } from '../../lib/format.ts';

/** How many items a run recycles at most without asking, where nothing else is set. */
export const recycleItemsMaxDefault = 1000;
/** The same, in percent of the items that the task has migrated. */
export const recyclePercentMaxDefault = 10;

/** Whether it is the turn of what is gone from the source: the whole source is known, and everything is written. */
export function isGoneTurn(row: RunRow): boolean {
  const { progress } = row.run!;
  return progress!.scanComplete && row.openTransferBatches === 0 && row.openGoneBatches > 0;
}

/** Whether folders that are gone are all that is left of what is gone. */
export function isGoneFoldersTurn(row: RunRow): boolean {
  return isGoneTurn(row) && row.openGoneBatches === row.waitingGoneBatches;
}

/** What is done with an item that is gone, by the run's settings and by what was decided. */
export function goneAction(row: RunRow): ItemAction {
  const { settings, goneDecision } = row.run!;
  const recycles =
    settings?.gonePolicy === GonePolicy.RECYCLE && goneDecision !== GoneDecision.KEEP;
  return recycles ? ItemAction.RECYCLE : ItemAction.KEEP;
}

/** Pauses the run, in place, when it is about to recycle more than it may without asking. */
export function askAboutGone(row: RunRow): void {
  const run = row.run!;
  if (run.state !== RunState.RUNNING && run.state !== RunState.PAUSED) return;
  const isUndecided = run.goneDecision === GoneDecision.UNSPECIFIED && !run.scanOnly;
  const mayRecycle = isGoneTurn(row) && goneAction(row) === ItemAction.RECYCLE;
  if (!isUndecided || !mayRecycle || !isTooMuch(row)) return;
  run.goneDecision = GoneDecision.PENDING;
  run.state = RunState.PAUSED;
}

/** Takes the decision that a paused run asks for, in place. Throws WRONG_STATE when it asks and gets none, or does not ask and gets one. */
export function resumeWithDecision(row: RunRow, decision: GoneDecision): void {
  const { name } = row.run!;
  const isAsked = row.run!.goneDecision === GoneDecision.PENDING;
  if (!isAsked && decision === GoneDecision.UNSPECIFIED) return;
  const isAnswer = decision === GoneDecision.RECYCLE || decision === GoneDecision.KEEP;
  if (isAsked && isAnswer) {
    row.run!.goneDecision = decision;
    return;
  }
  const words = isAsked
    ? `${name} waits for ${goneQuestion(row)}`
    : `${name} does not ask what is to become of what is gone from the source; resume it without saying so`;
  throw new DroverError(ErrorReason.WRONG_STATE, words, { metadata: { name } });
}

/** What the run waits for when it asks, in words. */
export function goneQuestion(row: RunRow): string {
  const gone = row.run!.progress!.goneItems;
  const { itemsMax, percentMax } = limitsOf(row.run!.settings);
  const all = row.ledgerItems;
  const percent = all === 0n ? 0n : (gone * 100n) / all;
  const verb = gone === 1n ? 'is' : 'are';
  return (
    `a decision: ${formatCount(gone)} of ${formatCount(all)} migrated items (${percent} %) ${verb} gone from the source, ` +
    `more than a run may recycle without asking (${formatCount(itemsMax)} items or ${percentMax} %): ` +
    'resume the task with --gone recycle or --gone keep'
  );
}

function isTooMuch(row: RunRow): boolean {
  const gone = row.run!.progress!.goneItems;
  const { itemsMax, percentMax } = limitsOf(row.run!.settings);
  return gone > itemsMax || gone * 100n > percentMax * row.ledgerItems;
}

function limitsOf(settings: TaskSettings | undefined) {
  return {
    itemsMax: BigInt(settings?.recycleItemsMax ?? recycleItemsMaxDefault),
    percentMax: BigInt(settings?.recyclePercentMax ?? recyclePercentMaxDefault),
  };
}
