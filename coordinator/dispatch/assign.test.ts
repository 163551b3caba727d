import test from 'ava';
import { parseLocation } from '../../lib/location.ts';
import { idleThreads, Match, scansMax, threadsOf, type Demand, type Offer } from './assign.ts';

type NamedOffer = Offer & { name: string };
type NamedDemand = Demand & { name: string };

const offer = (name: string, free: number, more: Partial<Offer> = {}): NamedOffer => {
  const slots = more.slots ?? 4;
  return { name, agent: name, free, slots, scansFree: scansMax({ slots }), speed: 1, locationKinds: ['file'], group: 'default', roots: [], ...more }; // oxfmt-ignore
};
const source = parseLocation('/from', 'source');
const demand = (name: string, leases: number, more: Partial<Demand> = {}): NamedDemand => ({ name, leases, meanLeases: 0, weight: 5, lastServed: 0, wantsScan: false, wantsBatches: true, locationKinds: ['file'], group: '', source, ...more }); // oxfmt-ignore

const pairs: [
  name: string,
  offers: NamedOffer[],
  demands: NamedDemand[],
  pair: [offer: string, demand: string] | undefined,
][] = [
  ['nobody and nothing', [], [], undefined],
  ['no run', [offer('a', 1)], [], undefined],
  ['no agent', [], [demand('x', 0)], undefined],
  ['no room', [offer('a', 0), offer('b', -2)], [demand('x', 0)], undefined],
  ['the most room', [offer('a', 2), offer('b', 4), offer('c', 3)], [demand('x', 0)], ['b', 'x']],
  ['the first of equals', [offer('a', 2), offer('b', 2)], [demand('x', 1), demand('y', 1)], ['a', 'x']], // oxfmt-ignore
  ['the run with the fewest leases', [offer('a', 1)], [demand('x', 5), demand('y', 4)], ['a', 'y']],
  ['the run with the fewest leases for its weight', [offer('a', 1)], [demand('x', 5, { weight: 9 }), demand('y', 4, { weight: 5 })], ['a', 'x']], // oxfmt-ignore
  ['what it held a moment ago counts too', [offer('a', 1)], [demand('x', 0, { meanLeases: 1 }), demand('y', 0)], ['a', 'y']], // oxfmt-ignore
  ['of equals the one that was not served for longest', [offer('a', 1)], [demand('x', 0, { lastServed: 7 }), demand('y', 0, { lastServed: 6 })], ['a', 'y']], // oxfmt-ignore
  ['who can, though another has more room', [offer('a', 9), offer('b', 1, { locationKinds: ['file', 'unc'] })], [demand('x', 0, { locationKinds: ['unc', 'file'] })], ['b', 'x']], // oxfmt-ignore
  ['the next run where nobody can serve the first', [offer('a', 1)], [demand('x', 0, { locationKinds: ['unc'] }), demand('y', 7)], ['a', 'y']], // oxfmt-ignore
  ['nobody can', [offer('a', 1)], [demand('x', 0, { locationKinds: ['file', 'sharepoint'] })], undefined], // oxfmt-ignore
  ['nobody of the group', [offer('a', 1)], [demand('x', 0, { group: 'north' })], undefined],
  ['one of the group', [offer('a', 3), offer('b', 1, { group: 'north' })], [demand('x', 0, { group: 'north' })], ['b', 'x']], // oxfmt-ignore
  ['the faster one', [offer('a', 3, { speed: 1 }), offer('b', 3, { speed: 2 })], [demand('x', 0)], ['b', 'x']], // oxfmt-ignore
  ['the faster one only while it has a thread', [offer('a', 3, { speed: 1 }), offer('b', 1, { speed: 9 })], [demand('x', 0)], ['a', 'x']], // oxfmt-ignore
  ['the faster one waits with more, where nobody has a thread', [offer('a', 1, { speed: 1 }), offer('b', 1, { speed: 9 })], [demand('x', 0)], ['b', 'x']], // oxfmt-ignore
  ['an agent with scans enough gets no other', [offer('a', 3, { scansFree: 0 })], [demand('x', 0, { wantsScan: true, wantsBatches: false })], undefined], // oxfmt-ignore
  ['a scan goes where it may', [offer('a', 3, { scansFree: 0 }), offer('b', 1)], [demand('x', 0, { wantsScan: true, wantsBatches: false })], ['b', 'x']], // oxfmt-ignore
];
for (const [name, offers, demands, expected] of pairs)
  test(`the pair to serve next: ${name}`, (t) => {
    const pair = new Match(offers, demands).next();
    t.deepEqual(pair && [pair.offer.name, pair.demand.name], expected);
  });

test('a run that can have its scan gets it first, and its batches while it cannot', (t) => {
  const wants = { wantsScan: true };
  t.true(new Match([offer('a', 1)], [demand('x', 0, wants)]).next()!.isScan);
  t.false(new Match([offer('a', 1, { scansFree: 0 })], [demand('x', 0, wants)]).next()!.isScan);
});

/** How many leases each run gets when all is given. */
function giveAll(offers: NamedOffer[], demands: NamedDemand[]): Record<string, number> {
  const match = new Match(offers, demands);
  for (let pair = match.next(); pair !== undefined; pair = match.next()) match.give(pair);
  return Object.fromEntries(demands.map(({ name, leases }) => [name, leases]));
}

test('slots are shared in proportion to the priorities', (t) => {
  const runs = (...weights: number[]) => weights.map((weight, index) => demand('xyz'[index]!, 0, { weight })); // oxfmt-ignore
  t.deepEqual(giveAll([offer('a', 10, { slots: 10 })], runs(9, 1)), { x: 9, y: 1 });
  t.deepEqual(giveAll([offer('a', 30, { slots: 30 })], runs(5, 5)), { x: 15, y: 15 });
  t.deepEqual(giveAll([offer('a', 12, { slots: 12 })], runs(6, 3, 3)), { x: 6, y: 3, z: 3 });
  t.deepEqual(giveAll([offer('a', 3, { slots: 3 })], runs(9, 9, 1)), { x: 1, y: 1, z: 1 });
});

test('over time even the lowest priority gets its turns in the only slot, and no more than they are worth', (t) => {
  const runs = [demand('high', 0, { weight: 9 }), demand('low', 0, { weight: 1 })];
  const turns = { high: 0, low: 0 };
  for (let second = 0; second < 600; second += 1) {
    const pair = new Match([offer('a', 1, { slots: 1 })], runs).next()!;
    turns[pair.demand.name as 'high' | 'low'] += 1;
    for (const run of runs) {
      const held = run === pair.demand ? 1 : 0;
      run.meanLeases += (held - run.meanLeases) * 0.1;
      run.wantsBatches = true;
    }
  }
  t.true(turns.low >= 40 && turns.low <= 90, `low had ${turns.low} of 600 turns`);
});

test('the last room of an agent is not for another scan', (t) => {
  t.deepEqual([1, 2, 3, 4, 5, 9].map((slots) => scansMax({ slots })), [1, 1, 1, 2, 2, 4]); // oxfmt-ignore
  const scans = ['x', 'y', 'z'].map((name) => demand(name, 0, { wantsScan: true, wantsBatches: false })); // oxfmt-ignore
  t.deepEqual(giveAll([offer('a', 5, { slots: 5 })], scans), { x: 1, y: 1, z: 0 });
});

test('what was not there is not asked for again', (t) => {
  const match = new Match([offer('a', 2)], [demand('x', 0, { wantsScan: true })]);
  match.drop(match.next()!);
  t.false(match.next()!.isScan);
  match.drop(match.next()!);
  t.is(match.next(), undefined);
});

test('one lease waits for each agent that has more than one slot', (t) => {
  t.deepEqual([1, 2, 3].map((slots) => threadsOf({ slots })), [1, 1, 2]); // oxfmt-ignore
  t.is(idleThreads({ slots: 3, free: 3 }), 2);
  t.is(idleThreads({ slots: 3, free: 1 }), 0);
  t.is(idleThreads({ slots: 1, free: 1 }), 1);
  t.is(idleThreads({ slots: 3, free: 0 }), 0);
});

test('a thousand agents are paired in one go', (t) => {
  const offers = Array.from({ length: 500 }, (_, index) => offer(String(index), 3, { slots: 3, speed: 1 + (index % 7) })); // oxfmt-ignore
  const counts = giveAll(offers, [demand('x', 0), demand('y', 0, { weight: 9 })]);
  t.is(counts['x']! + counts['y']!, 1500);
});

test('thousands of runs that nobody has room for are looked at a few times each', (t) => {
  let looks = 0;
  const runs = 2000;
  const demands = Array.from({ length: runs }, (_, index) => {
    const one = demand(`x${index}`, index, { wantsScan: true, wantsBatches: false });
    return Object.defineProperty(one, 'weight', { get: () => ((looks += 1), 5) });
  });
  const match = new Match([offer('a', 3, { scansFree: 1 })], demands);
  const pair = match.next();
  t.is(pair?.demand.name, 'x0');
  match.give(pair!);
  t.is(match.next(), undefined);
  t.true(looks <= 10 * runs, `${looks} looks`);
});
