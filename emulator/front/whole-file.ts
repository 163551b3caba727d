// Files of the data folder that must be whole or not there at all.
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DroverError } from '../../lib/error.ts';

/**
 * Writes a file beside its place and moves it there, so that a crash leaves the old one or none. Throws INVALID_ARGUMENT for
 * --data with what the file system says.
 */
export function writeWholeFile(file: string, content: string, mode: number): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw unusable(file, 'written', cause);
  }
}

/** The content of a file; undefined when it is not there. Throws INVALID_ARGUMENT for --data when it cannot be read. */
export function readWholeFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, 'read', cause);
  }
}

function unusable(file: string, done: string, cause: unknown): DroverError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return DroverError.invalid('--data', `${file} cannot be ${done}: ${detail}`, cause);
}
