import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { fileBytes, selectItems, selectResults } from './split-batch.ts';

const { FILE, FOLDER } = ItemKind;
const hash = (value: number) => new Uint8Array(32).fill(value);

const items = create(BatchItemsSchema, {
  path: ['a', 'a/b', 'c', 'd'],
  kind: [FOLDER, FILE, FILE, FILE],
  action: [ItemAction.CREATE, ItemAction.UPDATE, ItemAction.MOVE, ItemAction.UPDATE],
  size: [4096n, 10n, 20n, 30n],
  modifiedNs: [1n, 2n, 3n, 4n],
  createdNs: [5n, 6n, 7n, 8n],
  fileId: [9n, 10n, 11n, 12n],
  destinationPath: ['a_', 'a_/b', 'c', 'd'],
  expected: [{ index: 1, id: 'x' }, { index: 2, id: 'y' }, { index: 3, id: 'z' }], // oxfmt-ignore
  origin: [{ index: 2, path: 'old', sha256: hash(1), isCertain: true }],
  unreported: [{ index: 1, size: 1n }, { index: 3, size: 3n }, { index: 3, size: 4n }], // oxfmt-ignore
});

test('every column follows its item, and what belongs to some items only has their new index', (t) => {
  const { SUCCEEDED, FAILED, UNSPECIFIED } = ItemState;
  const part = selectItems(items, [1, 3]);
  t.deepEqual(
    part,
    create(BatchItemsSchema, {
      path: ['a/b', 'd'],
      kind: [FILE, FILE],
      action: [ItemAction.UPDATE, ItemAction.UPDATE],
      size: [10n, 30n],
      modifiedNs: [2n, 4n],
      createdNs: [6n, 8n],
      fileId: [10n, 12n],
      destinationPath: ['a_/b', 'd'],
      expected: [{ index: 0, id: 'x' }, { index: 1, id: 'z' }], // oxfmt-ignore
      unreported: [{ index: 0, size: 1n }, { index: 1, size: 3n }, { index: 1, size: 4n }], // oxfmt-ignore
    }),
  );
  t.like(selectItems(items, [2]).origin[0], { index: 0, path: 'old', isCertain: true });
  const results = create(BatchResultsSchema, {
    state: [SUCCEEDED, UNSPECIFIED, FAILED, SUCCEEDED],
    size: [0n, 0n, 20n, 30n],
    modifiedNs: [1n, 0n, 3n, 4n],
    destinationModifiedNs: [1n, 0n, 0n, 4n],
    sha256: Buffer.concat([hash(0), hash(0), hash(2), hash(3)]),
    quickXorHash: Buffer.concat([0, 0, 2, 3].map((value) => new Uint8Array(20).fill(value))),
    attempts: [1, 0, 2, 3],
    remark: [{ index: 2, reason: ErrorReason.SOURCE_CHANGED, message: 'm', requestId: 'r' }],
    destinationId: ['i', '', '', 'k'],
    moved: [3],
    rewritten: [{ index: 3, size: 31n }],
  });
  t.deepEqual(
    selectResults(results, [0, 2, 3]),
    create(BatchResultsSchema, {
      state: [SUCCEEDED, FAILED, SUCCEEDED],
      size: [0n, 20n, 30n],
      modifiedNs: [1n, 3n, 4n],
      destinationModifiedNs: [1n, 0n, 4n],
      sha256: new Uint8Array(Buffer.concat([hash(0), hash(2), hash(3)])),
      quickXorHash: new Uint8Array(Buffer.concat([0, 2, 3].map((value) => new Uint8Array(20).fill(value)))), // oxfmt-ignore
      attempts: [1, 2, 3],
      remark: [{ index: 1, reason: ErrorReason.SOURCE_CHANGED, message: 'm', requestId: 'r' }],
      destinationId: ['i', '', 'k'],
      moved: [2],
      rewritten: [{ index: 2, size: 31n }],
    }),
  );
});

test('columns that a batch does not have stay away', (t) => {
  const plain = { ...items, destinationPath: [], expected: [], origin: [], unreported: [] };
  t.deepEqual(selectItems(plain, [0]).destinationPath, []);
  const verification = [ItemVerification.HASH];
  t.deepEqual(selectResults(create(BatchResultsSchema, { state: [1], verification }), [0]).keptPath, []); // oxfmt-ignore
});

test('the bytes are those of the files', (t) => {
  t.is(fileBytes(items), 60n);
  t.is(fileBytes(selectItems(items, [0])), 0n);
});

test('all columns of the schema are known here', (t) => {
  // A column that is added must be added to split-batch.ts too, or it would be lost when a batch is cut.
  t.is(BatchItemsSchema.fields.length, 11);
  // The last is none: a batch that has it is done, and never cut.
  t.is(BatchResultsSchema.fields.length, 15);
});
