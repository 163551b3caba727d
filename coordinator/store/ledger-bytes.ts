// Rows of the ledger as their bytes. In a run in which little has changed nearly all of them are only compared with what the scan found,
// and that needs no row: the few fields that count are looked at where they lie. What has to be taken apart is, by hand, in a fraction of
// the time of the general decoder; a test compares the two, and fails when the schema gets another field.
import { fromBinary } from '@bufbuild/protobuf';
import { LedgerRowSchema, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import {
  beginReading,
  hasMore,
  isFixed64,
  isWhole,
  readBytes,
  readEnum,
  readFixed64,
  readTag,
  readText,
  readUint,
  readUint64,
  skipDelimited,
  skipFixed64,
} from './byte-reader.ts';

/** What a scan found of a file. */
export interface FileFacts {
  size: bigint;
  modifiedNs: bigint;
  fileId: bigint;
}

/** The tags of the fields, as they stand before their values. */
const tags = {
  size: 0x08,
  modifiedNs: 0x11,
  createdNs: 0x19,
  fileId: 0x20,
  sha256: 0x2a,
  quickXorHash: 0x32,
  destinationModifiedNs: 0x39,
  run: 0x40,
  folder: 0x48,
  destinationPath: 0x52,
  destinationId: 0x5a,
  destinationVersion: 0x62,
  goneRun: 0x68,
  agent: 0x72,
  attempts: 0x78,
  // From 16 on a tag has two bytes.
  verification: 0x180,
  destinationSize: 0x188,
  destinationQuickXorHash: 0x192,
  dated: 0x198,
} as const;

const nothing: Uint8Array = new Uint8Array(0);

/**
 * Whether the row is that of a file with just these facts, which is at the source where it was in the last run, and is at the destination
 * under the path of the source. False where the bytes hold what this version does not know.
 */
export function isSameFile(bytes: Uint8Array, { size, modifiedNs, fileId }: FileFacts): boolean {
  // What is not in a row is zero.
  let isSize = size === 0n;
  let isTime = modifiedNs === 0n;
  let isId = fileId === 0n;
  beginReading(bytes);
  while (hasMore()) {
    switch (readTag()) {
      case tags.size:
        isSize = readUint64() === size;
        break;
      case tags.modifiedNs:
        isTime = isFixed64(modifiedNs);
        break;
      case tags.fileId:
        isId = readUint64() === fileId;
        break;
      case tags.createdNs:
      case tags.destinationModifiedNs:
        skipFixed64();
        break;
      case tags.sha256:
      case tags.quickXorHash:
      case tags.destinationId:
      case tags.destinationVersion:
      case tags.agent:
      case tags.destinationQuickXorHash:
        skipDelimited();
        break;
      case tags.run:
      case tags.attempts:
      case tags.verification:
      case tags.destinationSize:
        readUint();
        break;
      default:
        return false;
    }
  }
  return isWhole() && isSize && isTime && isId;
}

/** The row. Throws what the general decoder does when the bytes are none. */
export function decodeLedgerRow(bytes: Uint8Array): LedgerRow {
  const decoded = emptyRow();
  beginReading(bytes);
  while (hasMore()) if (!readField(decoded)) return fromBinary(LedgerRowSchema, bytes);
  return isWhole() ? decoded : fromBinary(LedgerRowSchema, bytes);
}

/** All fields are there from the beginning, so that all rows are alike to the engine. */
function emptyRow(): LedgerRow {
  return {
    $typeName: 'drover.store.v1.LedgerRow',
    size: 0n,
    modifiedNs: 0n,
    createdNs: 0n,
    fileId: 0n,
    sha256: nothing,
    quickXorHash: nothing,
    destinationModifiedNs: 0n,
    run: 0,
    folder: false,
    destinationPath: '',
    destinationId: '',
    destinationVersion: '',
    goneRun: 0,
    agent: '',
    attempts: 0,
    verification: ItemVerification.UNSPECIFIED,
    destinationSize: 0n,
    destinationQuickXorHash: nothing,
    dated: false,
  };
}

/** Reads one field; false when this version does not know it. */
function readField(to: LedgerRow): boolean {
  switch (readTag()) {
    case tags.size:
      to.size = readUint64();
      return true;
    case tags.modifiedNs:
      to.modifiedNs = readFixed64();
      return true;
    case tags.createdNs:
      to.createdNs = readFixed64();
      return true;
    case tags.fileId:
      to.fileId = readUint64();
      return true;
    case tags.sha256:
      to.sha256 = readBytes();
      return true;
    case tags.quickXorHash:
      to.quickXorHash = readBytes();
      return true;
    case tags.destinationModifiedNs:
      to.destinationModifiedNs = readFixed64();
      return true;
    case tags.run:
      to.run = readUint();
      return true;
    case tags.folder:
      to.folder = readUint() !== 0;
      return true;
    case tags.destinationPath:
      to.destinationPath = readText();
      return true;
    case tags.destinationId:
      to.destinationId = readText();
      return true;
    case tags.destinationVersion:
      to.destinationVersion = readText();
      return true;
    case tags.goneRun:
      to.goneRun = readUint();
      return true;
    case tags.agent:
      to.agent = readText();
      return true;
    case tags.attempts:
      to.attempts = readUint();
      return true;
    case tags.verification:
      to.verification = readEnum() as ItemVerification;
      return true;
    case tags.destinationSize:
      to.destinationSize = readUint64();
      return true;
    case tags.destinationQuickXorHash:
      to.destinationQuickXorHash = readBytes();
      return true;
    case tags.dated:
      to.dated = readUint() !== 0;
      return true;
    default:
      return false;
  }
}
