// Which destination a location gets.
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Destination } from './destination.ts';
import { openFolderDestination } from './folder-destination.ts';

/** Opens a task's destination. Throws INVALID_ARGUMENT for what is no location, DESTINATION_UNSUPPORTED for a kind not served. */
export function openDestination(text: string): Destination {
  return openFolderDestination(destinationFolder(text));
}

/** The absolute path of a destination that is a folder; throws as `openDestination` does. */
export function destinationFolder(text: string): string {
  const location = parseLocation(text, 'destination');
  if (location.kind === 'file') return location.path;
  throw new DroverError(
    ErrorReason.DESTINATION_UNSUPPORTED,
    `this agent cannot write to "${text}": it writes to folders of its own file system only`,
    { metadata: { destination: text } },
  );
}
