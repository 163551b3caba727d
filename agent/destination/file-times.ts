// Dates of files and folders, to the nanosecond. Node's own futimes takes seconds as a double, which holds a present-day
// time to about 200 nanoseconds only; so the C library's futimens is called, which is faster as well.
//
// Where futimens is missing (Windows) Node's is used, and the modified time is kept to the microsecond.
// The created time cannot be set on Linux, whose file systems make it up by themselves, and is not set elsewhere yet.
import { closeSync, constants, fstatSync, futimesSync, openSync } from 'node:fs';
import { futimens, lastError } from '../pool/system-calls.ts';

/** Gives an open file or folder its modified time, in nanoseconds since 1970. Throws what the system says. */
export function setModifiedTime(descriptor: number, modifiedNs: bigint): void {
  if (futimens === undefined) {
    futimesSync(descriptor, fstatSync(descriptor).atimeMs / 1000, Number(modifiedNs) / 1e9);
    return;
  }
  const seconds = floorDivide(modifiedNs, secondNs);
  times[2] = seconds;
  times[3] = modifiedNs - seconds * secondNs;
  if (futimens(descriptor, times) !== 0) throw lastError('futimens');
}

/** Gives a folder its modified time, and answers whether it had another one; a link is not followed. */
export function setFolderModifiedTime(folder: string, modifiedNs: bigint): boolean {
  const descriptor = openSync(folder, folderFlags);
  try {
    if (fstatSync(descriptor, { bigint: true }).mtimeNs === modifiedNs) return false;
    setModifiedTime(descriptor, modifiedNs);
    return true;
  } finally {
    closeSync(descriptor);
  }
}

const secondNs = 1_000_000_000n;
const folderFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DIRECTORY ?? 0);

/** UTIME_OMIT: leaves the time of the last access as it is. */
const leaveAsIs = process.platform === 'darwin' ? -2n : (1n << 30n) - 2n;

/** [seconds, nanoseconds] of the last access, then of the last change; reused, as calls are synchronous. */
const times = new BigInt64Array([0n, leaveAsIs, 0n, 0n]);

/** Rounds down, so that times before 1970 have positive nanoseconds. */
function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}
