// A backup becomes a data folder again. The time between the backup and now is lost to the coordinator, but not to its agents; see
// `rewindStore` for what makes that harmless.
import { chmod, readdir } from 'node:fs/promises';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { rewindStore, type Rewound } from '../store/rewind.ts';
import { copyPrivate } from './create-backup.ts';
import { storeFolder } from './data-files.ts';
import { checkFile, damagedBackup, readManifest, type Manifest } from './manifest.ts';
import { makeWholeFolder } from './whole-folder.ts';

export interface RestoreParts {
  /** The backup's folder. */
  from: string;
  /** An absolute path where nothing is, or an empty folder. */
  dataFolder: string;
  nowMs: number;
}

/** What was brought back. */
export interface Restored extends Rewound {
  folder: string;
  manifest: Manifest;
}

/**
 * Restores a backup, or leaves everything as it was. Throws INVALID_ARGUMENT when the backup is none, damaged or of a newer version, or
 * the data folder is not empty, and UNAVAILABLE with what the file system says.
 */
export async function restoreBackup({ from, dataFolder, nowMs }: RestoreParts): Promise<Restored> {
  await checkEmpty(dataFolder);
  const manifest = await readManifest(from);
  makeFolders(path.dirname(dataFolder), 0o700);
  return makeWholeFolder(dataFolder, async (folder) => {
    for (const file of manifest.files) {
      await copyFrom(from, folder, file.path);
      await checkFile(folder, file, from);
    }
    const store = path.join(folder, storeFolder);
    await chmod(store, 0o700);
    const rewound = await rewindStore(store, nowMs);
    return { folder: dataFolder, manifest, ...rewound };
  });
}

async function copyFrom(from: string, folder: string, file: string): Promise<void> {
  try {
    await copyPrivate(from, folder, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw damagedBackup(path.join(from, file), 'it is missing', cause);
  }
}

async function checkEmpty(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) return;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw DroverError.invalid('--data', `${folder} cannot be used: ${message}`, error);
  }
  throw DroverError.invalid(
    '--data',
    `${folder} is not empty; restore into a new folder, and start the coordinator with that one`,
  );
}
