import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { problemsOfColumns } from './check-row.ts';

const items = create(BatchItemsSchema, { path: ['a', 'b', 'c'], kind: [ItemKind.FILE, ItemKind.FILE, ItemKind.FILE] }); // oxfmt-ignore
const state = [ItemState.SUCCEEDED, ItemState.SUCCEEDED, ItemState.SUCCEEDED];

test('a list of some items is no column, and may have any length', (t) => {
  t.deepEqual([...problemsOfColumns(items, create(BatchResultsSchema, { state, moved: [1] }))], []);
  const beyond = create(BatchResultsSchema, { state, moved: [3] });
  t.deepEqual(
    [...problemsOfColumns(items, beyond)],
    ['an item is said to be moved that is not there'],
  );
});

test('a column has a value for each item, or none', (t) => {
  const short = create(BatchResultsSchema, { state, attempts: [1, 2], keptPath: [] });
  t.deepEqual(
    [...problemsOfColumns(items, short)],
    ['the column attempts of its results has another length than its items'],
  );
});
