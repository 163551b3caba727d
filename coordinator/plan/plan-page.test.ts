import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import {
  LedgerRowSchema,
  PlanCountsSchema,
  type LedgerRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  ScanPageSchema,
  type BatchItems,
  type ScanPage,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { batchBytesMax, batchItemsMax } from './batch-builder.ts';
import {
  planPage,
  scannedItems,
  scanPageItemsMax,
  type PagePlan,
  type PlannedBatch,
} from './plan-page.ts';
import { decodeBatchResults } from './decode-columns.ts';

interface Entry {
  path: string;
  kind?: ItemKind;
  size?: bigint;
  reason?: ErrorReason;
}

const mebibyte = 1024n * 1024n;

function pageOf(entries: readonly Entry[]): ScanPage {
  const page = create(ScanPageSchema);
  for (const [index, { path, kind = ItemKind.FILE, size = 0n, reason }] of entries.entries()) {
    page.path.push(path);
    page.kind.push(kind);
    page.size.push(size);
    page.modifiedNs.push(BigInt(index));
    page.createdNs.push(5n);
    page.fileId.push(BigInt(index) + 100n);
    if (reason !== undefined)
      page.remark.push({
        $typeName: 'drover.v1.ItemRemark',
        index,
        reason,
        message: path,
        requestId: '',
      });
  }
  return page;
}

const files = (count: number, size = 0n, from = 0): Entry[] =>
  Array.from({ length: count }, (_, index) => ({ path: `f${from + index}`, size }));
const folders = (count: number, from = 0): Entry[] =>
  Array.from({ length: count }, (_, index) => ({
    path: `d${from + index}`,
    kind: ItemKind.FOLDER,
  }));

const plan = (
  entries: readonly Entry[],
  filling?: BatchItems,
  ledger: (LedgerRow | undefined)[] = [],
) =>
  // oxfmt-ignore
  planPage(scannedItems(pageOf(entries)), ledger, filling);
const counts = (batches: readonly PlannedBatch[]) => batches.map(({ count }) => count);
const itemsOf = ({ items }: PlannedBatch) => fromBinary(BatchItemsSchema, items);
const pathsOf = (batches: readonly PlannedBatch[]) => batches.flatMap((one) => itemsOf(one).path);

test('an empty page plans nothing', (t) => {
  t.deepEqual(plan([]), {
    lastPath: '',
    scannedItems: 0,
    scannedBytes: 0n,
    plannedItems: 0,
    plannedBytes: 0n,
    transfers: [],
    late: [],
    filledFolders: undefined,
    folders: [],
    settled: undefined,
    filtered: new Map(),
    counts: create(PlanCountsSchema),
  } satisfies PagePlan);
});

test('items keep their facts and their order', (t) => {
  const result = plan([
    { path: 'a', kind: ItemKind.FOLDER },
    { path: 'a/x', size: 3n },
    { path: 'b', size: 4n },
  ]);
  t.like(result, { lastPath: 'b', scannedItems: 3, scannedBytes: 7n, plannedItems: 3, plannedBytes: 7n }); // oxfmt-ignore
  t.like(result.transfers[0], { phase: BatchPhase.TRANSFER, count: 3, bytes: 7n });
  t.like(itemsOf(result.transfers[0]!), {
    path: ['a', 'a/x', 'b'],
    kind: [ItemKind.FOLDER, ItemKind.FILE, ItemKind.FILE],
    action: [ItemAction.CREATE, ItemAction.CREATE, ItemAction.CREATE],
    size: [0n, 3n, 4n],
    modifiedNs: [0n, 1n, 2n],
    createdNs: [5n, 5n, 5n],
    fileId: [100n, 101n, 102n],
    destinationPath: [],
    expected: [],
  });
});

test('a folder goes into both phases and is planned once', (t) => {
  const result = plan([...folders(2), ...files(1, 9n)]);
  t.is(result.plannedItems, 3);
  t.deepEqual(pathsOf(result.transfers), ['d0', 'd1', 'f0']);
  t.deepEqual(pathsOf(result.folders), ['d0', 'd1']);
  t.like(result.folders[0], { phase: BatchPhase.FOLDERS, count: 2, bytes: 0n });
});

test('an update says what is expected at the destination of a file; a folder that was there is only dated', (t) => {
  const ledger = [
    create(LedgerRowSchema, { folder: true }),
    create(LedgerRowSchema, {
      size: 77n,
      destinationModifiedNs: 88n,
      destinationId: 'id',
      destinationVersion: 'v',
    }),
  ];
  const { transfers, folders: dated } = plan([...folders(1), ...files(2, 1n)], undefined, ledger);
  const items = itemsOf(transfers[0]!);
  t.deepEqual(items.action, [ItemAction.UPDATE, ItemAction.CREATE]);
  t.is(items.expected.length, 1);
  t.like(items.expected[0], { index: 0, size: 77n, modifiedNs: 88n, id: 'id', version: 'v' });
  t.like(itemsOf(dated[0]!), { action: [ItemAction.UPDATE], expected: [] });
});

const cuts: [name: string, sizes: Entry[], expected: number[]][] = [
  ['as many items as fit', files(batchItemsMax), [batchItemsMax]],
  ['one item more', files(batchItemsMax + 1), [batchItemsMax, 1]],
  ['four batches', files(1600), [500, 500, 500, 100]],
  ['exactly as many bytes as fit', files(64, mebibyte), [64]],
  ['one byte more', [...files(64, mebibyte), { path: 'z', size: 1n }], [64, 1]],
  ['empty files beside full bytes', [...files(64, mebibyte), { path: 'z' }], [65]],
  ['a file as large as a batch', [{ path: 'a' }, { path: 'b', size: batchBytesMax }, { path: 'c' }], [1, 2]], // oxfmt-ignore
  ['huge files', files(3, 5n * batchBytesMax), [1, 1, 1]],
];
for (const [name, entries, expected] of cuts)
  test(`batches are cut: ${name}`, (t) => {
    const result = plan(entries);
    t.deepEqual(counts(result.transfers), expected);
    t.deepEqual(pathsOf(result.transfers).toSorted(), entries.map((one) => one.path).toSorted());
    for (const { count, bytes } of result.transfers) {
      t.true(count <= batchItemsMax);
      t.true(bytes <= batchBytesMax || count === 1);
    }
    const total = entries.reduce((sum, { size = 0n }) => sum + size, 0n);
    t.is(result.plannedBytes, total);
    t.is(result.transfers.reduce((sum, { bytes }) => sum + bytes, 0n), total); // oxfmt-ignore
  });

test('the folder batch that is being filled grows over pages and rolls over when it is full', (t) => {
  const first = plan(folders(300));
  t.is(first.filledFolders, undefined);
  t.deepEqual(counts(first.folders), [300]);

  const second = plan(folders(150, 300), itemsOf(first.folders[0]!));
  t.is(second.filledFolders?.count, 450);
  t.deepEqual(second.folders, []);
  t.deepEqual(itemsOf(second.filledFolders!).path, folders(450).map((one) => one.path)); // oxfmt-ignore

  const third = plan(folders(600, 450), itemsOf(second.filledFolders!));
  t.is(third.filledFolders?.count, batchItemsMax);
  t.deepEqual(counts(third.folders), [500, 50]);
  t.deepEqual(
    pathsOf([third.filledFolders!, ...third.folders]),
    folders(1050).map((one) => one.path),
  );
});

test('places are in a batch for each item, or for none', (t) => {
  const at = (...paths: string[]) => paths.map((path) => ({ path }));
  const items = scannedItems(pageOf([...folders(1), ...files(3)]));
  const same = planPage(items, [], undefined, { places: at('d0', 'f0', 'f1', 'f2') });
  t.deepEqual(itemsOf(same.transfers[0]!).destinationPath, []);
  t.deepEqual(itemsOf(same.folders[0]!).destinationPath, []);

  const refusal = { refused: ErrorReason.NAME_INVALID, message: 'no' };
  const places = [...at('d0', 'x'), refusal, ...at('f2')];
  const ledger = [undefined, undefined, undefined, create(LedgerRowSchema, { modifiedNs: 3n })];
  const other = planPage(items, ledger, itemsOf(same.folders[0]!), { places });
  t.deepEqual(itemsOf(other.transfers[0]!).destinationPath, ['d0', 'x']);
  t.deepEqual(itemsOf(other.filledFolders!).destinationPath, []);
  const settled = fromBinary(BatchItemsSchema, other.settled!.items);
  t.deepEqual([settled.path, settled.destinationPath], [['f1', 'f2'], []]);
  t.like(other.settled, { skipped: 1, failed: 1 });

  const kept = planPage(items, ledger, undefined, {
    places: [...at('d0', 'f0'), refusal, ...at('g')],
  });
  const keptItems = fromBinary(BatchItemsSchema, kept.settled!.items);
  t.deepEqual(keptItems.destinationPath, ['f1', 'g'], 'what was left alone tells where it is');
});

test('a folder batch that is filled over pages gets places when the first differs', (t) => {
  const first = plan(folders(2));
  const second = planPage(scannedItems(pageOf(folders(2, 2))), [], itemsOf(first.folders[0]!), {
    places: [{ path: 'd2' }, { path: 'D3' }],
  });
  const filled = itemsOf(second.filledFolders!);
  t.deepEqual(filled.destinationPath, ['d0', 'd1', 'd2', 'D3']);
  const third = planPage(scannedItems(pageOf(folders(1, 4))), [], filled, {
    places: [{ path: 'd4' }],
  });
  t.deepEqual(itemsOf(third.filledFolders!).destinationPath.slice(3), ['D3', 'd4']);
});

test('a page without folders leaves the folder batch as it is', (t) => {
  const filling = itemsOf(plan(folders(3)).folders[0]!);
  const result = plan(files(5), filling);
  t.is(result.filledFolders, undefined);
  t.deepEqual(result.folders, []);
});

test('a full folder batch is not added to', (t) => {
  const filling = itemsOf(plan(folders(batchItemsMax)).folders[0]!);
  const result = plan(folders(1, 900), filling);
  t.is(result.filledFolders, undefined);
  t.deepEqual(counts(result.folders), [1]);
});

test('what the plan settles is one batch with its results', (t) => {
  const ledger: MessageInitShape<typeof LedgerRowSchema> = { size: 8n, modifiedNs: 2n };
  const result = plan(
    [
      { path: 'a' },
      { path: 'link', kind: ItemKind.SYMBOLIC_LINK, reason: ErrorReason.SYMBOLIC_LINK },
      { path: 'same', size: 8n },
      { path: 'no', size: 5n, reason: ErrorReason.SOURCE_ACCESS_DENIED },
      { path: '../out', size: 1n },
    ],
    undefined,
    [undefined, undefined, create(LedgerRowSchema, ledger)],
  );
  t.like(result, { scannedItems: 5, scannedBytes: 14n, plannedItems: 1, plannedBytes: 0n });
  t.like(result.settled, { count: 4, skipped: 2, failed: 2 });
  const items = fromBinary(BatchItemsSchema, result.settled!.items);
  const { SKIP, FAIL } = ItemAction;
  t.deepEqual(items.path, ['link', 'same', 'no', '../out']);
  t.deepEqual(items.action, [SKIP, SKIP, FAIL, FAIL]);
  const results = decodeBatchResults(result.settled!.results);
  const { SKIPPED, FAILED } = ItemState;
  t.deepEqual(results.state, [SKIPPED, SKIPPED, FAILED, FAILED]);
  t.deepEqual(results.attempts, [0, 0, 0, 0]);
  t.is(results.sha256.length, 4 * 32);
  t.is(results.quickXorHash.length, 4 * 20);
  t.deepEqual(
    results.remark.map(({ index, reason }) => [index, reason]),
    [
      [0, ErrorReason.SYMBOLIC_LINK],
      [1, ErrorReason.UNCHANGED],
      [2, ErrorReason.SOURCE_ACCESS_DENIED],
      [3, ErrorReason.DESTINATION_ESCAPES],
    ],
  );
});

test('a page whose columns differ in length is refused', (t) => {
  for (const column of ['kind', 'size', 'modifiedNs', 'createdNs', 'fileId'] as const) {
    const page = pageOf(files(3));
    page[column].pop();
    const error = t.throws(() => scannedItems(page), { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.INVALID_ARGUMENT, column);
  }
});

test('a page of more items than a page may have is refused', (t) => {
  t.notThrows(() => plan(files(scanPageItemsMax)));
  const error = t.throws(() => plan(files(scanPageItemsMax + 1)), { instanceOf: DroverError });
  t.is(error?.reason, ErrorReason.LIMIT_EXCEEDED);
});
