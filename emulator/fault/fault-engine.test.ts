// Which requests a rule hits.
import test from 'ava';
import { FaultEngine } from './fault-engine.ts';
import type { FaultRule } from './rule.ts';

const locked = { kind: 'locked' } as const;
const request = { method: 'PUT', host: 'contoso.sharepoint.com', target: '/a?b=1' };

/** The numbers, from 1, of the requests that are hit among so many equal ones. */
function hits(rule: Omit<FaultRule, 'fault'>, count = 12, subject = request): number[] {
  const engine = new FaultEngine();
  engine.replace([{ ...rule, fault: locked }]);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return numbers.filter(() => engine.strike(subject).length > 0);
}

test('conditions on counts', (t) => {
  t.is(hits({}).length, 12);
  t.deepEqual(hits({ nth: 3 }), [3]);
  t.deepEqual(hits({ every: 5 }), [5, 10]);
  t.deepEqual(hits({ times: 2 }), [1, 2]);
  t.deepEqual(hits({ every: 3, times: 2 }), [3, 6]);
});

test('conditions on method, path and host', (t) => {
  const isHit = (rule: Omit<FaultRule, 'fault'>) => hits(rule, 1).length === 1;
  t.true(isHit({ method: 'put' }));
  t.true(isHit({ method: 'GET, PUT' }));
  t.false(isHit({ method: 'PATCH' }));
  t.true(isHit({ path: '^/a\\?b=1$' }));
  t.false(isHit({ path: '^/A' }));
  t.true(isHit({ host: 'Contoso.SharePoint.com' }));
  t.true(isHit({ host: '*.sharepoint.com' }));
  t.false(isHit({ host: 'sharepoint.com' }));
  t.false(isHit({ method: 'PUT', path: 'a', host: 'graph.microsoft.com' }));
});

test('probability: the same seed hits the same requests, and about as many as it says', (t) => {
  const first = hits({ probability: 0.3, seed: 7 }, 1000);
  t.deepEqual(hits({ probability: 0.3, seed: 7 }, 1000), first);
  t.notDeepEqual(hits({ probability: 0.3, seed: 8 }, 1000), first);
  t.deepEqual(hits({ probability: 0.3 }, 100), hits({ probability: 0.3, seed: 1 }, 100));
  t.true(first.length > 250 && first.length < 350, String(first.length));
  t.is(hits({ probability: 1 }).length, 12);
});

test('every rule counts every match, whatever the others do', (t) => {
  const engine = new FaultEngine();
  engine.replace([
    { nth: 1, fault: locked },
    { name: 'second', nth: 2, fault: { kind: 'etagMismatch' } },
    { nth: 2, fault: { kind: 'missingHash' } },
  ]);
  t.deepEqual(engine.strike(request), [locked]);
  t.deepEqual(engine.strike(request), [{ kind: 'etagMismatch' }, { kind: 'missingHash' }]);
  t.deepEqual(
    engine.list().map(({ name, matches, hits: hit }) => [name, matches, hit]),
    [
      ['rule 1', 2, 1],
      ['second', 2, 1],
      ['rule 2', 2, 1],
    ],
  );
  engine.resetCounts();
  t.deepEqual(engine.strike(request), [locked]);
});

test('rules are added, replaced by name, removed by name, and all at once', (t) => {
  const engine = new FaultEngine();
  t.true(engine.empty);
  engine.add([{ fault: locked }, { name: 'x', fault: locked }]);
  engine.add([{ name: 'x', fault: { kind: 'stall' } }, { fault: locked }]);
  t.deepEqual(
    engine.list().map(({ name, fault }) => [name, fault.kind]),
    [
      ['rule 1', 'locked'],
      ['x', 'stall'],
      ['rule 2', 'locked'],
    ],
  );
  t.true(engine.remove('x'));
  t.false(engine.remove('x'));
  engine.replace([]);
  t.true(engine.empty);
});
