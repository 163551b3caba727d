// What the file system says about a source, as reasons. The only place that knows error codes of the reading side.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { printablePath } from './printable-path.ts';

/** A failure at one item below the source. `path` is the path below the source. */
export function sourceError(cause: unknown, path: string): DroverError {
  if (cause instanceof DroverError) return cause;
  const name = printablePath(path);
  const options = { cause, metadata: { path } };
  const code = errorCode(cause);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new DroverError(
        ErrorReason.SOURCE_VANISHED,
        `${name} is no longer at the source`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new DroverError(
        ErrorReason.SOURCE_ACCESS_DENIED,
        `the agent's account may not read ${name} (${code})`,
        options,
      );
    // What Windows calls a sharing violation, also of a share that is mounted elsewhere.
    case 'EBUSY':
    case 'ETXTBSY':
      return new DroverError(
        ErrorReason.SOURCE_LOCKED,
        `${name} is open in a program that lets nobody else read it (${code})`,
        options,
      );
    case 'ENAMETOOLONG':
      return new DroverError(
        ErrorReason.PATH_TOO_LONG,
        `the path of ${name} is longer than the system can open (${path.length} characters)`,
        options,
      );
    case 'ELOOP':
      return symbolicLinkError(path);
    // A special file that cannot even be opened: a socket, or a device without a driver.
    case 'ENXIO':
    case 'ENODEV':
      return specialFileError(path);
    default:
      return new DroverError(
        ErrorReason.SOURCE_READ_FAILED,
        `reading ${name} failed: ${errorText(cause)}`,
        options,
      );
  }
}

/** A failure at the source folder itself. `root` is its path as it was given. */
export function sourceRootError(cause: unknown, root: string): DroverError {
  if (cause instanceof DroverError) return cause;
  const name = printablePath(root);
  const options = { cause, metadata: { path: root } };
  switch (errorCode(cause)) {
    case 'ENOENT':
      return new DroverError(
        ErrorReason.SOURCE_NOT_FOUND,
        `the source ${name} does not exist on this agent's machine`,
        options,
      );
    case 'ENOTDIR':
      return new DroverError(
        ErrorReason.SOURCE_NOT_A_FOLDER,
        `the source ${name} is not a folder`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new DroverError(
        ErrorReason.SOURCE_ACCESS_DENIED,
        `the agent's account may not read the source ${name}`,
        options,
      );
    default:
      return new DroverError(
        ErrorReason.SOURCE_READ_FAILED,
        `reading the source ${name} failed: ${errorText(cause)}`,
        options,
      );
  }
}

/** Nothing is in the source folder, although there was: what is left of a share that is not mounted. */
export function emptySourceError(root: string): DroverError {
  return new DroverError(
    ErrorReason.SOURCE_NOT_FOUND,
    `nothing is in the source ${printablePath(root)} any more on this agent's machine, as when its share is not mounted`,
    { metadata: { path: root } },
  );
}

export function symbolicLinkError(path: string): DroverError {
  return new DroverError(
    ErrorReason.SYMBOLIC_LINK,
    `${printablePath(path)} is, or lies behind, a symbolic link, which is not followed`,
    { metadata: { path } },
  );
}

export function specialFileError(path: string): DroverError {
  return new DroverError(
    ErrorReason.SPECIAL_FILE,
    `${printablePath(path)} is a socket, device or pipe, which has no content to migrate`,
    { metadata: { path } },
  );
}

export function invalidNameError(path: string): DroverError {
  return new DroverError(
    ErrorReason.NAME_INVALID,
    `the name of ${printablePath(path)} is not valid Unicode; the bytes that are not are shown as \\xNN`,
    { metadata: { path } },
  );
}

/** The system's code of a failure, such as ENOENT; empty when it has none. */
function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/** The system's words without the path, which stands in our own message already. */
function errorText(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split(', ')[0] ?? '') : String(cause);
}
