// Why an item is at the destination, or is not, in one sentence. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemAction,
  ItemSighting,
  ItemState,
  type Item,
  type ItemInRun,
  type MigratedItem,
} from '../../gen/drover/v1/item_pb.ts';

/** What is known of an item. */
export interface ItemFacts {
  path: string;
  /** Undefined when it was never migrated. */
  migrated: MigratedItem | undefined;
  /** The latest runs, the newest first. */
  runs: readonly ItemInRun[];
}

/** The newest run that looked for it decides; what an earlier one migrated is said after it. */
export function explanationSummary(facts: ItemFacts): string {
  const latest = decisive(facts);
  const name = `"${facts.path}"`;
  if (latest === undefined) return `${name} was not migrated: the task was never run.`;
  return `${sentenceOf(name, latest, facts.migrated)}${earlierOf(latest, facts)}.`;
}

/** What the newest run says is to be done; empty where nothing is. */
export function explanationAdvice(facts: ItemFacts): string {
  return decisive(facts)?.item?.advice ?? '';
}

function decisive({ runs }: ItemFacts): ItemInRun | undefined {
  return runs.find(({ sighting }) => sighting !== ItemSighting.NOT_RETRIED) ?? runs[0];
}

function sentenceOf(name: string, latest: ItemInRun, migrated: MigratedItem | undefined): string {
  const { run, sighting, item } = latest;
  switch (sighting) {
    case ItemSighting.FOUND:
      return foundSentence(name, latest, item!, migrated);
    case ItemSighting.FOLDER_ABOVE:
      return `${name} was not looked at in ${run}, because the scan did not go into "${item!.path}": ${causeOf(item!)}`;
    case ItemSighting.NOT_AT_SOURCE:
      return `${name} was not in the source when ${run} scanned it`;
    case ItemSighting.NOT_YET:
      return `${name} has not been looked at yet: ${run} is going, and its scan has not come there`;
    case ItemSighting.NOT_RETRIED:
      return `${name} was not looked at by ${run}, which tried again what had failed`;
    default:
      return `${name} was not looked at: ${run} ended before its scan came there`;
  }
}

function foundSentence(
  name: string,
  { run, scanOnly }: ItemInRun,
  item: Item,
  migrated: MigratedItem | undefined,
): string {
  if (isGone(item)) return goneSentence(name, { run, scanOnly }, item);
  switch (item.state) {
    case ItemState.SUCCEEDED:
      return item.movedFrom === ''
        ? `${name} was migrated by ${run} to "${item.destinationPath || item.path}"`
        : `${name} was "${item.movedFrom}" at the source before, and ${run} moved it at the destination to "${item.destinationPath || item.path}"`;
    case ItemState.SKIPPED:
      return item.reason === ErrorReason.UNCHANGED && migrated !== undefined
        ? `${name} was migrated by ${migrated.run} to "${migrated.destinationPath}", and has not changed since`
        : `${name} was left out by ${run}: ${causeOf(item)}`;
    case ItemState.FAILED:
      return `${name} failed in ${run}: ${causeOf(item)}`;
    default:
      return scanOnly
        ? `${name} was only looked at by ${run}, which was told to scan only`
        : `${name} is planned by ${run}, and has no result yet`;
  }
}

function goneSentence(
  name: string,
  { run, scanOnly }: Pick<ItemInRun, 'run' | 'scanOnly'>,
  item: Item,
): string {
  const isRecycled = item.action === ItemAction.RECYCLE;
  const gone = `${name} was gone from the source when ${run} scanned it`;
  switch (item.state) {
    case ItemState.SUCCEEDED:
      return `${gone}, and was recycled at the destination`;
    case ItemState.SKIPPED:
      return isRecycled
        ? `${gone}, and was not recycled: ${causeOf(item)}`
        : `${gone}, and nothing was done with it at the destination`;
    case ItemState.FAILED:
      return `${gone}, and could not be recycled: ${causeOf(item)}`;
    default: {
      const deed = isRecycled ? 'recycled' : 'kept';
      return scanOnly
        ? `${gone}; a run that is not told to scan only has it ${deed} at the destination`
        : `${gone}, and is to be ${deed} at the destination`;
    }
  }
}

function isGone({ action }: Item): boolean {
  return action === ItemAction.RECYCLE || action === ItemAction.KEEP;
}

/** Unless the sentence has said it. */
function earlierOf(
  { item, sighting }: ItemInRun,
  { migrated, runs }: Pick<ItemFacts, 'migrated' | 'runs'>,
): string {
  const isSaid =
    sighting === ItemSighting.FOUND &&
    (item!.state === ItemState.SUCCEEDED || item!.reason === ErrorReason.UNCHANGED);
  if (isSaid) return '';
  if (migrated === undefined) {
    const before = runs.find((one) => one.item?.state === ItemState.SUCCEEDED && !isGone(one.item) && one.sighting === ItemSighting.FOUND); // oxfmt-ignore
    if (before === undefined) return '; it was never migrated before';
    return `; ${before.run} had migrated it, and it was moved or recycled since`;
  }
  return `; ${migrated.run} had migrated it to "${migrated.destinationPath}"`;
}

function causeOf({ message, reason }: Item): string {
  if (message !== '') return message;
  const entry = Object.entries(ErrorReason).find(([, value]) => value === reason);
  return (entry?.[0] ?? 'UNSPECIFIED').toLowerCase().replaceAll('_', ' ');
}
