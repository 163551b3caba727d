// What filters left out, counted by rule. PURE.
import { create } from '@bufbuild/protobuf';
import { RuleCountSchema, type RuleCount } from '../../gen/drover/v1/run_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Decision, ScannedItem } from './plan-item.ts';

/** How many rules a run counts one by one. */
export const rulesMax = 200;
/** What stands for all further rules, and for items of which an older agent does not say the rule. */
export const otherRules = 'other rules';
/** The most characters of a rule: those of the longest setting, and the name of it. */
const ruleLengthMax = 1100;

/** How much one rule left out of a page. */
export interface RuleTally {
  items: number;
  bytes: bigint;
}

/** Counts an item that a filter left out; every other one is not counted. */
export function tally(
  tallies: Map<string, RuleTally>,
  item: ScannedItem,
  { reason, rule = '' }: Decision,
): void {
  if (reason !== ErrorReason.FILTERED) return;
  const name = rule === '' ? otherRules : rule.slice(0, ruleLengthMax);
  const found = tallies.get(name);
  if (found === undefined) tallies.set(name, { items: 1, bytes: item.size });
  else {
    found.items += 1;
    found.bytes += item.size;
  }
}

/** The counts with those of a page; rules that are new come at the end, and those for which there is no room are counted together. */
export function addTallies(counts: RuleCount[], tallies: ReadonlyMap<string, RuleTally>): void {
  for (const [rule, { items, bytes }] of tallies) {
    const count = countOf(counts, rule);
    count.items += BigInt(items);
    count.bytes += bytes;
  }
}

function countOf(counts: RuleCount[], rule: string): RuleCount {
  const found = counts.find((count) => count.rule === rule);
  if (found !== undefined) return found;
  if (counts.length >= rulesMax && rule !== otherRules) return countOf(counts, otherRules);
  const count = create(RuleCountSchema, { rule });
  counts.push(count);
  return count;
}
