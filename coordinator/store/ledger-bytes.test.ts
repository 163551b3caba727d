import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { decodeLedgerRow, isSameFile } from './ledger-bytes.ts';
import { numbersOf } from './testing/random.ts';

const texts = ['', 'a', 'Ärger/naïve 日本 🎉.docx', 'x'.repeat(127), 'ü'.repeat(9000)];
const numbers = [0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 32 - 1];
const sizes = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const times = [0n, 1n, -1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, -(2n ** 63n)];

const below = numbersOf(7);
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;

function randomRow(): LedgerRow {
  const bytes = () => new Uint8Array(oneOf([0, 1, 20, 32, 200])).fill(below(256));
  return create(LedgerRowSchema, {
    size: oneOf(sizes),
    modifiedNs: oneOf(times),
    createdNs: oneOf(times),
    fileId: oneOf(sizes),
    sha256: bytes(),
    quickXorHash: bytes(),
    destinationModifiedNs: oneOf(times),
    run: oneOf(numbers),
    folder: below(4) === 0,
    destinationPath: below(4) === 0 ? oneOf(texts) : '',
    destinationId: oneOf(texts),
    destinationVersion: oneOf(texts),
    goneRun: below(4) === 0 ? oneOf(numbers) : 0,
    agent: oneOf(texts),
    attempts: oneOf(numbers),
    verification: oneOf(
      Object.values(ItemVerification).filter((value) => typeof value === 'number'),
    ),
    destinationSize: oneOf(sizes),
    destinationQuickXorHash: bytes(),
  });
}

test('the schema has the fields that are read by hand, and no other', (t) => {
  const fields = LedgerRowSchema.fields.map(({ number }) => number);
  t.deepEqual(fields.toSorted((one, other) => one - other), Array.from({ length: 19 }, (_, index) => index + 1)); // oxfmt-ignore
});

test('rows are decoded as the general decoder does it', (t) => {
  for (let round = 0; round < 1000; round++) {
    const row = toBinary(LedgerRowSchema, randomRow());
    t.deepEqual(decodeLedgerRow(row), fromBinary(LedgerRowSchema, row), `round ${round}`);
  }
});

test('what is damaged, or of a newer version, is what the general decoder makes of it', (t) => {
  const answerOf = (decode: () => LedgerRow) => {
    try {
      return decode();
    } catch (error) {
      return String(error);
    }
  };
  for (let round = 0; round < 3000; round++) {
    const whole = toBinary(LedgerRowSchema, randomRow());
    const row = whole.subarray(0, below(whole.length + 1)).slice();
    if (row.length > 0 && below(2) === 0) row[below(Math.min(row.length, 60))] = below(256);
    const expected = answerOf(() => fromBinary(LedgerRowSchema, row));
    t.deepEqual(
      answerOf(() => decodeLedgerRow(row)),
      expected,
      Buffer.from(row).toString('hex'),
    );
  }
  // Field 1000, a number.
  const unknown = Uint8Array.of(0xc0, 0x3e, 0x07);
  t.deepEqual(decodeLedgerRow(unknown), fromBinary(LedgerRowSchema, unknown));
  t.false(isSameFile(unknown, { size: 0n, modifiedNs: 0n, fileId: 0n }));
});

test('the file of a row is the same only by all of its facts, where it always was', (t) => {
  let same = 0;
  for (let round = 0; round < 3000; round++) {
    const row = randomRow();
    const { size, modifiedNs, fileId } = row;
    const facts = { size, modifiedNs, fileId };
    const [name, values] = oneOf([['size', sizes], ['modifiedNs', times], ['fileId', sizes]] as const); // oxfmt-ignore
    if (below(2) === 0) facts[name] = oneOf<bigint>(values);
    const isSame = facts[name] === row[name];
    const isPlain = !row.folder && row.destinationPath === '' && row.goneRun === 0;
    t.is(isSameFile(toBinary(LedgerRowSchema, row), facts), isSame && isPlain, `round ${round}`);
    if (isSame && isPlain) same += 1;
  }
  t.true(same > 300);
});
