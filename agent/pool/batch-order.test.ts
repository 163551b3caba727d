import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { batchWaves } from './batch-order.ts';
import { PlannedItems } from './planned-items.ts';

const { KEEP, RECYCLE } = ItemAction;
const { FILE, FOLDER } = ItemKind;
type Row = [path: string, kind: ItemKind, action?: ItemAction];

function waves(phase: BatchPhase, rows: readonly Row[]): string[][] {
  const items = new PlannedItems(
    create(BatchItemsSchema, {
      path: rows.map(([path]) => path),
      kind: rows.map(([, kind]) => kind),
      action: rows.map(([, , action]) => action ?? RECYCLE),
    }),
  );
  return batchWaves(items, phase).map((wave) => wave.map((index) => items.path(index)));
}

const tree: Row[] = [
  ['a', FOLDER],
  ['a/b', FOLDER],
  ['a/b/one', FILE],
  ['a/c', FOLDER],
  ['d', FOLDER, KEEP],
  ['e', FILE],
];

test('files are transferred in their order, all at once', (t) => {
  t.deepEqual(waves(BatchPhase.TRANSFER, tree), [['a', 'a/b', 'a/b/one', 'a/c', 'd', 'e']]);
});

test('folders are dated from the last to the first', (t) => {
  const folders: Row[] = [
    ['a', FOLDER],
    ['a/b', FOLDER],
  ];
  t.deepEqual(waves(BatchPhase.FOLDERS, folders), [['a/b', 'a']]);
});

test('what is gone is recycled files first, then folders from the deepest up', (t) => {
  t.deepEqual(waves(BatchPhase.GONE, tree), [['e', 'd', 'a/b/one'], ['a/c', 'a/b'], ['a']]);
  t.deepEqual(waves(BatchPhase.GONE, []), []);
});
