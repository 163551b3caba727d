// PURE. How much of a file goes into one request of an upload session: more when the service takes it quickly, less when it does
// not take it at all.

/** Every chunk but the last is a multiple of this; else everything is accepted and the last request fails. */
export const chunkUnitBytes = 320 * 1024;
/** 5 MiB: what the service's documentation recommends at least, and a whole number of units. */
export const chunkBytesFirst = 16 * chunkUnitBytes;
const chunkBytesMin = 4 * chunkUnitBytes;
/** 20 MiB: more hardly saves time, well under the 60 MiB that one request may have, and two of them are what a thread can spare. */
const chunkBytesMax = 64 * chunkUnitBytes;
/** A chunk that takes longer than this is as large as it needs to be. */
const longMs = 4000;

/** The size after a chunk of the present size was taken in `elapsedMs`. */
export function grownChunkBytes(chunkBytes: number, elapsedMs: number): number {
  if (elapsedMs > longMs) return chunkBytes;
  return Math.min(chunkBytes * 2, chunkBytesMax);
}

/** The size after a chunk was not taken: a gateway gives up on requests that take too long. */
export function shrunkChunkBytes(chunkBytes: number): number {
  const units = Math.floor(chunkBytes / 2 / chunkUnitBytes);
  return Math.max(units * chunkUnitBytes, chunkBytesMin);
}
