import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isOtherKind, otherKinds } from './other-kind.ts';
import type { ScannedItem } from './plan-item.ts';

const { FILE, FOLDER, SYMBOLIC_LINK } = ItemKind;
const item = (path: string, kind: ItemKind, reason: ErrorReason = ErrorReason.UNSPECIFIED): ScannedItem =>
  ({ path, kind, size: 1n, modifiedNs: 1n, createdNs: 1n, fileId: 1n, reason, message: '' }); // oxfmt-ignore
const row = (folder: boolean) => create(LedgerRowSchema, { folder });

const kinds: [told: string, item: ScannedItem, row: ReturnType<typeof row> | undefined, wanted: boolean][] = [
  ['a new item', item('a', FILE), undefined, false],
  ['a file that is one still', item('a', FILE), row(false), false],
  ['a folder that is one still', item('a', FOLDER), row(true), false],
  ['a folder that became a file', item('a', FILE), row(true), true],
  ['a file that became a folder', item('a', FOLDER), row(false), true],
  ['a file that became a link', item('a', SYMBOLIC_LINK), row(false), false],
  ['a folder that is left out', item('a', FOLDER, ErrorReason.FILTERED), row(false), false],
]; // oxfmt-ignore
for (const [told, one, before, wanted] of kinds)
  test(`of another kind: ${told}`, (t) => t.is(isOtherKind(one, before), wanted));

test('what is in a folder that was a file waits with it, also in the next page', (t) => {
  const items = [item('a', FILE), item('b', FOLDER), item('b/c', FOLDER), item('b/c/d', FILE), item('b.x', FILE), item('e', FOLDER), item('e/f', FILE)]; // oxfmt-ignore
  const ledger = [row(true), row(false), undefined, row(false), undefined, row(false), undefined];
  const found = otherKinds(items, ledger, '');
  t.deepEqual([[...found.own], [...found.below]], [[0, 1, 5], [2, 3, 6]]); // oxfmt-ignore
  t.is(found.lastFolder, 'e');
  const next = otherKinds([item('e/g', FILE), item('e.x', FILE)], [undefined, undefined], 'e');
  t.deepEqual([[...next.own], [...next.below], next.lastFolder], [[], [0], '']);
  t.is(otherKinds([], [], 'e').lastFolder, 'e');
});
