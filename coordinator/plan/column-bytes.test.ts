import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ItemRemarkSchema,
  ScanPageSchema,
  type BatchItems,
  type ScanPage,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { numbersOf } from '../store/testing/random.ts';
import { decodeScanPage, encodeBatchItems, encodeSettledResults } from './column-bytes.ts';
import { unchangedDecision, type Decision } from './plan-item.ts';

const texts = ['a', 'Ärger/naïve 日本 🎉.docx', '', 'x'.repeat(127), 'y'.repeat(128), 'ü'.repeat(9000)]; // prettier-ignore
const sizes = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const times = [0n, 1n, -1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, -(2n ** 63n)];
const kinds = [ItemKind.FILE, ItemKind.FOLDER, ItemKind.SYMBOLIC_LINK, ItemKind.UNSPECIFIED];

const below = numbersOf(11);
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;
const some = <T>(values: readonly T[], count: number): T[] => Array.from({ length: count }, () => oneOf(values)); // prettier-ignore
const numbersOfFields = ({ fields }: { fields: readonly { number: number }[] }) =>
  fields.map(({ number }) => number).toSorted((one, other) => one - other);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

function randomItems(): BatchItems {
  const count = oneOf([0, 1, 2, 20, 500]);
  const isSparse = count > 0 && below(2) === 0;
  return create(BatchItemsSchema, {
    path: some(texts, count),
    kind: some(kinds, count),
    action: some([ItemAction.SKIP, ItemAction.CREATE], count),
    size: some(sizes, count),
    modifiedNs: some(times, count),
    createdNs: some(times, count),
    fileId: some(sizes, count),
    destinationPath: below(2) === 0 ? some(texts, count) : [],
    expected: isSparse ? [{ index: 0, size: oneOf(sizes), id: oneOf(texts) }] : [],
    origin: isSparse ? [{ index: below(count), path: oneOf(texts) }] : [],
    unreported: isSparse ? [{ index: below(count), size: oneOf(sizes) }] : [],
  });
}

function randomPage(): ScanPage {
  const count = oneOf([0, 1, 2, 20, 500]);
  return create(ScanPageSchema, {
    path: some(texts, count),
    kind: some(kinds, count),
    size: some(sizes, count),
    modifiedNs: some(times, count),
    createdNs: some(times, count),
    fileId: some(sizes, count),
    remark: below(2) === 0 ? [{ index: below(count + 1), reason: ErrorReason.FILTERED, message: oneOf(texts) }] : [], // prettier-ignore
  });
}

test('the columns are those that are read and written by hand, and no others', (t) => {
  t.deepEqual(numbersOfFields(ScanPageSchema), upTo(7));
  t.deepEqual(numbersOfFields(BatchItemsSchema), upTo(11));
});

test('items are encoded as the general encoder does it', (t) => {
  for (let round = 0; round < 200; round++) {
    const items = randomItems();
    const expected = Buffer.from(toBinary(BatchItemsSchema, items));
    t.true(expected.equals(encodeBatchItems(items)), `round ${round}`);
  }
  const unknown = fromBinary(BatchItemsSchema, Uint8Array.of(0xc0, 0x3e, 0x07));
  t.deepEqual(Buffer.from(encodeBatchItems(unknown)), Buffer.of(0xc0, 0x3e, 0x07));
});

test('pages are decoded as the general decoder does it', (t) => {
  for (let round = 0; round < 200; round++) {
    const bytes = toBinary(ScanPageSchema, randomPage());
    t.deepEqual(decodeScanPage(bytes), fromBinary(ScanPageSchema, bytes), `round ${round}`);
  }
});

test('what is no page, or is written in another way, is what the general decoder makes of it', (t) => {
  const answerOf = (decode: () => ScanPage) => {
    try {
      return decode();
    } catch (error) {
      return String(error);
    }
  };
  const small = create(ScanPageSchema, { path: ['a', 'ä/b'], kind: [1, 2], size: [3n, 2n ** 60n], modifiedNs: [5n, -5n], createdNs: [0n, 9n], fileId: [1n, 2n ** 64n - 1n], remark: [{ index: 1, reason: 3, message: 'no' }] }); // prettier-ignore
  const whole = toBinary(ScanPageSchema, small);
  for (let round = 0; round < 5000; round++) {
    const bytes = whole.slice(0, below(3) === 0 ? below(whole.length + 1) : whole.length);
    for (let changes = below(3); changes > 0 && bytes.length > 0; changes--) bytes[below(bytes.length)] = below(256); // prettier-ignore
    const expected = answerOf(() => fromBinary(ScanPageSchema, bytes));
    t.deepEqual(
      answerOf(() => decodeScanPage(bytes)),
      expected,
      Buffer.from(bytes).toString('hex'),
    );
  }
  // A number that is not in one piece with others, and a field of a newer version.
  for (const bytes of [Uint8Array.of(0x10, 1), Uint8Array.of(0xc0, 0x3e, 0x07)])
    t.deepEqual(decodeScanPage(bytes), fromBinary(ScanPageSchema, bytes));
});

test('settled results are encoded as the general encoder does it', (t) => {
  const failed: Decision = { action: ItemAction.FAIL, reason: ErrorReason.NAME_INVALID, message: 'ä' }; // prettier-ignore
  for (const count of [0, 1, 200, 1000]) {
    const decisions = some([unchangedDecision, failed], count);
    const zeros = new Array<bigint>(count).fill(0n);
    const expected = create(BatchResultsSchema, {
      state: decisions.map(({ action }) => action === ItemAction.FAIL ? ItemState.FAILED : ItemState.SKIPPED), // prettier-ignore
      size: zeros,
      modifiedNs: zeros,
      destinationModifiedNs: zeros,
      sha256: new Uint8Array(32 * count),
      quickXorHash: new Uint8Array(20 * count),
      attempts: new Array<number>(count).fill(0),
      remark: decisions.map(({ reason, message }, index) => create(ItemRemarkSchema, { index, reason, message })), // prettier-ignore
    });
    const bytes = Buffer.from(toBinary(BatchResultsSchema, expected));
    t.true(bytes.equals(encodeSettledResults(decisions)), `${count}`);
  }
});
