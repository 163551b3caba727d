// Files of the data folder: whole or not there at all. Those that hold secrets are readable by their owner only.
import { chmodSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';

/** Writes a file so that a crash leaves the old one or none. Throws UNAVAILABLE with what the file system says. */
export function writeDataFile(file: string, content: string, mode: number): void {
  try {
    makeFolders(path.dirname(file), 0o700);
    writeWholeFile(file, content, mode);
  } catch (cause) {
    throw fileError('written', file, cause);
  }
}

/**
 * The content of a file of ours; undefined when it is not there. Takes the rights of others on it away. Throws UNAVAILABLE
 * with what the file system says.
 */
export function readPrivateFile(file: string): string | undefined {
  try {
    const content = readFileSync(file, 'utf8');
    chmodSync(file, 0o600);
    return content;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError('read', file, cause);
  }
}

/** The content of a file that everybody may read; undefined when it is not there, or cannot be read. */
export function readPublicFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function fileError(done: string, file: string, cause: unknown): DroverError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new DroverError(ErrorReason.UNAVAILABLE, `${file} cannot be ${done}: ${detail}`, {
    cause,
    metadata: { file },
  });
}
