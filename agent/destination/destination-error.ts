// What the file system says about a destination, as reasons. The only place that knows error codes of the writing side.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../source/printable-path.ts';

/** A failure at one item below the destination. `path` is the path below the destination. */
export function destinationError(cause: unknown, path: string): DroverError {
  if (cause instanceof DroverError) return cause;
  const code = errorCode(cause);
  const name = printablePath(path);
  const options = { cause, metadata: { path } };
  switch (code) {
    case 'ENOSPC':
      return new DroverError(
        ErrorReason.DESTINATION_FULL,
        `the disk of the destination is full; ${name} was not written`,
        options,
      );
    case 'EDQUOT':
      return new DroverError(
        ErrorReason.DESTINATION_FULL,
        `the quota at the destination is used up; ${name} was not written`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DroverError(
        ErrorReason.DESTINATION_ACCESS_DENIED,
        `the agent's account may not write ${name} at the destination (${code})`,
        options,
      );
    case 'ENAMETOOLONG':
      return new DroverError(
        ErrorReason.PATH_TOO_LONG,
        `the path of ${name} is longer than the destination can hold (${path.length} characters)`,
        options,
      );
    case 'EFBIG':
      return new DroverError(
        ErrorReason.DESTINATION_WRITE_FAILED,
        `${name} is larger than a file at the destination can be`,
        options,
      );
    case 'ELOOP':
      return linkError(path);
    default:
      return new DroverError(
        ErrorReason.DESTINATION_WRITE_FAILED,
        `writing ${name} to the destination failed: ${errorText(cause)}`,
        options,
      );
  }
}

/** A failure at the destination folder itself. `root` is its path as it was given. */
export function destinationRootError(cause: unknown, root: string): DroverError {
  if (cause instanceof DroverError) return cause;
  const code = errorCode(cause);
  const name = printablePath(root);
  const options = { cause, metadata: { path: root } };
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DroverError(
        ErrorReason.DESTINATION_ACCESS_DENIED,
        `the agent's account may not make or open the destination ${name} (${code})`,
        options,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new DroverError(
        ErrorReason.DESTINATION_FULL,
        `the destination ${name} cannot be made: its disk is full`,
        options,
      );
    case 'EEXIST':
    case 'ENOTDIR':
      return new DroverError(
        ErrorReason.DESTINATION_UNREACHABLE,
        `the destination ${name} is not a folder, or lies below something that is none`,
        options,
      );
    default:
      return new DroverError(
        ErrorReason.DESTINATION_UNREACHABLE,
        `the destination ${name} cannot be made or opened: ${errorText(cause)}`,
        options,
      );
  }
}

/** The way to `path` leads through a link, or a link stands there. */
export function linkError(path: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_ESCAPES,
    `${printablePath(path)} is a symbolic link at the destination, which is not followed`,
    { metadata: { path } },
  );
}

/** Something stands where something else should go. */
export function conflictError(path: string, what: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_CONFLICT,
    `${printablePath(path)} at the destination ${what}`,
    { metadata: { path } },
  );
}

/**
 * Something of another kind stands in the place of a file or a folder, which no conflict policy replaces. It may be what the source had under
 * the name before.
 */
export function otherKindError(path: string, what: string): DroverError {
  return conflictError(path, `${what}: ${otherKindAdvice}`);
}

/** What to do about it. */
export const otherKindAdvice =
  'move it away or delete it; if it is what the task migrated under that name before, --gone-policy recycle of the task does so';

/** The system's code of a failure, such as ENOSPC; empty when it has none. */
export function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/** The system's words without the path, which stands in our own message already. */
function errorText(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split(', ')[0] ?? '') : String(cause);
}
