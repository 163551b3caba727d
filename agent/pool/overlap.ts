// Whether a destination lies in its source, or the other way round, once all links on the way are followed. Copying would
// then find its own copies, and never end.
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { pathsOverlap } from '../../lib/location.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../source/printable-path.ts';

/** Throws LOCATIONS_OVERLAP when two folders of this machine overlap. Neither has to exist; nothing is made. */
export function checkNoOverlap(source: string, destination: string): void {
  const realSource = realPath(source);
  const realDestination = realPath(destination);
  if (!pathsOverlap(realSource, realDestination)) return;
  throw new DroverError(
    ErrorReason.LOCATIONS_OVERLAP,
    describe(source, destination, realSource, realDestination),
    { metadata: { source, destination } },
  );
}

/** The path without links, as far as it exists; the rest as it is given. */
function realPath(folder: string): string {
  const missing: string[] = [];
  for (let existing = folder; ; existing = path.dirname(existing)) {
    try {
      return path.join(realpathSync.native(existing), ...missing);
    } catch {
      // Missing, or not to be read by this account: what is above it decides.
      if (existing === path.dirname(existing)) return folder;
      missing.unshift(path.basename(existing));
    }
  }
}

function describe(
  source: string,
  destination: string,
  realSource: string,
  realDestination: string,
) {
  const names = `the destination ${printablePath(destination)} and the source ${printablePath(source)}`;
  if (realSource === realDestination) return `${names} are the same folder`;
  return realDestination.length > realSource.length
    ? `${names} overlap: the destination lies in the source`
    : `${names} overlap: the source lies in the destination`;
}
