// PURE. Paths below a destination, before anything is done with them.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../source/printable-path.ts';

/**
 * Refuses a path that could lead out of the destination, or that names nothing: an empty one, one with an empty part (so a
 * leading, doubled or trailing `/`), with `.` or `..` as a part, or with a NUL. A backslash is a character like any other.
 * Throws DESTINATION_ESCAPES.
 */
export function checkRelativePath(path: string): void {
  if (!unsafe.test(path)) return;
  throw new DroverError(
    ErrorReason.DESTINATION_ESCAPES,
    `the path ${printablePath(path)} does not name a place below the destination`,
    { metadata: { path } },
  );
}

// eslint-disable-next-line no-control-regex
const unsafe = /\x00|(?:^|\/)\.{0,2}(?:\/|$)/;
