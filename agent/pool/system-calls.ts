// Calls of the C library that Node does not offer, or not as they are needed here. The door to koffi for work on files. Where the library or a function is missing, as on Windows, the value
// is undefined, and the callers fall back to what Node has.
import koffi from 'koffi';

/** int futimens(int descriptor, const struct timespec times[2]): the times as [seconds, nanoseconds] twice. */
export type SetTimes = (descriptor: number, times: BigInt64Array) => number;

/** int renameat2(int oldFolder, const char *old, int newFolder, const char *new, unsigned flags). */
export type RenameWithFlags = (
  oldFolder: number,
  oldPath: string,
  newFolder: number,
  newPath: string,
  flags: number,
) => number;

/**
 * int statx(int folder, const char *name, int flags, unsigned mask, struct statx *facts): facts of a name in an open folder,
 * in a buffer of `statxBytes` that is used again for the next.
 */
export type ReadFacts = (
  folder: number,
  name: string,
  flags: number,
  mask: number,
  facts: Uint8Array,
) => number;

/** Bytes of struct statx, which is the same on every processor. */
export const statxBytes = 256;

/** Only where a long has 64 bits, so that a timespec is two of them. */
export const futimens: SetTimes | undefined = native<SetTimes>(
  'int futimens(int, int64_t*)',
  process.platform !== 'win32' && !['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch),
);

/** Only Linux has it. */
export const renameat2: RenameWithFlags | undefined = native<RenameWithFlags>(
  'int renameat2(int, const char*, int, const char*, unsigned int)',
  process.platform === 'linux',
);

/** Only Linux has it. */
export const statx: ReadFacts | undefined = native<ReadFacts>(
  'int statx(int, const char*, int, unsigned int, uint8_t*)',
  process.platform === 'linux',
);

/** The code of the last failed call, such as EEXIST. */
export function lastErrorCode(): string {
  const errno = koffi.errno();
  const found = Object.entries(koffi.os.errno).find(([, value]) => value === errno);
  return found?.[0] ?? `errno ${errno}`;
}

/** The last failed call as an error like Node's own: with a code. */
export function lastError(call: string): Error {
  const code = lastErrorCode();
  return Object.assign(new Error(`${code}: ${call} failed`), { code });
}

function native<T>(prototype: string, supported: boolean): T | undefined {
  if (!supported) return undefined;
  try {
    return koffi.load(null).func(prototype) as unknown as T;
  } catch {
    return undefined;
  }
}
