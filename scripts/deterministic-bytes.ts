// Content that is the same every time and different for every number, made as fast as memory is copied: a file of the bench must
// not compress, repeat or hash like another one.
const poolBytes = 8 * 1024 * 1024;
const pool = randomPool();

/** `length` bytes, at most 7 MiB, that depend on `number` only; to be read, not written. */
export function deterministicBytes(number: number, length: number): Buffer {
  if (length > poolBytes - 1024 * 1024) throw new RangeError(`more than can be made: ${length}`);
  const bytes = Buffer.from(pool.buffer, (number * 7919) % (poolBytes - length), length);
  if (length < 8) return bytes;
  // Numbers far apart may begin at the same place of the pool, so the number itself stands at the beginning.
  const own = Buffer.from(bytes);
  own.writeUInt32LE(number >>> 0, 0);
  return own;
}

/** Marsaglia's xorshift, because it has to be the same on every machine and every run. */
function randomPool(): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(poolBytes / 4);
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state >>> 0;
  }
  return new Uint8Array(words.buffer);
}
