import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isSameFile } from '../store/ledger-bytes.ts';
import type { StoredEntry } from '../store/store.ts';
import { joinLedger } from './join-ledger.ts';
import type { ScannedItem } from './plan-item.ts';

const facts = { size: 5n, modifiedNs: 6n, fileId: 7n };

const itemOf = (path: string, more: Partial<ScannedItem> = {}): ScannedItem => ({
  path,
  kind: ItemKind.FILE,
  ...facts,
  createdNs: 0n,
  reason: ErrorReason.UNSPECIFIED,
  message: '',
  ...more,
});

function entryOf(path: string, more: MessageInitShape<typeof LedgerRowSchema> = {}): StoredEntry {
  const row = Object.assign(create(LedgerRowSchema, facts), more);
  const bytes = toBinary(LedgerRowSchema, row);
  return { path, row, isSameFile: (found) => isSameFile(bytes, found) };
}

test('each item gets its own row, whatever lies between', (t) => {
  const entries = ['a', 'b', 'd', 'd/a', 'd-x', 'z'].map((path) => entryOf(path));
  const items = ['b', 'c', 'd/a', 'd/b', 'd-x', 'y'].map((path) => itemOf(path));
  const joined = joinLedger(items, entries);
  const found = items.map((_, index) => joined.at(index));
  t.deepEqual(found, [entries[1]!.row, undefined, entries[3]!.row, undefined, entries[4]!.row, undefined]); // oxfmt-ignore
  t.deepEqual([...joined.unchanged], [0, 2, 4]);
  t.is(joinLedger(items, []).at(0), undefined);
  t.is(joinLedger([], entries).at(0), undefined);
});

for (const [what, item, row] of [
  ['another size', { size: 4n }, {}],
  ['another date', { modifiedNs: 4n }, {}],
  ['another file', { fileId: 4n }, {}],
  ['a folder', { kind: ItemKind.FOLDER }, {}],
  ['a link', { kind: ItemKind.SYMBOLIC_LINK }, {}],
  ['an item that is left out', { reason: ErrorReason.FILTERED }, {}],
  ['a file that was a folder', {}, { folder: true }],
  ['a file that is back', {}, { goneRun: 1 }],
  ['a file that is kept under another name', {}, { destinationPath: 'a 2' }],
] as [string, Partial<ScannedItem>, MessageInitShape<typeof LedgerRowSchema>][])
  test(`${what} is not known to be unchanged`, (t) => {
    const joined = joinLedger([itemOf('a', item)], [entryOf('a', row)]);
    t.deepEqual([...joined.unchanged], []);
    t.like(joined.at(0), { ...facts, ...row });
  });
