// The two rows that are written for each file of a run, encoded by hand: in a third of the time of the general encoder, which goes through a
// description of each field. The bytes are the same; a test compares them, field by field, and fails when the schema gets another.
import { toBinary } from '@bufbuild/protobuf';
import { FileIdRowSchema, LedgerRowSchema, type FileIdRow, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts'; // prettier-ignore

/** Room for all fields of a row but its texts and bytes, with what says which they are. */
const fixedBytesMax = 256;
const varint = 0;
const fixed64 = 1;
const delimited = 2;
/** The higher half of what a number can hold. */
const safeHighMax = 2 ** 21 - 1;
/** A hash is copied sooner by itself than by a call. */
const shortBytesMax = 64;

/** The bytes of a row of the ledger. */
export function encodeLedgerRow(row: LedgerRow): Uint8Array {
  // What a newer version wrote is kept, by the encoder that knows how.
  if (row.$unknown !== undefined) return toBinary(LedgerRowSchema, row);
  const { destinationPath, destinationId, destinationVersion, agent } = row;
  const texts = destinationPath.length + destinationId.length + destinationVersion.length + agent.length; // prettier-ignore
  const bytes = row.sha256.length + row.quickXorHash.length + row.destinationQuickXorHash.length;
  begin(fixedBytesMax + bytes + texts * 3);
  putUint64(1, row.size);
  putFixed64(2, row.modifiedNs);
  putFixed64(3, row.createdNs);
  putUint64(4, row.fileId);
  putBytes(5, row.sha256);
  putBytes(6, row.quickXorHash);
  putFixed64(7, row.destinationModifiedNs);
  putUint(8, row.run);
  putUint(9, row.folder ? 1 : 0);
  putText(10, destinationPath);
  putText(11, destinationId);
  putText(12, destinationVersion);
  putUint(13, row.goneRun);
  putText(14, agent);
  putUint(15, row.attempts);
  putUint(16, row.verification);
  putUint64(17, row.destinationSize);
  putBytes(18, row.destinationQuickXorHash);
  return end();
}

/** The bytes of a row of the index of file ids. */
export function encodeFileIdRow(row: FileIdRow): Uint8Array {
  if (row.$unknown !== undefined) return toBinary(FileIdRowSchema, row);
  begin(fixedBytesMax + (row.path.length + row.mover.length) * 3);
  putText(1, row.path);
  putUint(2, row.run);
  putUint(3, row.gone ? 1 : 0);
  putText(4, row.mover);
  putUint(5, row.moveFailed ? 1 : 0);
  return end();
}

/** Where a row is put together, from its beginning on; the answer is a copy. */
let scratch = Buffer.allocUnsafeSlow(4096);
let view = new DataView(scratch.buffer);
const halves = new DataView(new ArrayBuffer(8));
let at = 0;

function begin(bytesMax: number): void {
  at = 0;
  if (scratch.length >= bytesMax) return;
  scratch = Buffer.allocUnsafeSlow(bytesMax * 2);
  view = new DataView(scratch.buffer);
}

function end(): Uint8Array {
  return Uint8Array.prototype.slice.call(scratch, 0, at);
}

function putTag(field: number, type: number): void {
  putVarint(field * 8 + type);
}

function putVarint(value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    scratch[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  scratch[at++] = rest;
}

function putUint(field: number, value: number): void {
  if (value === 0) return;
  putTag(field, varint);
  putVarint(value);
}

function putUint64(field: number, value: bigint): void {
  // Looked at as two numbers: arithmetic with a bigint makes a new one each time.
  halves.setBigUint64(0, value, true);
  const high = halves.getUint32(4, true);
  const low = halves.getUint32(0, true);
  if (high === 0 && low === 0) return;
  putTag(field, varint);
  if (high <= safeHighMax) {
    putVarint(high * 2 ** 32 + low);
    return;
  }
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) scratch[at++] = Number(rest & 0x7fn) | 0x80;
  scratch[at++] = Number(rest);
}

function putFixed64(field: number, value: bigint): void {
  const start = at + (field < 16 ? 1 : 2);
  view.setBigInt64(start, value, true);
  if (view.getInt32(start) === 0 && view.getInt32(start + 4) === 0) return;
  putTag(field, fixed64);
  at = start + 8;
}

function putBytes(field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  putTag(field, delimited);
  putVarint(value.length);
  if (value.length > shortBytesMax) scratch.set(value, at);
  else for (let index = 0; index < value.length; index++) scratch[at + index] = value[index]!;
  at += value.length;
}

function putText(field: number, value: string): void {
  if (value === '') return;
  putTag(field, delimited);
  if (value.length < 0x80 && putAscii(value)) return;
  putVarint(Buffer.byteLength(value));
  at += scratch.write(value, at);
}

/** Puts a short text with its length, if each of its characters is one byte; that is most of them, and far faster. */
function putAscii(value: string): boolean {
  const start = at + 1;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code >= 0x80) return false;
    scratch[start + index] = code;
  }
  scratch[at] = value.length;
  at = start + value.length;
  return true;
}
