// Whether the counters of a run are those of its batches.
import { LeaseState, type BatchRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { countDeviations } from '../plan/deviation.ts';
import { isTransfer } from '../task/batch-phase.ts';
import type { BatchItems, BatchResults } from '../../gen/drover/v1/columns_pb.ts';

const { FOLDERS, GONE, GONE_FOLDERS, LATE, TRANSFER } = BatchPhase;

/** What the batches of a run add up to. */
export class RunTally {
  readonly #row: RunRow;
  #batches = 0;
  /** By their phase. */
  readonly #open = new Map<BatchPhase, number>();
  #moved = 0;
  #recycled = 0;
  #succeeded = 0;
  #skipped = 0;
  #failed = 0;
  #deviating = 0;

  constructor(row: RunRow) {
    this.#row = row;
  }

  /** Takes the batches in the order of their numbers; answers with what is wrong with one, in words. */
  *add(
    number: number,
    batch: BatchRow,
    items: BatchItems,
    results: BatchResults | undefined,
  ): Generator<string> {
    this.#batches += 1;
    if (number !== this.#batches) {
      yield `the batch before it is not ${number - 1}`;
      this.#batches = number;
    }
    if (batch.items !== items.path.length)
      yield `it counts ${batch.items} items and has ${items.path.length}`;
    const { state } = batch.lease!;
    if (state === LeaseState.DONE) yield* this.#addDone(batch, items, results);
    else this.#open.set(batch.phase, this.#openOf(batch.phase) + 1);
    if (state !== LeaseState.DONE && results !== undefined) yield 'it has results and is not done';
  }

  *#addDone(batch: BatchRow, items: BatchItems, results: BatchResults | undefined) {
    if (results === undefined) {
      // In a run that only scans, batches are settled as they are cut.
      if (!this.#row.run!.scanOnly) yield 'it is done and has no results';
      return;
    }
    const states = { [ItemState.SUCCEEDED]: 0, [ItemState.SKIPPED]: 0, [ItemState.FAILED]: 0 };
    const counted = { ...states };
    // What was settled by the plan counts whole; of what agents did, folders count only where they are finished.
    const isSettled = batch.lease!.generation === 0;
    const isGone = batch.phase === GONE || batch.phase === GONE_FOLDERS;
    for (const [index, state] of results.state.entries()) {
      if (!(state in states)) {
        yield `the result of item ${index} is none`;
        continue;
      }
      const known = state as keyof typeof states;
      states[known] += 1;
      // Of what is gone from the source, only failures are among the other counts.
      if (isGone && state === ItemState.SUCCEEDED) this.#recycled += 1;
      if (isGone && state !== ItemState.FAILED) continue;
      if (isSettled || !isTransfer(batch.phase) || items.kind[index] !== ItemKind.FOLDER)
        counted[known] += 1;
    }
    this.#moved += results.moved.filter(
      (index) => results.state[index] === ItemState.SUCCEEDED,
    ).length;
    this.#succeeded += counted[ItemState.SUCCEEDED];
    this.#skipped += counted[ItemState.SKIPPED];
    this.#failed += counted[ItemState.FAILED];
    const deviating = countDeviations({ phase: batch.phase, items, results });
    this.#deviating += deviating;
    yield* unequal('deviating items', batch.deviatingItems, deviating);
    yield* unequal('succeeded items', batch.succeededItems, states[ItemState.SUCCEEDED]);
    yield* unequal('skipped items', batch.skippedItems, states[ItemState.SKIPPED]);
    yield* unequal('failed items', batch.failedItems, states[ItemState.FAILED]);
  }

  /** What is wrong with the run once all its batches were taken, in words. */
  *finish(): Generator<string> {
    const { batches, openTransferBatches, openLateBatches, openFolderBatches, openGoneBatches, waitingGoneBatches, run } = this.#row; // oxfmt-ignore
    const { succeededItems, skippedItems, failedItems, movedItems, recycledItems } = run!.progress!;
    const waiting = this.#openOf(GONE_FOLDERS);
    yield* unequal('batches', batches, this.#batches);
    yield* unequal(
      `open batches of phase ${TRANSFER}`,
      openTransferBatches,
      this.#openOf(TRANSFER),
    );
    yield* unequal(`open batches of phase ${LATE}`, openLateBatches, this.#openOf(LATE));
    yield* unequal(`open batches of phase ${FOLDERS}`, openFolderBatches, this.#openOf(FOLDERS));
    yield* unequal(`open batches of phase ${GONE}`, openGoneBatches, this.#openOf(GONE) + waiting);
    yield* unequal(`batches of phase ${GONE_FOLDERS}`, waitingGoneBatches, waiting);
    yield* unequal('succeeded items', Number(succeededItems), this.#succeeded);
    yield* unequal('skipped items', Number(skippedItems), this.#skipped);
    yield* unequal('failed items', Number(failedItems), this.#failed);
    yield* unequal('moved items', Number(movedItems), this.#moved);
    yield* unequal('recycled items', Number(recycledItems), this.#recycled);
    yield* unequal('deviating items', Number(run!.progress!.deviatingItems), this.#deviating);
  }

  #openOf(phase: BatchPhase): number {
    return this.#open.get(phase) ?? 0;
  }
}

function* unequal(what: string, counted: number, found: number): Generator<string> {
  if (counted !== found) yield `it counts ${counted} ${what}, and there are ${found}`;
}
