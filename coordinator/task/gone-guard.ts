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
  if (!isUndecided || !mayRecycle || !isTooMuchGone(row, run.progress!.goneItems)) return;
  run.goneDecision = GoneDecision.PENDING;
  run.state = RunState.PAUSED;
}

/** Takes the decision that a paused run asks for, in place. Throws WRONG_STATE when it asks and gets none, or does not ask and gets one. */
export function resumeWithDecision(row: RunRow, decision: GoneDecision): void {
  const { name } = row.run!;
  answerAboutGone(row, decision, {
    question: goneQuestion(row),
    needless: `${name} does not ask what is to become of what is gone from the source; resume it without saying so`,
  });
}

/** Takes a decision, in place; the words are those of what is thrown when one is missing, or needless. */
export function answerAboutGone(
  row: RunRow,
  decision: GoneDecision,
  words: { question: string; needless: string },
): void {
  const { name } = row.run!;
  const isAsked = row.run!.goneDecision === GoneDecision.PENDING;
  if (!isAsked && decision === GoneDecision.UNSPECIFIED) return;
  const isAnswer = decision === GoneDecision.RECYCLE || decision === GoneDecision.KEEP;
  if (isAsked && isAnswer) {
    row.run!.goneDecision = decision;
    return;
  }
  const message = isAsked ? `${name} waits for ${words.question}` : words.needless;
  throw new DroverError(ErrorReason.WRONG_STATE, message, { metadata: { name } });
}

/** What the run waits for when it asks, in words. */
export function goneQuestion(row: RunRow): string {
  const gone = row.run!.progress!.goneItems;
  const all = row.ledgerItems;
  const verb = gone === 1n ? 'is' : 'are';
  return (
    `a decision: ${formatCount(gone)} of ${formatCount(all)} migrated items (${percentOf(row, gone)} %) ${verb} gone from the source, ` +
    `${goneLimitWords(row)}: resume the task with --gone recycle or --gone keep`
  );
}

/** What a number of items is that a run may not recycle without asking. */
export function goneLimitWords({ run }: RunRow): string {
  const { itemsMax, percentMax } = limitsOf(run!.settings);
  return `more than a run may recycle without asking (${formatCount(itemsMax)} items or ${percentMax} %)`;
}

/** Whether so many items are more than the run recycles without asking. */
export function isTooMuchGone(row: RunRow, gone: bigint): boolean {
  const { itemsMax, percentMax } = limitsOf(row.run!.settings);
  return gone > itemsMax || gone * 100n > percentMax * row.ledgerItems;
}

/** The share of the migrated items, in percent. */
export function percentOf({ ledgerItems }: RunRow, gone: bigint): bigint {
  return ledgerItems === 0n ? 0n : (gone * 100n) / ledgerItems;
}

function limitsOf(settings: TaskSettings | undefined) {
  return {
    itemsMax: BigInt(settings?.recycleItemsMax ?? recycleItemsMaxDefault),
    percentMax: BigInt(settings?.recyclePercentMax ?? recyclePercentMaxDefault),
  };
}
