// How much of what is left one lease gets: whole batches while there is plenty, what keeps its agent busy for some seconds while the scan goes
// on, and ever smaller pieces at the end of a run, so that all its agents end together. PURE.
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { itemUnits, workUnits, type WorkSize } from './work-size.ts';

/** No lease is cut to what a thread of its agent does in less than this time. */
const leaseSecondsMin = 0.25;
/** Where it is not known how fast that is, these are the fewest items, */
const leaseItemsMin = 8;
/** and these the most: what is left over goes to whoever turns out to be faster. */
const leaseItemsMax = 64;
/** Nor does one get more than for this time: how fast it is may have been found out with a few items, or long ago. */
const leaseSecondsMax = 3;
/** But it gets as many items as it can do at once. */
const itemsAtOnce = 8;
/** A batch that is only so much larger than it should be is left whole. */
const tolerance = 1.5;

export interface ShareBasis {
  /** Units that nobody works on, of what can be leased now. */
  leftUnits: number;
  /**
   * Whether the scan goes on. Then what is left is not the end of the run: agents that are as fast as the scan would get ever smaller pieces in the
   * middle of it, and the coordinator would be busy with cutting them.
   */
  isMoreToCome: boolean;
  /** Units of one item of it, about. */
  unitsPerItem: number;
  /** What one thread of this agent does in a second, in proportion to the others. */
  speed: number;
  /** What all threads of all agents do that can work on it. */
  allSpeeds: number;
  /** Units a second of one thread of this agent; undefined when it is not known yet. */
  unitsPerSecond: number | undefined;
}

/** How many units the next lease gets at most. */
export function leaseShare(basis: ShareBasis): number {
  const { leftUnits, isMoreToCome, unitsPerItem, speed, allSpeeds, unitsPerSecond } = basis;
  const part = allSpeeds > 0 ? speed / allSpeeds : 1;
  // Half of what would be its fair part: who is faster than was thought comes again for what is kept back.
  // Of an agent that is not known a run that is small may still turn out to be all there is.
  const isPlenty = isMoreToCome && unitsPerSecond !== undefined;
  const share = isPlenty ? Infinity : leftUnits * part * 0.5;
  const [least, most] =
    unitsPerSecond === undefined
      ? [itemUnits(leaseItemsMin), leaseItemsMax * unitsPerItem]
      : [unitsPerSecond * leaseSecondsMin, unitsPerSecond * leaseSecondsMax];
  return Math.max(Math.min(share, Math.max(most, itemsAtOnce * unitsPerItem)), least);
}

/** Whether a batch is so much more than the share that it is to be cut. */
export function isCut(size: WorkSize, shareUnits: number): boolean {
  return size.items > 1 && workUnits(size) > shareUnits * tolerance;
}

/** How many items from the first on make up the share; at least one. A file that is more than the share by itself is a part alone. */
export function cutAt({ kind, size }: BatchItems, shareUnits: number): number {
  let units = 0;
  for (const [index, itemKind] of kind.entries()) {
    units += workUnits({ items: 1, bytes: itemKind === ItemKind.FILE ? size[index]! : 0n });
    if (units > shareUnits) return Math.max(index, 1);
  }
  return kind.length;
}
