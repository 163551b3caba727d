// A copy of a coordinator's data that can be restored: all rows as they were at one moment, the certificate authority, and the
// administrator's token.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { version } from '../../lib/version.ts';
import type { CopiedRows } from '../store/copy-rows.ts';
import type { CopyableStore } from '../store/level-store.ts';
import { privateFiles, storeFolder } from './data-files.ts';
import { writeManifest } from './manifest.ts';
import { makeWholeFolder } from './whole-folder.ts';

export interface BackupParts {
  store: Pick<CopyableStore, 'copyTo'>;
  dataFolder: string;
  /** Where the backup goes: an absolute path at which nothing is yet, in a folder that is there. */
  to: string;
  nowMs: number;
  signal?: AbortSignal;
}

/** What was made. */
export interface Backup extends CopiedRows {
  folder: string;
}

/**
 * Makes a backup, or leaves nothing. Throws INVALID_ARGUMENT when it cannot go there, UNAVAILABLE with what the file system says, and what
 * the signal was aborted with.
 */
export async function createBackup(parts: BackupParts): Promise<Backup> {
  const { store, dataFolder, to, nowMs, signal } = parts;
  checkPlace(dataFolder, to);
  return makeWholeFolder(to, async (folder) => {
    const copied = await store.copyTo(path.join(folder, storeFolder), signal);
    for (const file of privateFiles)
      // An authority of the operator's own is not in the data folder, and not ours to copy.
      if (existsSync(path.join(dataFolder, file))) await copyPrivate(dataFolder, folder, file);
    await writeManifest(folder, { version, createTime: new Date(nowMs).toISOString(), ...copied });
    return { folder: to, ...copied };
  });
}

/** Copies a file of a folder to the same place below another, for its owner only. */
export async function copyPrivate(from: string, to: string, file: string): Promise<void> {
  const target = path.join(to, file);
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  await copyFile(path.join(from, file), target);
  await chmod(target, 0o600);
}

function checkPlace(dataFolder: string, to: string): void {
  if (!path.isAbsolute(to)) throw DroverError.invalid('--to', 'must be an absolute path');
  if (existsSync(to))
    throw DroverError.invalid('--to', `${to} exists already; give the name of a new folder`);
  if (!existsSync(path.dirname(to)))
    throw DroverError.invalid('--to', `the folder ${path.dirname(to)} is not there; make it first`);
  const relative = path.relative(dataFolder, to);
  if (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative))
    throw DroverError.invalid('--to', `${to} lies in the data folder, with which it would be lost`);
}
