// LevelDB's log, which holds the latest commits. When LevelDB opens a store it leaves out what it cannot read of a log, and says nothing; a
// record that is lost in the middle would be a commit that was acknowledged. So a log is read before it is opened.
import { storedChecksum } from './checksum.ts';

const blockBytes = 32 * 1024;
const headerBytes = 7;
/** Whole, first, middle and last part of a record. */
const recordTypeMax = 4;

/**
 * Where a log is damaged, as the byte at which a record is that cannot be read, though there are records after it. Undefined when it is
 * whole, or when only its end is missing: a record that nobody was told of, because the machine stopped while it was written.
 */
export function damageOfLog(log: Uint8Array): number | undefined {
  let damage: number | undefined;
  for (let at = 0; at + headerBytes <= log.length;) {
    const left = blockBytes - (at % blockBytes);
    const length = left < headerBytes ? left : readRecord(log, at, left);
    // LevelDB itself goes on with the next block; but what comes before that is lost as well.
    if (length === undefined) damage ??= at;
    else if (damage !== undefined && left >= headerBytes) return damage;
    at += length ?? 1;
  }
  return undefined;
}

/** How long the record is, with its header; undefined when it is none. */
function readRecord(log: Uint8Array, at: number, left: number): number | undefined {
  const view = new DataView(log.buffer, log.byteOffset + at);
  const length = view.getUint16(4, true);
  const type = view.getUint8(6);
  const end = at + headerBytes + length;
  if (type === 0 || type > recordTypeMax || headerBytes + length > left || end > log.length)
    return undefined;
  // The checksum is over the type and what follows it.
  const isWhole = storedChecksum(log.subarray(at + 6, end)) === view.getUint32(0, true);
  return isWhole ? headerBytes + length : undefined;
}
