import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ItemRemarkSchema,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { numbersOf } from '../store/testing/random.ts';
import { encodeBatchItems, encodeSettledResults } from './encode-columns.ts';
import { unchangedDecision, type Decision } from './plan-item.ts';
import { RandomColumns } from './testing/random-columns.ts';

const below = numbersOf(11);
const random = new RandomColumns(below);
const numbersOfFields = ({ fields }: { fields: readonly { number: number }[] }) =>
  fields.map(({ number }) => number).toSorted((one, other) => one - other);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test('the columns are those that are written by hand, and no others', (t) => {
  t.deepEqual(numbersOfFields(BatchItemsSchema), upTo(11));
});

test('items are encoded as the general encoder does it', (t) => {
  for (let round = 0; round < 100; round++) {
    const items = random.items();
    const expected = Buffer.from(toBinary(BatchItemsSchema, items));
    t.true(expected.equals(encodeBatchItems(items)), `round ${round}`);
  }
  const unknown = fromBinary(BatchItemsSchema, Uint8Array.of(0xc0, 0x3e, 0x07));
  t.deepEqual(Buffer.from(encodeBatchItems(unknown)), Buffer.of(0xc0, 0x3e, 0x07));
});

test('settled results are encoded as the general encoder does it', (t) => {
  const failed: Decision = { action: ItemAction.FAIL, reason: ErrorReason.NAME_INVALID, message: 'ä' }; // oxfmt-ignore
  for (const count of [0, 1, 200, 1000]) {
    // With one at least that says more than that nothing has changed.
    const decisions = Array.from({ length: count }, (_, index) =>
      index === 0 ? failed : random.oneOf([unchangedDecision, failed]),
    );
    const zeros = new Array<bigint>(count).fill(0n);
    const expected = create(BatchResultsSchema, {
      state: decisions.map(({ action }) => action === ItemAction.FAIL ? ItemState.FAILED : ItemState.SKIPPED), // oxfmt-ignore
      size: zeros,
      modifiedNs: zeros,
      destinationModifiedNs: zeros,
      sha256: new Uint8Array(32 * count),
      quickXorHash: new Uint8Array(20 * count),
      attempts: new Array<number>(count).fill(0),
      remark: decisions.map(({ reason, message }, index) => create(ItemRemarkSchema, { index, reason, message })), // oxfmt-ignore
    });
    const bytes = Buffer.from(toBinary(BatchResultsSchema, expected));
    t.true(bytes.equals(encodeSettledResults(decisions)), `${count}`);
  }
});
