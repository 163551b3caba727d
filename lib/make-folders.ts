// Making a folder with those above it. Node's own recursive mkdir never comes back where a folder exists and nothing can be
// made in it with ENOENT, as in /proc: it goes up, finds the parent there, and tries the same again for ever.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** Makes a folder and those above it where they are missing. Throws what the system says of the first that cannot be made. */
export function makeFolders(folder: string, mode?: number): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !isFolder(at); at = path.dirname(at)) missing.push(at);
  for (const next of missing.reverse()) makeOne(next, mode);
}

function isFolder(folder: string): boolean {
  // The root has no parent to go on to, so it counts as there, and making what is below it says what is wrong.
  return path.dirname(folder) === folder || isFolderThere(folder);
}

function isFolderThere(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

function makeOne(folder: string, mode: number | undefined): void {
  try {
    mkdirSync(folder, mode === undefined ? {} : { mode });
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && isFolderThere(folder)) return;
    throw error;
  }
}
