// What LevelDB says when something is wrong, as a person can act on it.
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

const restoreAdvice =
  'bring a backup back with `drover-coordinator restore --from BACKUP` into a new folder, and keep this one';

/** LevelDB says the same of a table that was cut off and of a disk that fails. */
const ioError = 'LEVEL_IO_ERROR';
const unlessDisk = `if nothing is wrong with this computer and its disk, the store is damaged: ${restoreAdvice}`;

/** The store cannot be trusted any more. `folder` is the store's own. */
export function damagedStore(folder: string, detail: string, cause?: unknown): DroverError {
  const description = `the store in ${folder} is damaged: ${detail}; ${restoreAdvice}`;
  return DroverError.invalid('--data', description, cause);
}

/** What was thrown when a store was opened. */
export function openError(folder: string, error: unknown): DroverError {
  if (error instanceof DroverError) return error;
  const code = codeOf(error);
  const detail = detailOf(error);
  if (code === 'LEVEL_LOCKED')
    return new DroverError(
      ErrorReason.DATA_FOLDER_LOCKED,
      `the data folder ${path.dirname(folder)} is in use by another coordinator`,
      { cause: error, metadata: { folder } },
    );
  if (code === 'LEVEL_CORRUPTION' || /MANIFEST-\d+: No such file/.test(detail))
    return damagedStore(folder, detail, error);
  const advice = code === ioError && /\.(ldb|sst): /.test(detail) ? `; ${unlessDisk}` : '';
  return new DroverError(
    ErrorReason.UNAVAILABLE,
    `cannot open the store in ${folder}: ${detail}${advice}`,
    { cause: error, metadata: { folder } },
  );
}

/** What was thrown when a store was read. */
export function readError(folder: string, error: unknown): unknown {
  const code = codeOf(error);
  const detail = detailOf(error);
  // The caller can do nothing about it, so that it is not told of a wrong argument as whoever starts a coordinator is.
  const unavailable = (message: string) =>
    new DroverError(ErrorReason.UNAVAILABLE, message, { cause: error, metadata: { folder } });
  if (code === 'LEVEL_CORRUPTION') return unavailable(damagedStore(folder, detail).message);
  if (code === ioError)
    return unavailable(`the store in ${folder} cannot be read: ${detail}; ${unlessDisk}`);
  if (code !== 'LEVEL_DATABASE_NOT_OPEN' && code !== 'LEVEL_ITERATOR_NOT_OPEN') return error;
  return new DroverError(ErrorReason.UNAVAILABLE, 'the store is closed', { cause: error });
}

/** What was thrown when a store was written to: nothing of the commit is kept. */
export function writeError(folder: string, error: unknown): DroverError {
  const why = hasNoRoom(error) ? `there is no room left on the disk of ${folder}` : detailOf(error);
  return new DroverError(ErrorReason.UNAVAILABLE, `the store cannot be written to: ${why}`, {
    cause: error,
    metadata: { folder },
  });
}

/** Whether a disk was full, as LevelDB or the file system says it. */
export function hasNoRoom(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || /No space left on device/.test(detailOf(error));
}

/** The innermost code: the package says what it could not do, and the cause says why. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return codeOf(error.cause) ?? (error as NodeJS.ErrnoException).code;
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? detailOf(error.cause) : error.message;
}
