// The files of a store, looked at without LevelDB: it would make a new, empty store where its first file is missing, and leave out
// what it cannot read of a log.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { damageOfLog } from './log-file.ts';
import { damageOfTable } from './table-file.ts';

/** A file that is not what it should be. */
export interface FileDamage {
  file: string;
  /** What is wrong, in words. */
  words: string;
}

/** Whether there is a store in the folder, whole or not. */
export function hasStore(folder: string): boolean {
  return namesIn(folder).some((name) => name === 'CURRENT' || isTable(name) || isLog(name));
}

/**
 * What is wrong with the files that LevelDB would pass over in silence. Costs the reading of the latest commits, which are some MiB. Throws
 * what the file system says.
 */
export function damageBeforeOpening(folder: string): FileDamage | undefined {
  const names = namesIn(folder);
  const holdsData = names.some(
    (name) => isTable(name) || (isLog(name) && sizeOf(folder, name) > 0),
  );
  if (holdsData && !existsSync(path.join(folder, 'CURRENT')))
    return { file: path.join(folder, 'CURRENT'), words: 'it is missing' };
  for (const name of names.filter(isLog)) {
    const file = path.join(folder, name);
    const damage = damageOfLog(readOrNothing(file));
    if (damage !== undefined) return { file, words: `the record at byte ${damage} has changed` };
  }
  return undefined;
}

/** The tables that are damaged: every block of each is read. Those that LevelDB removes meanwhile are left out. */
export async function* damagedTables(folder: string): AsyncGenerator<FileDamage> {
  for (const name of namesIn(folder).filter(isTable)) {
    const file = path.join(folder, name);
    try {
      const words = await damageOfTable(file);
      if (words !== undefined) yield { file, words };
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

const isTable = (name: string) => /^\d+\.(ldb|sst)$/.test(name);
const isLog = (name: string) => /^\d+\.log$/.test(name);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function sizeOf(folder: string, name: string): number {
  return statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
}

// The coordinator that has the store open may have removed it since the folder was listed.
function readOrNothing(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    if (isMissing(error)) return new Uint8Array(0);
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
