import test from 'ava';
import { parseLocation } from '../../lib/location.ts';
import { canServe, groupOf, hindrance, holds, type Ability, type Need } from './reach.ts';

const at = (text: string) => parseLocation(text, 'source');

const containments: [outer: string, inner: string, holds: boolean][] = [
  ['/srv', '/srv', true],
  ['/srv', '/srv/a', true],
  ['/srv/', '/srv/a/b', true],
  ['/', '/srv', true],
  ['/srv', '/srv2', false],
  ['/srv/a', '/srv', false],
  ['/srv', '/SRV/a', false],
  ['/srv', '\\\\srv\\a', false],
  ['C:\\data', 'c:\\Data\\x', true],
  ['C:\\', 'c:\\Data', true],
  ['C:\\data', 'C:\\data2', false],
  ['C:\\data', 'D:\\data', false],
  ['\\\\files\\hr', '\\\\FILES\\HR\\New', true],
  ['\\\\files\\hr\\new', '\\\\files\\hr\\New\\x', true],
  ['\\\\files\\hr', '\\\\files\\hr2', false],
  ['\\\\files\\hr', '\\\\other\\hr', false],
  ['\\\\files\\hr\\a', '\\\\files\\hr', false],
];
for (const [outer, inner, expected] of containments)
  test(`${outer} ${expected ? 'holds' : 'does not hold'} ${inner}`, (t) => {
    t.is(holds(at(outer), at(inner)), expected);
  });

const able = (more: Partial<Ability> = {}): Ability => ({ locationKinds: ['file'], group: 'default', roots: [], ...more }); // prettier-ignore
const need = (more: Partial<Need> = {}): Need => ({ locationKinds: ['file', 'file'], group: '', source: at('/srv/x'), ...more }); // prettier-ignore

test('an agent serves a run when it reaches both of its places, is of its group and reads its source', (t) => {
  t.true(canServe(able(), need()));
  t.true(canServe(able({ group: 'x' }), need()), 'a task of no group is for all');
  t.true(canServe(able({ group: 'x' }), need({ group: 'x' })));
  t.is(hindrance(able(), need({ group: 'x' })), 'group');
  t.is(hindrance(able({ group: 'X' }), need({ group: 'x' })), 'group');
  t.is(hindrance(able(), need({ locationKinds: ['file', 'sharepoint'] })), 'tenant');
  t.is(hindrance(able(), need({ locationKinds: ['unc', 'file'] })), 'kind');
  t.is(hindrance(able({ roots: [at('/srv/y'), at('/srv/xy')] }), need()), 'source');
  t.true(canServe(able({ roots: [at('/data'), at('/srv')] }), need()));
});

test('an agent that names no group is of the usual one', (t) => {
  t.is(groupOf(''), 'default');
  t.is(groupOf('north'), 'north');
});
