import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { ScannedItem } from './plan-item.ts';
import { goneEntries, unlistedAfter } from './sweep.ts';

const { FILE, FOLDER, SYMBOLIC_LINK, SPECIAL } = ItemKind;
const unspecified = ItemKind.UNSPECIFIED;

/** An item; a name with an exclamation mark at its end has a reason. */
function item(name: string, kind: ItemKind = FILE): ScannedItem {
  const isRemarked = name.endsWith('!');
  const path = isRemarked ? name.slice(0, -1) : name;
  const reason = isRemarked ? ErrorReason.SOURCE_ACCESS_DENIED : ErrorReason.UNSPECIFIED;
  return { path, kind, size: 0n, modifiedNs: 0n, createdNs: 0n, fileId: 0n, reason, message: '' };
}

/** Rows, of a folder where something is below it. */
const rowsOf = (paths: string[]) =>
  paths.map((path) => {
    const folder = paths.some((other) => other.startsWith(`${path}/`));
    return { path, row: create(LedgerRowSchema, { folder }) };
  });

interface Case {
  rows: string[];
  items: ScannedItem[];
  lastPath?: string;
  unlistedPath?: string;
}

const cases: [name: string, one: Case, gone: string[]][] = [
  ['nothing is gone', { rows: ['a', 'b'], items: [item('a'), item('b')] }, []],
  ['what comes between two items', { rows: ['a', 'b', 'c'], items: [item('a'), item('c')] }, ['b']],
  ['what comes before the first', { rows: ['a', 'b'], items: [item('b')] }, ['a']],
  ['all, at the end of a scan', { rows: ['a', 'b/c'], items: [], lastPath: 'Z' }, ['a', 'b/c']],
  ['all of an empty source', { rows: ['a', 'b/c'], items: [] }, ['a', 'b/c']],
  ['a folder and what was in it', { rows: ['d', 'd/a', 'd/b/c', 'e'], items: [item('e')] }, ['d', 'd/a', 'd/b/c']],
  ['what was in a folder that is there', { rows: ['d', 'd/a', 'd/b'], items: [item('d', FOLDER), item('d/b')] }, ['d/a']],
  ['nothing below a folder that could not be read', { rows: ['d', 'd/a', 'd/b/c', 'd!'], items: [item('d!', FOLDER), item('e')] }, ['d!']],
  ['nothing below what could not even be looked at', { rows: ['d/a'], items: [item('d!', unspecified), item('e')] }, []],
  ['nothing below a link that a folder became', { rows: ['d', 'd/a'], items: [item('d', SYMBOLIC_LINK), item('e')] }, []],
  ['nothing below what is no file and no folder', { rows: ['d/a'], items: [item('d', SPECIAL), item('e')] }, []],
  ['a folder that became a file, and what was in it', { rows: ['d', 'd/a', 'd/b/c'], items: [item('d'), item('e')] }, ['d', 'd/a', 'd/b/c']],
  ['a file that became a folder', { rows: ['d', 'e'], items: [item('d', FOLDER), item('d/a'), item('e')] }, ['d']],
  ['a name that only begins like the folder', { rows: ['d-x', 'd/a'], items: [item('d!', FOLDER), item('e')] }, ['d-x']],
  ['nothing below a folder that ended the page before', { rows: ['d/a', 'e'], items: [item('f')], lastPath: 'd', unlistedPath: 'd' }, ['e']],
  ['nor at the end of the scan', { rows: ['d/a', 'e'], items: [], lastPath: 'd', unlistedPath: 'd' }, ['e']],
  ['what was in a folder into which a scan went on', { rows: ['d/b/m', 'd/b/y', 'd/c/a'], items: [item('d/b/z')], lastPath: 'd/b/a', unlistedPath: 'd' }, ['d/b/m', 'd/b/y', 'd/c/a']],
  ['nothing in the folder that a scan may not have gone on in', { rows: ['d/b/m', 'd/c'], items: [item('d/z')], lastPath: 'd/b/a', unlistedPath: 'd' }, ['d/c']],
  ['nothing in any of them when nothing of them comes', { rows: ['d/b/m', 'd/c', 'e'], items: [item('f')], lastPath: 'd/b/a', unlistedPath: 'd' }, ['e']],
  ['nor when nothing comes at all', { rows: ['d/b/m', 'd/c', 'e'], items: [], lastPath: 'd/b/a', unlistedPath: 'd' }, ['e']],
  ['what was in the folder itself after which a scan went on', { rows: ['d/a', 'd/c'], items: [item('d/b')], lastPath: 'd', unlistedPath: 'd' }, ['d/a', 'd/c']],
  ['a path of an older page hides nothing', { rows: ['d/a'], items: [item('e')], lastPath: 'c', unlistedPath: 'b' }, ['d/a']],
]; // oxfmt-ignore
for (const [name, { rows, items, lastPath = '', unlistedPath = '' }, gone] of cases)
  test(`gone is ${name}`, (t) => {
    const found = goneEntries({ rows: rowsOf(rows), items, lastPath, unlistedPath });
    t.deepEqual(found.map(({ path }) => path), gone); // oxfmt-ignore
  });

test('steps of the same page find together what one step finds', (t) => {
  const rows = rowsOf(['a', 'b', 'b/1', 'b/2', 'c', 'd', 'd/1', 'e']);
  const items = [item('b!', FOLDER), item('d', FOLDER), item('f')];
  const page = { items, lastPath: '', unlistedPath: '' };
  const whole = goneEntries({ rows, ...page });
  for (let cut = 0; cut <= rows.length; cut += 1)
    t.deepEqual(
      [rows.slice(0, cut), rows.slice(cut)].flatMap((part) => goneEntries({ rows: part, ...page })),
      whole,
    );
});

test('only what may hide something is remembered of a page', (t) => {
  t.is(unlistedAfter([item('a!', FOLDER), item('b')]), '');
  t.is(unlistedAfter([item('a'), item('b', FOLDER)]), '');
  t.is(unlistedAfter([item('a'), item('b!', FOLDER)]), 'b');
  t.is(unlistedAfter([item('b', SYMBOLIC_LINK)]), 'b');
  t.is(unlistedAfter([]), '');
});
