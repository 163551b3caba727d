import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { FileIdRowSchema, LedgerRowSchema, type FileIdRow, type LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { encodeFileIdPath, encodeFileIdRow, encodeLedgerRow } from './row-bytes.ts';
import { numbersOf } from './testing/random.ts';

const texts = ['', 'a', 'Ärger/naïve 日本 🎉.docx', 'x'.repeat(127), 'y'.repeat(128), 'ü'.repeat(9000)]; // oxfmt-ignore
const numbers = [0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 32 - 1];
const sizes = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const times = [0n, 1n, -1n, 1_700_000_000_123_456_789n, 2n ** 63n - 1n, -(2n ** 63n)];

const numbersOfFields = (schema: typeof LedgerRowSchema | typeof FileIdRowSchema) =>
  schema.fields.map(({ number }) => number).toSorted((one, other) => one - other);

test('the schema has the fields that are written by hand, and no other', (t) => {
  t.deepEqual(numbersOfFields(LedgerRowSchema), Array.from({ length: 19 }, (_, index) => index + 1)); // oxfmt-ignore
  t.deepEqual(numbersOfFields(FileIdRowSchema), [1, 2, 3, 4, 5]);
});

test('rows are encoded as the general encoder does it', (t) => {
  const below = numbersOf(1);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;
  for (let round = 0; round < 2000; round++) {
    const bytes = () => new Uint8Array(oneOf([0, 1, 20, 32, 200])).fill(below(256));
    const ledger: LedgerRow = create(LedgerRowSchema, {
      size: oneOf(sizes),
      modifiedNs: oneOf(times),
      createdNs: oneOf(times),
      fileId: oneOf(sizes),
      sha256: bytes(),
      quickXorHash: bytes(),
      destinationModifiedNs: oneOf(times),
      run: oneOf(numbers),
      folder: below(2) === 0,
      destinationPath: oneOf(texts),
      destinationId: oneOf(texts),
      destinationVersion: oneOf(texts),
      goneRun: oneOf(numbers),
      agent: oneOf(texts),
      attempts: oneOf(numbers),
      verification: oneOf(Object.values(ItemVerification)),
      destinationSize: oneOf(sizes),
      destinationQuickXorHash: bytes(),
      dated: below(2) === 0,
    });
    const fileId: FileIdRow = create(FileIdRowSchema, {
      path: oneOf(texts),
      run: oneOf(numbers),
      gone: below(2) === 0,
      mover: oneOf(texts),
      moveFailed: below(2) === 0,
    });
    if (!Buffer.from(encodeLedgerRow(ledger)).equals(toBinary(LedgerRowSchema, ledger)))
      t.fail(`of the ledger, in round ${round}`);
    if (!Buffer.from(encodeFileIdRow(fileId)).equals(toBinary(FileIdRowSchema, fileId)))
      t.fail(`of a file id, in round ${round}`);
    const { path } = fileId;
    if (
      !Buffer.from(encodeFileIdPath(path)).equals(
        toBinary(FileIdRowSchema, create(FileIdRowSchema, { path })),
      )
    )
      // oxfmt-ignore
      t.fail(`of the path of a file id, in round ${round}`);
  }
  t.pass();
});

test('fields that this version does not know are kept', (t) => {
  // Field 1000, a number.
  const unknown = Uint8Array.of(0xc0, 0x3e, 0x07);
  const row = fromBinary(LedgerRowSchema, unknown);
  t.deepEqual(Buffer.from(encodeLedgerRow(row)), Buffer.from(unknown));
  const index = fromBinary(FileIdRowSchema, unknown);
  t.deepEqual(Buffer.from(encodeFileIdRow(index)), Buffer.from(unknown));
});
