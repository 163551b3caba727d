// Writes what a method streams as bytes, to a file or to standard output. A file is there as a whole or not at all: it gets its name when the
// last byte is on the disk.
import { randomBytes } from 'node:crypto';
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { escapeControl } from '../../lib/format.ts';
import type { Output } from './output.ts';

/** Where the bytes go. */
export interface ContentTarget {
  /** The file as a person gave it; undefined, or "-", for standard output. */
  file: string | undefined;
  /** A file that is there already is replaced. */
  isForced: boolean;
}

/** Checks the target before anything is asked for; throws INVALID_ARGUMENT that names --output. */
export function checkTarget({ file, isForced }: ContentTarget): void {
  if (file === undefined || file === '-') return;
  if (file === '') throw DroverError.invalid('--output', 'names no file');
  if (file === 'table' || file === 'json')
    throw DroverError.invalid('--output', `names a file here; write ./${file} for a file of that name`); // oxfmt-ignore
  const folder = path.dirname(path.resolve(file));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw DroverError.invalid('--output', `there is no folder ${folder}`);
  checkFree(file, isForced);
}

function checkFree(file: string, isForced: boolean): void {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
  // A device or a pipe would be replaced by the file, and not written to.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw DroverError.invalid('--output', `${file} is not a file; leave --output out and redirect standard output`); // oxfmt-ignore
  if (!isForced) throw DroverError.invalid('--output', `${file} exists; add --force to replace it`);
}

/** Writes all chunks. When they end with an error, or cannot be written, the error is thrown and no file is left. */
export async function writeContent(
  chunks: AsyncIterable<Uint8Array>,
  { file, isForced }: ContentTarget,
  stdout: Output,
): Promise<void> {
  if (file !== undefined && file !== '-') return await writeFile(chunks, file, isForced);
  const write = stdout.isTerminal ? terminalWriter(stdout) : (chunk: Uint8Array) => stdout.write(chunk); // oxfmt-ignore
  for await (const chunk of chunks) await write(chunk);
}

async function writeFile(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  isForced: boolean,
): Promise<void> {
  // What a link leads to is replaced, and not the link.
  const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const place = isLink ? realpathSync(file) : file;
  const temporary = `${place}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Somebody else may have made it meanwhile.
    checkFree(file, isForced);
    await rename(temporary, place);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw isSystemError(cause)
      ? DroverError.invalid('--output', `cannot write ${file}: ${cause.message}`, cause)
      : cause;
  }
}

function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && 'syscall' in thrown;
}

/** Names of files are in reports: what could act on a terminal is written out there. */
function terminalWriter(stdout: Output): (chunk: Uint8Array) => Promise<void> {
  const decoder = new TextDecoder();
  return (chunk) => {
    const lines = decoder.decode(chunk, { stream: true }).split(/\r?\n/);
    return stdout.write(lines.map(escapeControl).join('\n'));
  };
}
