// The two rows that are written for each file of a run, encoded by hand: in a third of the time of the general encoder, which goes through a
// description of each field. The bytes are the same; a test compares them, field by field, and fails when the schema gets another.
import { toBinary } from '@bufbuild/protobuf';
import { FileIdRowSchema, LedgerRowSchema, type FileIdRow, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { begin, end, putBytes, putFixed64, putText, putUint, putUint64 } from './byte-writer.ts';

/** Room for all fields of a row but its texts and bytes, with what says which they are. */
const fixedBytesMax = 256;

/** The bytes of a row of the ledger. */
export function encodeLedgerRow(row: LedgerRow): Uint8Array {
  // What a newer version wrote is kept, by the encoder that knows how.
  if (row.$unknown !== undefined) return toBinary(LedgerRowSchema, row);
  const { destinationPath, destinationId, destinationVersion, agent } = row;
  const texts = destinationPath.length + destinationId.length + destinationVersion.length + agent.length; // oxfmt-ignore
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
  putUint(19, row.dated ? 1 : 0);
  return end();
}

/** The bytes of a row of the index of file ids that says nothing but the path. */
export function encodeFileIdPath(path: string): Uint8Array {
  begin(fixedBytesMax + path.length * 3);
  putText(1, path);
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
