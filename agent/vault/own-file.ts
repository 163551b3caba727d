// Files that hold secrets: read only when nobody else can have read or written them, and written whole or not at all.
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';

/**
 * The bytes of the file; undefined when there is none. `what` names it for people. Throws VAULT_SEALED when it cannot be read, when others
 * than its owner can read or write it, or when it belongs to somebody else; `mayBeRoots`: root may have put it there for us.
 */
export function readOwnFile(
  file: string,
  what: string,
  { mayBeRoots = false, bytesMax }: { mayBeRoots?: boolean; bytesMax: number },
): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined;
    throw sealed(`${what} ${file} cannot be read (${errorCode(cause)})`, file, cause);
  }
  try {
    const stats = fstatSync(descriptor);
    checkOwner(stats, { file, what, mayBeRoots });
    if (stats.isDirectory()) throw sealed(`${what} ${file} is a folder`, file);
    if (stats.size > bytesMax)
      throw sealed(`${what} ${file} has ${stats.size} bytes, more than the ${bytesMax} it can have`, file); // oxfmt-ignore
    return readFileSync(descriptor);
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw sealed(`${what} ${file} cannot be read (${errorCode(cause)})`, file, cause);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes the file under its name only when it is whole and on the disk. Throws what the system says. */
export function writeOwnFile(file: string, content: Uint8Array | string): void {
  writeWholeFile(file, content, 0o600);
}

/** A vault, or its key, that cannot be used. */
export function sealed(message: string, file: string, cause?: unknown): DroverError {
  const options = cause === undefined ? {} : { cause };
  return new DroverError(ErrorReason.VAULT_SEALED, message, { metadata: { file }, ...options });
}

export function errorCode(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
}

/** As ssh does with its keys. Windows says nothing of owners and rights in what Node reads. */
function checkOwner(
  stats: Stats,
  { file, what, mayBeRoots }: { file: string; what: string; mayBeRoots: boolean },
): void {
  const own = process.geteuid?.();
  if (own === undefined) return;
  if (stats.uid !== own && !(mayBeRoots && stats.uid === 0))
    throw sealed(`${what} ${file} belongs to user ${stats.uid}, and this process runs as user ${own}; run it as user ${stats.uid}, as with \`sudo --user=#${stats.uid}\``, file); // oxfmt-ignore
  const rights = stats.mode & 0o777;
  if ((rights & 0o077) !== 0)
    throw sealed(`${what} ${file} has mode 0${rights.toString(8)}: others than its owner can read or change it; type \`chmod 600 ${file}\`, and change what it holds if somebody may have read it`, file); // oxfmt-ignore
}
