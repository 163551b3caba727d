import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { FileIdRowSchema, LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import {
  isBeingMoved,
  isCertain,
  isReplaced,
  mayBeMoved,
  MoveFinder,
  type FoundId,
} from './moves.ts';
import type { ScannedItem } from './plan-item.ts';

const run = 4;
const moved: ScannedItem = {
  path: 'm/new',
  kind: ItemKind.FILE,
  size: 10n,
  modifiedNs: 1000n,
  createdNs: 900n,
  fileId: 7n,
  reason: ErrorReason.UNSPECIFIED,
  message: '',
};
const page = [moved, { ...moved, path: 'm/other', fileId: 8n }];
const facts = { size: 10n, modifiedNs: 1000n, createdNs: 900n, fileId: 7n };

interface Case {
  path?: string;
  index?: object;
  row?: object | 'none';
  item?: Partial<ScannedItem>;
}

function found({ path = 'z/old', index = {}, row = {} }: Case): FoundId {
  return {
    index: create(FileIdRowSchema, { path, ...index }),
    row: row === 'none' ? undefined : create(LedgerRowSchema, { ...facts, ...row }),
  };
}

const cases: [name: string, one: Case, isMove: boolean][] = [
  ['an old path that the scan has not come to', {}, true],
  ['an old path that was passed and not found', { path: 'a/old', index: { run, gone: true } }, true],
  ['an old path that is known to be gone since an earlier run', { path: 'a/old', row: { goneRun: 2 } }, true],
  ['an old path that was passed and is there', { path: 'a/old' }, false],
  ['an old path that an earlier run found gone, and that is back', { path: 'a/old', index: { run: 3, gone: true } }, false],
  ['an old path in the page', { path: 'm/other' }, false],
  ['an old path between the items of the page, which is gone', { path: 'm/old', index: { run, gone: true } }, true],
  ['an old path between the items of the page, of which nothing is known', { path: 'm/old' }, false],
  ['an old path that another item of the run has', { index: { run, mover: 'b' } }, false],
  ['an old path that another item of an earlier run had', { index: { run: 3, mover: 'b' } }, true],
  ['no row in the ledger', { row: 'none' }, false],
  ['a row of another file', { row: { fileId: 9n } }, false],
  ['another size', { row: { size: 11n } }, false],
  ['another date', { row: { modifiedNs: 1001n } }, false],
  ['a folder that was', { row: { folder: true } }, false],
  ['a folder with the id of a folder', { item: { kind: ItemKind.FOLDER, size: 0n }, row: { folder: true } }, true],
]; // oxfmt-ignore
for (const [name, one, isMove] of cases)
  test(`whether an item was moved: ${name}`, (t) => {
    const origin = new MoveFinder(run, page, true).find({ ...moved, ...one.item }, found(one));
    t.is(origin !== undefined, isMove);
    if (isMove) t.is(origin!.path, one.path ?? 'z/old');
  });

test('a run that tries again knows nothing of old paths but those it looks at', (t) => {
  const finder = () => new MoveFinder(run, page, false);
  t.not(finder().find(moved, found({ path: 'a/old' })), undefined);
  t.is(finder().find(moved, found({ path: 'm/other' })), undefined);
});

test('of two new items with one old id, only the first was moved', (t) => {
  const finder = new MoveFinder(run, page, true);
  t.not(finder.find(moved, found({})), undefined);
  t.is(finder.find({ ...moved, path: 'm/other' }, found({})), undefined);
});

test('that an item is the same is certain when all its dates are known and the same', (t) => {
  const origin = { path: 'a', row: create(LedgerRowSchema, facts), isGone: true };
  t.true(isCertain(moved, origin));
  t.false(isCertain({ ...moved, createdNs: 901n }, origin));
  const unknown = { ...origin, row: create(LedgerRowSchema, { ...facts, createdNs: 0n }) };
  t.false(isCertain({ ...moved, createdNs: 0n }, unknown));
});

test('only new items with an id may be moved ones', (t) => {
  const row = create(LedgerRowSchema, facts);
  t.true(mayBeMoved(moved, undefined));
  t.false(mayBeMoved(moved, row));
  t.false(mayBeMoved({ ...moved, fileId: 0n }, undefined));
  t.false(mayBeMoved({ ...moved, reason: ErrorReason.FILTERED }, undefined));
  t.false(mayBeMoved({ ...moved, kind: ItemKind.SYMBOLIC_LINK }, undefined));
});

test('a path has another file when both ids are known and differ', (t) => {
  const row = create(LedgerRowSchema, facts);
  t.false(isReplaced(moved, row));
  t.true(isReplaced({ ...moved, fileId: 9n }, row));
  t.false(isReplaced({ ...moved, fileId: 0n }, row));
  t.false(isReplaced({ ...moved, fileId: 9n }, create(LedgerRowSchema, { ...facts, fileId: 0n })));
  t.false(isReplaced({ ...moved, fileId: 9n }, undefined));
});

test('a path is being vacated from when its move is planned until it is done or has failed', (t) => {
  const index = (more: object) => create(FileIdRowSchema, { path: 'a', run, mover: 'b', ...more });
  t.true(isBeingMoved('a', index({}), run));
  t.false(isBeingMoved('a', index({ moveFailed: true }), run));
  t.false(isBeingMoved('a', index({ mover: '' }), run));
  t.false(isBeingMoved('a', index({ path: 'b' }), run), 'it was written anew at its new path');
  t.false(isBeingMoved('a', index({}), run + 1));
  t.false(isBeingMoved('a', undefined, run));
});
