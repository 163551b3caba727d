// Columns read by hand, in a fraction of the time of the general decoder, which goes through a description of each field for each value.
// The messages are the same; a test compares them, and fails when the schema gets another column. What is written in another way than agents
// and this coordinator do it, and what is damaged, is left to the general decoder, which throws. PURE.
import { create, fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ExpectedDestinationSchema,
  ItemRemarkSchema,
  MoveOriginSchema,
  RewrittenContentSchema,
  ScanPageSchema,
  UnreportedWriteSchema,
  type BatchItems,
  type BatchResults,
  type ScanPage,
} from '../../gen/drover/v1/columns_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import {
  beginPacked,
  beginReading,
  countFixed64sUpTo,
  countVarintsUpTo,
  hasMore,
  hasMoreUpTo,
  isWhole,
  lengthDelimited,
  isWholeSoFar,
  readBytes,
  readEnum,
  readFixed64,
  readTag,
  readText,
  readUint32,
  readUint64,
  skipDelimited,
} from '../store/byte-reader.ts';
import { quickXorHashBytes, sha256Bytes } from './hash-bytes.ts';
import { unchangedDecision } from './plan-item.ts';
import { scanPageItemsMax } from './plan-page.ts';

/** A page of a scan. Throws when the bytes are none, as all here do. */
export function decodeScanPage(bytes: Uint8Array): ScanPage {
  return decode(ScanPageSchema, bytes, readPageColumn);
}

/** The items of a batch. */
export function decodeBatchItems(bytes: Uint8Array): BatchItems {
  return decode(BatchItemsSchema, bytes, readItemsColumn);
}

/** How many items a batch has: goes over its bytes, and makes nothing of them. */
export function countBatchItems(bytes: Uint8Array): number {
  let count = 0;
  beginReading(bytes);
  while (hasMore()) {
    const tag = readTag();
    // Every column, and every value of one with texts or messages, stands behind its length.
    if (tag >= 0x80 || (tag & 0x07) !== lengthDelimited) return decodeBatchItems(bytes).path.length;
    if (tag === 0x0a) count += 1;
    skipDelimited();
  }
  return isWhole() ? count : decodeBatchItems(bytes).path.length;
}

/** The results of a batch, in columns also where nothing has changed. */
export function decodeBatchResults(bytes: Uint8Array): BatchResults {
  const results = decode(BatchResultsSchema, bytes, readResultsColumn);
  return results.unchanged === 0 ? results : unchangedResults(results.unchanged);
}

/** Results of so many items of which nothing has changed. Throws when no page has so many. */
export function unchangedResults(count: number): BatchResults {
  if (count > scanPageItemsMax) throw new RangeError(`no batch has ${count} unchanged items`);
  const [zeros, noTimes] = [new Array<number>(count).fill(0), new Array<bigint>(count).fill(0n)];
  return create(BatchResultsSchema, {
    state: new Array<ItemState>(count).fill(ItemState.SKIPPED),
    size: noTimes,
    modifiedNs: noTimes,
    destinationModifiedNs: noTimes,
    sha256: new Uint8Array(sha256Bytes * count),
    quickXorHash: new Uint8Array(quickXorHashBytes * count),
    attempts: zeros,
    remark: zeros.map((_, index) => create(ItemRemarkSchema, { index, reason: unchangedDecision.reason })), // oxfmt-ignore
  });
}

/** Reads one column, or one value of a column with texts or messages; false when it has another form. */
type ReadColumn<M> = (message: M) => boolean;

function decode<D extends DescMessage>(
  desc: D,
  bytes: Uint8Array,
  readColumn: ReadColumn<MessageShape<D>>,
): MessageShape<D> {
  const message = create(desc);
  beginReading(bytes);
  while (hasMore()) if (!readColumn(message)) return fromBinary(desc, bytes);
  return isWhole() ? message : fromBinary(desc, bytes);
}

function readPageColumn(page: ScanPage): boolean {
  switch (readTag()) {
    case 0x0a:
      return readTextOf(page.path);
    case 0x12:
      return readColumnOf(page.kind, readEnum);
    case 0x1a:
      return readColumnOf(page.size, readUint64);
    case 0x22:
      return readFixed64sOf(page.modifiedNs);
    case 0x2a:
      return readFixed64sOf(page.createdNs);
    case 0x32:
      return readColumnOf(page.fileId, readUint64);
    case 0x3a:
      return readMessageOf(ItemRemarkSchema, page.remark);
    default:
      return false;
  }
}

function readItemsColumn(items: BatchItems): boolean {
  switch (readTag()) {
    case 0x0a:
      return readTextOf(items.path);
    case 0x12:
      return readColumnOf(items.kind, readEnum);
    case 0x1a:
      return readColumnOf(items.action, readEnum);
    case 0x22:
      return readColumnOf(items.size, readUint64);
    case 0x2a:
      return readFixed64sOf(items.modifiedNs);
    case 0x32:
      return readFixed64sOf(items.createdNs);
    case 0x3a:
      return readColumnOf(items.fileId, readUint64);
    case 0x42:
      return readTextOf(items.destinationPath);
    case 0x4a:
      return readMessageOf(ExpectedDestinationSchema, items.expected);
    case 0x52:
      return readMessageOf(MoveOriginSchema, items.origin);
    case 0x5a:
      return readMessageOf(UnreportedWriteSchema, items.unreported);
    default:
      return false;
  }
}

function readResultsColumn(results: BatchResults): boolean {
  switch (readTag()) {
    case 0x0a:
      return readColumnOf(results.state, readEnum);
    case 0x12:
      return readColumnOf(results.size, readUint64);
    case 0x1a:
      return readFixed64sOf(results.modifiedNs);
    case 0x22:
      return readFixed64sOf(results.destinationModifiedNs);
    case 0x2a:
      results.sha256 = readBytes();
      return true;
    case 0x32:
      results.quickXorHash = readBytes();
      return true;
    case 0x3a:
      return readColumnOf(results.attempts, readUint32);
    case 0x42:
      return readMessageOf(ItemRemarkSchema, results.remark);
    case 0x4a:
      return readTextOf(results.destinationId);
    case 0x52:
      return readTextOf(results.destinationVersion);
    case 0x5a:
      return readColumnOf(results.verification, readEnum);
    case 0x62:
      return readTextOf(results.keptPath);
    case 0x6a:
      return readColumnOf(results.moved, readUint32);
    case 0x72:
      return readMessageOf(RewrittenContentSchema, results.rewritten);
    case 0x78:
      results.unchanged = readUint32();
      return true;
    default:
      return false;
  }
}

function readTextOf(column: string[]): boolean {
  column.push(readText());
  return true;
}

/** Values in one piece. The column gets its length at once: one that grows is copied again and again. */
function readColumnOf<T>(
  column: T[],
  readValue: () => T,
  countUpTo: (end: number) => number = countVarintsUpTo,
): boolean {
  const end = beginPacked();
  let next = column.length;
  column.length += countUpTo(end);
  while (hasMoreUpTo(end)) column[next++] = readValue();
  // Of what is damaged there may be less.
  column.length = next;
  return true;
}

function readFixed64sOf(column: bigint[]): boolean {
  return readColumnOf(column, readFixed64, countFixed64sUpTo);
}

/** What only some items have is left to the general decoder. */
function readMessageOf<M extends MessageShape<DescMessage>>(
  desc: GenMessage<M>,
  column: M[],
): boolean {
  const bytes = readBytes();
  if (!isWholeSoFar()) return false;
  try {
    column.push(fromBinary(desc, bytes));
    return true;
  } catch {
    // In the middle of a larger message the general decoder takes some that it does not take alone.
    return false;
  }
}
