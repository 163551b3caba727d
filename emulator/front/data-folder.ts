// The data folder belongs to one emulator at a time. The lock is SQLite's on an empty file, because that is the one lock Node
// brings along that the system gives back by itself when the process dies, on every platform.
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';

/** SQLite's number for a file that another connection has locked. */
const busy = 5;

/** A folder that nobody else uses until it is let go of. */
export interface DataFolder extends Disposable {
  readonly folder: string;
}

/**
 * Makes the folder if it is missing and takes it. Throws DATA_FOLDER_LOCKED when another emulator has it, and INVALID_ARGUMENT
 * for --data when it cannot be used.
 */
export function takeDataFolder(folder: string): DataFolder {
  try {
    makeFolders(folder, 0o700);
    const lock = takeLock(path.join(folder, 'lock'));
    return { folder, [Symbol.dispose]: () => lock.close() };
  } catch (cause) {
    if ((cause as { errcode?: number }).errcode === busy)
      throw new DroverError(
        ErrorReason.DATA_FOLDER_LOCKED,
        `the data folder ${folder} is in use by another emulator`,
        { cause, metadata: { folder } },
      );
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw DroverError.invalid('--data', `${folder} cannot be used: ${detail}`, cause);
  }
}

function takeLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}
