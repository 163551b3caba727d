import test from 'ava';
import { canServe, choosePair } from './assign.ts';

const offer = (name: string, free: number, ...locationKinds: string[]) => ({ name, free, locationKinds }); // prettier-ignore
const demand = (name: string, leases: number, ...locationKinds: string[]) => ({ name, leases, locationKinds }); // prettier-ignore

const pairs: [
  name: string,
  offers: ReturnType<typeof offer>[],
  demands: ReturnType<typeof demand>[],
  pair: [offer: string, demand: string] | undefined,
][] = [
  ['nobody and nothing', [], [], undefined],
  ['no run', [offer('a', 1, 'file')], [], undefined],
  ['no agent', [], [demand('x', 0, 'file')], undefined],
  ['no room', [offer('a', 0, 'file'), offer('b', -2, 'file')], [demand('x', 0, 'file')], undefined],
  ['the most room', [offer('a', 1, 'file'), offer('b', 3, 'file'), offer('c', 2, 'file')], [demand('x', 0, 'file')], ['b', 'x']], // prettier-ignore
  ['the first of equals', [offer('a', 2, 'file'), offer('b', 2, 'file')], [demand('x', 1, 'file'), demand('y', 1, 'file')], ['a', 'x']], // prettier-ignore
  ['the run with the fewest leases', [offer('a', 1, 'file')], [demand('x', 5, 'file'), demand('y', 4, 'file')], ['a', 'y']], // prettier-ignore
  ['who can, though another has more room', [offer('a', 9, 'file'), offer('b', 1, 'file', 'unc')], [demand('x', 0, 'unc', 'file')], ['b', 'x']], // prettier-ignore
  ['the next run where nobody can serve the first', [offer('a', 1, 'file')], [demand('x', 0, 'unc'), demand('y', 7, 'file')], ['a', 'y']], // prettier-ignore
  ['nobody can', [offer('a', 1, 'file')], [demand('x', 0, 'file', 'sharepoint')], undefined],
];
for (const [name, offers, demands, expected] of pairs)
  test(`the pair to serve next: ${name}`, (t) => {
    const pair = choosePair(offers, demands);
    t.deepEqual(pair && [pair.offer.name, pair.demand.name], expected);
  });

test('what is chosen from is not changed', (t) => {
  const demands = [demand('x', 5, 'file'), demand('y', 4, 'file')];
  choosePair([offer('a', 1, 'file')], demands);
  t.deepEqual(demands, [demand('x', 5, 'file'), demand('y', 4, 'file')]);
});

test('a session serves a run when it reaches both of its places', (t) => {
  t.true(canServe(offer('a', 0, 'file'), demand('x', 0, 'file', 'file')));
  t.true(canServe(offer('a', 0, 'unc', 'file'), demand('x', 0, 'file', 'unc')));
  t.false(canServe(offer('a', 0, 'file'), demand('x', 0, 'file', 'unc')));
  t.false(canServe(offer('a', 0), demand('x', 0, 'file')));
});
