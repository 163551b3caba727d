// PURE. The folder below a destination folder in which what was recycled lies: no item of a source is written into it, nor over it.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../source/printable-path.ts';

/** Its name. */
export const recycledFolder = '.drover-recycled';

/** Whether a path is the folder's, or leads into it; whatever the case, because some file systems make no difference. */
export function isRecycledFolder(path: string): boolean {
  const end = path.indexOf('/');
  return (end < 0 ? path : path.slice(0, end)).toLowerCase() === recycledFolder;
}

/** An item of a source has its name. */
export function recycledFolderError(path: string): DroverError {
  return new DroverError(
    ErrorReason.NAME_INVALID,
    `${printablePath(path)} cannot be migrated to a folder: "${recycledFolder}" is where Drover keeps there what it recycled`,
    { metadata: { path } },
  );
}
