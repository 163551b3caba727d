// Renaming without overwriting. rename(2) replaces whatever has the new name; Linux's renameat2 can be told not to, and does
// so in one step that nobody can come in between. Where it is missing (macOS, Windows, some network file systems), a look
// right before the rename has to do: what appears in the microseconds between the two is overwritten.
import { lstatSync, renameSync } from 'node:fs';
import { lastError, renameat2 } from '../pool/system-calls.ts';
import { errorCode } from './destination-error.ts';

/** Renames; throws an error with the code EEXIST when the new name is taken, else what the system says. */
export function renameNew(from: string, to: string): void {
  if (renameat2 !== undefined) {
    if (renameat2(currentFolder, from, currentFolder, to, noReplace) === 0) return;
    const error = lastError('renameat2');
    if (!unsupportedCodes.has(errorCode(error))) throw error;
  }
  if (lstatSync(to, { throwIfNoEntry: false }) !== undefined)
    throw Object.assign(new Error('EEXIST: the name is taken'), { code: 'EEXIST' });
  renameSync(from, to);
}

/** AT_FDCWD; both paths are absolute, so it is never looked at. */
const currentFolder = -100;
/** RENAME_NOREPLACE. */
const noReplace = 1;
/** A file system without the flag says EINVAL, an old kernel ENOSYS. */
const unsupportedCodes = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);
