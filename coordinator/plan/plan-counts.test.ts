import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { PlanCountsSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { partsOf, PlanCounter, sumOfCounts, withoutDated } from './plan-counts.ts';

const mebibyte = 1024 * 1024;

const parts: [bytes: number, min: number, max: number][] = [
  [1, 1, 1],
  [5 * mebibyte, 1, 1],
  [5 * mebibyte + 1, 2, 2],
  [15 * mebibyte, 2, 3],
  [15 * mebibyte + 1, 3, 4],
  [35 * mebibyte, 3, 7],
  [1024 * mebibyte, 53, 205],
];
for (const [bytes, min, max] of parts)
  test(`a file of ${bytes} bytes is sent in ${min} to ${max} parts`, (t) => {
    t.deepEqual(partsOf(bytes), { min, max });
  });

test('items are counted by what they cost', (t) => {
  const counter = new PlanCounter();
  const add = (kind: ItemKind, size: bigint, action: ItemAction, isUnchanged?: boolean, isDated?: boolean) => counter.add({ kind, size }, action, isUnchanged, isDated); // oxfmt-ignore
  const { FILE, FOLDER } = ItemKind;
  const { CREATE, UPDATE, MOVE } = ItemAction;
  add(FOLDER, 0n, CREATE);
  add(FOLDER, 0n, UPDATE);
  add(FOLDER, 0n, UPDATE, true);
  add(FOLDER, 0n, UPDATE, true, true);
  add(FOLDER, 0n, UPDATE, false, true);
  add(FILE, 0n, UPDATE);
  add(FILE, 10n, CREATE);
  add(FILE, 20n, UPDATE);
  add(FILE, 30n, MOVE);
  const counts = counter.finish();
  const expected = { newFolders: 1n, keptFolders: 4n, unchangedFolders: 2n, datedFolders: 1n, emptyFiles: 1n, newFiles: 1n, replacedFiles: 1n, movedFiles: 1n, uploadedBytes: 30n, partsMin: 2n, partsMax: 2n }; // oxfmt-ignore
  t.deepEqual(counts, create(PlanCountsSchema, expected));
  const twice = Object.fromEntries(Object.entries(expected).map(([name, count]) => [name, count * 2n])); // oxfmt-ignore
  t.deepEqual(sumOfCounts(sumOfCounts(undefined, counts), counts), create(PlanCountsSchema, twice));
  t.like(withoutDated(counts, 1), { keptFolders: 4n, datedFolders: 0n });
  t.is(withoutDated(counts, 2).datedFolders, 0n, 'one that was not counted');
});
