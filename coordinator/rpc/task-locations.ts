// Whether anything of Drover can read a task's source and write its destination, as far as can be told without an agent looking.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RetryPolicy } from '../../gen/drover/v1/annotations_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import { overlaps, parseLocation, type Location, type LocationKind } from '../../lib/location.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';

/** The kinds of places that there are: what counts where no agent is asked. */
export const everyKind: ReadonlySet<LocationKind> = new Set(['file', 'unc', 'sharepoint']);

/** The kinds of places that the attached agents can serve. */
export function servedKinds(
  dispatcher: Pick<Dispatcher, 'attachedAgents' | 'liveAgent'>,
): ReadonlySet<string> {
  const agents = dispatcher.attachedAgents().map((agent) => dispatcher.liveAgent(agent));
  return new Set(agents.flatMap((agent) => agent?.locationKinds ?? []));
}

/** Whether an agent has to look at the destination before a task is made of it. */
export function needsLook(destination: string): boolean {
  return parseLocation(destination, 'task.destination').kind === 'sharepoint';
}

/** Whether a destination that was refused for this reason may be in order later without anybody's doing. */
export function healsByItself(reason: ErrorReason): boolean {
  return reasonInfo(reason).retry === RetryPolicy.AUTOMATIC;
}

/**
 * Checks a task's source and destination, as far as their texts tell; `kinds` are those that the attached agents can serve.
 * Throws INVALID_ARGUMENT, LOCATIONS_OVERLAP, SOURCE_UNSUPPORTED or DESTINATION_UNSUPPORTED.
 */
export function checkLocations(
  task: { source: string; destination: string },
  kinds: ReadonlySet<string>,
): void {
  const source = parseLocation(task.source, 'task.source');
  const destination = parseLocation(task.destination, 'task.destination');
  const { SOURCE_UNSUPPORTED, DESTINATION_UNSUPPORTED } = ErrorReason;
  if (source.kind === 'sharepoint')
    throw unsupported(SOURCE_UNSUPPORTED, task.source, source, 'reading from SharePoint and OneDrive is not built yet'); // oxfmt-ignore
  checkShare(task.source, source, SOURCE_UNSUPPORTED, kinds);
  checkShare(task.destination, destination, DESTINATION_UNSUPPORTED, kinds);
  if (overlaps(source, destination))
    throw new DroverError(
      ErrorReason.LOCATIONS_OVERLAP,
      `the source "${task.source}" and the destination "${task.destination}" overlap`,
      {
        metadata: { source: task.source, destination: task.destination },
        violations: [{ field: 'task.destination', description: 'overlaps with the source' }],
      },
    );
}

/** Every agent that can come serves folders, so a task for one may wait for an agent; SharePoint is looked at by one. */
function checkShare(
  text: string,
  location: Location,
  reason: ErrorReason,
  kinds: ReadonlySet<string>,
): void {
  if (location.kind !== 'unc' || kinds.has(location.kind)) return;
  throw unsupported(
    reason,
    text,
    location,
    'no connected agent can open a Windows share; connect one that can, or mount the share and give the folder, or leave it to the runs to ask (check_locations)',
  );
}

function unsupported(
  reason: ErrorReason,
  text: string,
  { kind }: Location,
  what: string,
): DroverError {
  return new DroverError(reason, `"${text}": ${what}`, { metadata: { location: text, kind } });
}
