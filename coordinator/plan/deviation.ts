// Whether what became of an item is what was planned. PURE.
import type { BatchItems, BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DeviationKind, ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { isTransfer } from '../task/batch-phase.ts';

/** A batch and what became of it. */
export interface DoneBatch {
  phase: BatchPhase;
  items: BatchItems;
  /** Items of partial results have no state where they are not finished; those are as planned so far. */
  results: BatchResults;
}

/** What is done by agents; the rest is settled by the plan, or stays as it is. */
const done = new Set<ItemAction>([
  ItemAction.CREATE,
  ItemAction.UPDATE,
  ItemAction.MOVE,
  ItemAction.RECYCLE,
]);

/** Answers, for an index of the batch, with the way in which its item deviates; UNSPECIFIED: it does not. */
export function deviationsOf(batch: DoneBatch): (index: number) => DeviationKind {
  const { phase, items, results } = batch;
  const reasons = new Map(results.remark.map(({ index, reason }) => [index, reason]));
  const moved = new Set(results.moved);
  return (index) => {
    const action = items.action[index]!;
    const isFolder = items.kind[index] === ItemKind.FOLDER;
    // Of folders the phase tells that gives them their dates.
    if (!done.has(action) || (isFolder && isTransfer(phase))) return DeviationKind.UNSPECIFIED;
    switch (results.state[index]) {
      case ItemState.FAILED:
        return ofFailure(reasons.get(index));
      case ItemState.SKIPPED:
        return ofSkip(action, reasons.get(index));
      case ItemState.SUCCEEDED: {
        const isWritten = !isFolder && action !== ItemAction.RECYCLE;
        return isWritten ? ofSuccess(batch, index, moved) : DeviationKind.UNSPECIFIED;
      }
      default:
        return DeviationKind.UNSPECIFIED;
    }
  };
}

/** How many items of the batch deviate. */
export function countDeviations(batch: DoneBatch): number {
  const deviation = deviationsOf(batch);
  let count = 0;
  for (let index = 0; index < batch.results.state.length; index += 1)
    if (deviation(index) !== DeviationKind.UNSPECIFIED) count += 1;
  return count;
}

function ofFailure(reason: ErrorReason | undefined): DeviationKind {
  const isGone = reason === ErrorReason.SOURCE_VANISHED;
  return isGone ? DeviationKind.SOURCE_VANISHED : DeviationKind.FAILED;
}

/** A folder that is found as it should be is as planned. */
function ofSkip(action: ItemAction, reason: ErrorReason | undefined): DeviationKind {
  if (action === ItemAction.RECYCLE) return DeviationKind.NOT_RECYCLED;
  const isAsPlanned = reason === ErrorReason.UNCHANGED;
  return isAsPlanned ? DeviationKind.UNSPECIFIED : DeviationKind.LEFT_ALONE;
}

function ofSuccess(
  { items, results }: DoneBatch,
  index: number,
  moved: ReadonlySet<number>,
): DeviationKind {
  const kept = results.keptPath[index] ?? '';
  if (kept !== '' && kept !== (items.destinationPath[index] || items.path[index]))
    return DeviationKind.KEPT_BESIDE;
  if (items.action[index] === ItemAction.MOVE && !moved.has(index))
    return DeviationKind.WRITTEN_ANEW;
  const isSame =
    results.size[index] === items.size[index] &&
    results.modifiedNs[index] === items.modifiedNs[index];
  return isSame ? DeviationKind.UNSPECIFIED : DeviationKind.SOURCE_CHANGED;
}
