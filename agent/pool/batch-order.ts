// PURE. In which order the items of a batch are done.
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { PlannedItems } from './planned-items.ts';

/** The items in waves: each begins when the one before has ended, with all its attempts; within one several are done at once. */
export function batchWaves(items: PlannedItems, phase: BatchPhase): number[][] {
  const all = Array.from({ length: items.size }, (_, index) => index);
  switch (phase) {
    // From the last to the first: dating a folder must come after making what is in it.
    case BatchPhase.FOLDERS:
      return [all.reverse()];
    case BatchPhase.GONE:
      return goneWaves(items, all);
    default:
      return [all];
  }
}

/** Files first, then folders from the deepest up: a folder is recycled when everything in it is. */
function goneWaves(items: PlannedItems, all: readonly number[]): number[][] {
  const byDepth = new Map<number, number[]>();
  const first: number[] = [];
  for (const index of all.toReversed()) {
    const isFolder = items.kind(index) === ItemKind.FOLDER && items.action(index) !== ItemAction.KEEP; // oxfmt-ignore
    const depth = items.destinationPath(index).split('/').length;
    const wave = isFolder ? (byDepth.get(depth) ?? []) : first;
    if (isFolder) byDepth.set(depth, wave);
    wave.push(index);
  }
  const folders = [...byDepth].sort(([one], [other]) => other - one).map(([, wave]) => wave);
  return [first, ...folders].filter((wave) => wave.length > 0);
}
