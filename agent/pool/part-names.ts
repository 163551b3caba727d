// PURE. The names of half-written files: one for each lease, generation and item, so that whoever holds a later generation
// knows what earlier ones may have left.

/** How many earlier generations are looked for; a batch that was lost more often has other troubles than leftovers. */
const generationsMax = 32;

/** The name for one item; `generation` counts from 1. */
export function partName(leaseTag: string, generation: number, index: number): string {
  return `${leaseTag}-${generation}-${index}`;
}

/** The names that generations before this one gave the same item, the newest first. */
export function stalePartNames(leaseTag: string, generation: number, index: number): string[] {
  const names: string[] = [];
  for (let old = generation - 1; old >= 1 && names.length < generationsMax; old--)
    names.push(partName(leaseTag, old, index));
  return names;
}
