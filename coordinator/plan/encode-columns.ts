// Columns written by hand, in a fraction of the time of the general encoder, which goes through a description of each field for each value.
// The bytes are the same; a test compares them, and fails when the schema gets another column. PURE.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  BatchItemsSchema,
  ItemRemarkSchema,
  type BatchItems,
} from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import {
  begin,
  end,
  putBytes,
  putFixed64s,
  putMessage,
  putTexts,
  putUint,
  putUint64s,
  putUints,
  putZeros,
} from '../store/byte-writer.ts';
import { unchangedDecision, type Decision } from './plan-item.ts';
import { quickXorHashBytes, sha256Bytes } from './hash-bytes.ts';

/** No value of a column but a text has more bytes than this, and each item has at most so many values in all columns. */
const valueBytesMax = 10;
const columnsMax = 16;
/** A text has at most so many bytes for each of its units. */
const unitBytesMax = 3;

/** The bytes of a batch's items. */
export function encodeBatchItems(items: BatchItems): Uint8Array {
  const { expected, origin, unreported } = items;
  if (items.$unknown !== undefined) return toBinary(BatchItemsSchema, items);
  // What only some items have is left to the general encoder, and comes last.
  const isPlain = expected.length + origin.length + unreported.length === 0;
  const sparse = isPlain
    ? undefined
    : toBinary(BatchItemsSchema, create(BatchItemsSchema, { expected, origin, unreported }));
  begin(roomOf(items.path) + roomOf(items.destinationPath) + roomFor(1));
  putTexts(1, items.path);
  putUints(2, items.kind);
  putUints(3, items.action);
  putUint64s(4, items.size);
  putFixed64s(5, items.modifiedNs);
  putFixed64s(6, items.createdNs);
  putUint64s(7, items.fileId);
  putTexts(8, items.destinationPath);
  const columns = end();
  return sparse === undefined ? columns : Buffer.concat([columns, sparse]);
}

/** Results of items that the plan settled: skipped or failed, in the order of their batch. */
export function encodeSettledResults(decisions: readonly Decision[]): Uint8Array {
  const count = decisions.length;
  if (count > 0 && decisions.every((decision) => decision === unchangedDecision)) {
    begin(roomFor(1));
    putUint(15, count);
    return end();
  }
  // Nearly all say only that nothing has changed.
  const remarks = decisions.map((decision, index) => {
    if (decision === unchangedDecision) return undefined;
    const { reason, message } = decision;
    return toBinary(ItemRemarkSchema, create(ItemRemarkSchema, { index, reason, message }));
  });
  const remarkBytes = remarks.reduce((sum, remark) => sum + (remark?.length ?? 0), 0);
  begin(roomFor(count + 1) + (sha256Bytes + quickXorHashBytes) * count + remarkBytes);
  const none = new Array<number>(count).fill(0);
  putUints(1, decisions.map(({ action }) => action === ItemAction.FAIL ? ItemState.FAILED : ItemState.SKIPPED)); // oxfmt-ignore
  putUints(2, none);
  putZeros(3, 8 * count);
  putZeros(4, 8 * count);
  putZeros(5, sha256Bytes * count);
  putZeros(6, quickXorHashBytes * count);
  putUints(7, none);
  for (const [index, remark] of remarks.entries()) {
    if (remark === undefined) putUnchangedRemark(index);
    else putBytes(8, remark);
  }
  return end();
}

function putUnchangedRemark(index: number): void {
  putMessage(8, () => {
    putUint(1, index);
    putUint(2, unchangedDecision.reason);
  });
}

/** Room for the texts of a column, and for the other columns of its items. */
function roomOf(texts: readonly string[]): number {
  let units = 0;
  for (const text of texts) units += text.length;
  return units * unitBytesMax + roomFor(texts.length);
}

function roomFor(items: number): number {
  return items * columnsMax * valueBytesMax;
}
