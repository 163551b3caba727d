// Why an item is at the destination, or is not, in one sentence. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
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
  return `${sentenceOf(name, latest, facts.migrated)}${earlierOf(latest, facts.migrated)}.`;
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
  switch (item.state) {
    case ItemState.SUCCEEDED:
      return `${name} was migrated by ${run} to "${item.destinationPath || item.path}"`;
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

/** Unless the sentence has said it. */
function earlierOf({ item, sighting }: ItemInRun, migrated: MigratedItem | undefined): string {
  const isSaid =
    sighting === ItemSighting.FOUND &&
    (item!.state === ItemState.SUCCEEDED || item!.reason === ErrorReason.UNCHANGED);
  if (isSaid) return '';
  if (migrated === undefined) return '; it was never migrated before';
  return `; ${migrated.run} had migrated it to "${migrated.destinationPath}"`;
}

function causeOf({ message, reason }: Item): string {
  if (message !== '') return message;
  const entry = Object.entries(ErrorReason).find(([, value]) => value === reason);
  return (entry?.[0] ?? 'UNSPECIFIED').toLowerCase().replaceAll('_', ' ');
}
