import test from 'ava';
import { parseLocation } from '../../lib/location.ts';
import { canServe, groupOf, hindrance, type Ability, type Need } from './reach.ts';

const at = (text: string) => parseLocation(text, 'source');

const able = (more: Partial<Ability> = {}): Ability => ({ locationKinds: ['file'], group: 'default', roots: [], ...more }); // oxfmt-ignore
const need = (more: Partial<Need> = {}): Need => ({ locationKinds: ['file', 'file'], group: '', source: at('/srv/x'), ...more }); // oxfmt-ignore

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

test('what is refused to an agent at the moment it does not serve, nor what is in it', (t) => {
  const unc = (text: string) => need({ locationKinds: ['unc', 'file'], source: at(text) });
  const one = able({ locationKinds: ['unc', 'file'], refused: [at(String.raw`\\files\hr`)] });
  t.is(hindrance(one, unc(String.raw`\\FILES\HR\plans`)), 'source');
  t.true(canServe(one, unc(String.raw`\\files\hr2`)));
  t.true(canServe(one, need()));
});

test('an agent that names no group is of the usual one', (t) => {
  t.is(groupOf(''), 'default');
  t.is(groupOf('north'), 'north');
});
