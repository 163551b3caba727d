import test from 'ava';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { renameReason } from './rename-reason.ts';

const { FILE, FOLDER } = ItemKind;
const twin = 'another item has the name that it would have at the destination';
const cases: [path: string, place: string, kind: ItemKind, reason: string][] = [
  ['a/b.txt', 'a/b.txt', FILE, ''],
  ['a/b:c.txt', 'a/b_c.txt', FILE, 'the name has ":" at place 2, which SharePoint takes in no name'],
  ['a/ b', 'a/_b', FILE, 'the name begins with a space, which SharePoint does not take'],
  ['a/con.txt', 'a/con_.txt', FILE, 'SharePoint keeps the name "con" for itself'],
  ['Forms', 'Forms_', FOLDER, 'SharePoint keeps the name "Forms" for itself'],
  ['~a', '_a', FOLDER, 'the name begins with "~", which SharePoint takes for no folder'],
  ['A.txt', 'A (2).txt', FILE, twin],
  ['x/A', 'x/A (2)', FOLDER, twin],
  ['b:c.txt', 'b_c (2).txt', FILE, `the name has ":" at place 2, which SharePoint takes in no name; ${twin}`],
  ['a (2).txt', 'a (2) (3).txt', FILE, twin],
  ['e\u0301.txt', '\u00e9.txt', FILE, 'the name has decomposed characters, which are composed at the destination'],
  ['a:b/c/d.txt', 'a_b/c/d.txt', FILE, 'it is in the folder "a:b", which is "a_b" at the destination'],
  ['a/B/d.txt', 'a/B (2)/d.txt', FILE, 'it is in the folder "a/B", which is "a/B (2)" at the destination'],
  ['old.txt', 'other.txt', FILE, 'it was first migrated under that name'],
]; // oxfmt-ignore

for (const [path, place, kind, reason] of cases)
  test(`why "${path}" is "${place}" at the destination`, (t) => {
    t.is(renameReason(path, place, kind), reason);
  });
