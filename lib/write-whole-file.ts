// Files that are there as a whole or not at all, whenever a process or a machine dies.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Writes a file beside its place and moves it there when it is on the disk, so that a crash leaves the old one or none. Its folder has to
 * be there. Throws what the file system says, and leaves nothing behind then.
 * @param mode the file's rights, less what the process's umask takes away
 */
export function writeWholeFile(file: string, content: string | Uint8Array, mode: number): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx', flush: true });
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause;
  }
  syncFolder(path.dirname(file));
}

/** So that the new name survives a power failure; Windows has no such call for folders. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
