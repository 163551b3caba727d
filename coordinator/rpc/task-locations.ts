// Whether anything of Drover can read a task's source and write its destination. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { overlaps, parseLocation, type Location } from '../../lib/location.ts';

/**
 * Checks a task's source and destination; `servedKinds` are the kinds of places that the attached agents can serve. Throws
 * INVALID_ARGUMENT, LOCATIONS_OVERLAP, SOURCE_UNSUPPORTED or DESTINATION_UNSUPPORTED.
 */
export function checkLocations(
  task: { source: string; destination: string },
  servedKinds: ReadonlySet<string>,
): void {
  const source = parseLocation(task.source, 'task.source');
  const destination = parseLocation(task.destination, 'task.destination');
  const { SOURCE_UNSUPPORTED, DESTINATION_UNSUPPORTED } = ErrorReason;
  const sharepoint = 'SharePoint and OneDrive';
  check(task.source, source, SOURCE_UNSUPPORTED, `reading from ${sharepoint}`, servedKinds);
  check(task.destination, destination, DESTINATION_UNSUPPORTED, `writing to ${sharepoint}`, servedKinds); // prettier-ignore
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

function check(
  text: string,
  location: Location,
  reason: ErrorReason,
  deed: string,
  servedKinds: ReadonlySet<string>,
): void {
  // Every agent that can come serves folders, so a task for one may wait for an agent.
  if (location.kind === 'file' || servedKinds.has(location.kind)) return;
  const message =
    location.kind === 'sharepoint'
      ? `"${text}": ${deed} is not built yet`
      : `"${text}": no connected agent can open a Windows share; connect one that can, or mount the share and give the folder`;
  throw new DroverError(reason, message, { metadata: { location: text, kind: location.kind } });
}
