// What became of a batch, for the counters of its run and of itself. PURE.
import type { BatchItems, BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { countDeviations } from '../plan/deviation.ts';
import type { BatchOutcome } from '../task/run-machine.ts';
import { quickXorHashBytes, sha256Bytes } from '../plan/hash-bytes.ts';

const finalStates = new Set<ItemState>([ItemState.SUCCEEDED, ItemState.SKIPPED, ItemState.FAILED]);

/**
 * Counts what the run counts: everything but the folders of the transfer phase, which the folder phase reports. Items without a
 * result, of which partial results have some, are not counted.
 */
export function countOutcome(
  items: BatchItems,
  results: BatchResults,
  phase: BatchPhase,
): BatchOutcome {
  const outcome: BatchOutcome = {
    phase,
    succeededItems: 0,
    succeededBytes: 0n,
    skippedItems: 0,
    skippedBytes: 0n,
    failedItems: 0,
    failedBytes: 0n,
    movedItems: 0,
    recycledItems: 0,
    notGoneItems: 0,
    deviatingItems: countDeviations({ phase, items, results }),
  };
  if (phase === BatchPhase.GONE) return countGone(results, outcome);
  outcome.movedItems = results.moved.filter(
    (index) => results.state[index] === ItemState.SUCCEEDED,
  ).length;
  for (let index = 0; index < results.state.length; index += 1) {
    const state = results.state[index];
    if (!isReported(items, index, phase)) continue;
    const bytes = items.kind[index] === ItemKind.FILE ? items.size[index]! : 0n;
    if (state === ItemState.SUCCEEDED) {
      outcome.succeededItems += 1;
      outcome.succeededBytes += bytes;
    } else if (state === ItemState.SKIPPED) {
      outcome.skippedItems += 1;
      outcome.skippedBytes += bytes;
    } else if (state === ItemState.FAILED) {
      outcome.failedItems += 1;
      outcome.failedBytes += bytes;
    }
  }
  return outcome;
}

/** Of what is gone from the source, only what failed is among the other counts. */
function countGone({ state }: BatchResults, outcome: BatchOutcome): BatchOutcome {
  outcome.recycledItems = state.filter((one) => one === ItemState.SUCCEEDED).length;
  outcome.failedItems = state.filter((one) => one === ItemState.FAILED).length;
  return outcome;
}

/** What the row of a batch counts: all its items, by their states. */
export function countStates({ state }: BatchResults) {
  const count = (wanted: ItemState) => state.filter((value) => value === wanted).length;
  return {
    succeededItems: count(ItemState.SUCCEEDED),
    skippedItems: count(ItemState.SKIPPED),
    failedItems: count(ItemState.FAILED),
  };
}

/** Whether the result of an item counts: a folder that is made in the transfer phase is reported by the folder phase. */
export function isReported(items: BatchItems, index: number, phase: BatchPhase): boolean {
  return !isTransfer(phase) || items.kind[index] !== ItemKind.FOLDER;
}

/** Throws INTERNAL when results do not fit their batch. Items of partial results may have no state. */
export function checkColumns(items: BatchItems, results: BatchResults, isPartial = false): void {
  const count = items.path.length;
  const { size, modifiedNs, destinationModifiedNs, attempts } = results;
  const columns = [size, modifiedNs, destinationModifiedNs, attempts];
  const { destinationId, destinationVersion, verification, keptPath } = results;
  const optional = [destinationId, destinationVersion, verification, keptPath];
  const isState = (state: ItemState) =>
    finalStates.has(state) || (isPartial && state === ItemState.UNSPECIFIED);
  const whole =
    results.state.length === count &&
    results.state.every(isState) &&
    results.remark.every(({ index }) => index < count) &&
    results.rewritten.every(({ index }) => index < count) &&
    results.moved.every((index) => index < count) &&
    columns.every((column) => column.length === count) &&
    optional.every((column) => column.length === 0 || column.length === count) &&
    results.sha256.length === count * sha256Bytes &&
    results.quickXorHash.length === count * quickXorHashBytes;
  if (!whole) throw DroverError.invalid('batch_done.results', 'do not fit the batch');
}
