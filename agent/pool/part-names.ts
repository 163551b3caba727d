// PURE. The names of half-written files: one for each run, generation and item, so that whoever holds a later generation knows what
// earlier ones may have left. They name the item by its path and not by its place in the batch, for a batch may be cut in two
// when its holder has died.
import { hash } from 'node:crypto';

/** How many earlier generations are looked for; a batch that was lost more often has other troubles than leftovers. */
const generationsMax = 32;

export interface PartNames {
  /** The name for what this generation writes. */
  own: string;
  /** The names that generations before it gave the same item, the newest first. */
  stale: string[];
}

/**
 * The names for one item.
 * @param tag what tells one run's files from all others'
 * @param generation counts from 1
 * @param path the item's path below the destination
 */
export function partNames(tag: string, generation: number, path: string): PartNames {
  const item = hash('sha256', path).slice(0, 16);
  const stale: string[] = [];
  for (let old = generation - 1; old >= 1 && stale.length < generationsMax; old--)
    stale.push(`${tag}-${old}-${item}`);
  return { own: `${tag}-${generation}-${item}`, stale };
}
