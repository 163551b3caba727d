// PURE. Paths below a destination, before anything is done with them.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { isInside, isInsideOn } from '../../lib/inside-path.ts';
import { printablePath } from '../source/printable-path.ts';

/** Refuses a path that could lead out of the destination, or that names nothing. Throws DESTINATION_ESCAPES. */
export function checkRelativePath(path: string): void {
  if (!isInside(path)) throw notBelow(path);
}

/** The same for a destination that is a folder of this computer. */
export function checkFolderPath(path: string, platform: NodeJS.Platform = process.platform): void {
  if (!isInsideOn(platform, path)) throw notBelow(path);
}

function notBelow(path: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_ESCAPES,
    `the path ${printablePath(path)} does not name a place below the destination`,
    { metadata: { path } },
  );
}
