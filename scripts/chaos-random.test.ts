// Chance that can be repeated.
import test from 'ava';
import { Random } from './chaos-random.ts';

const draws = (random: Random) => Array.from({ length: 5 }, () => random.between(1, 1000));

test('the same seed draws the same, another one other things', (t) => {
  t.deepEqual(draws(new Random(7)), draws(new Random(7)));
  t.notDeepEqual(draws(new Random(7)), draws(new Random(8)));
});

test('a stream of its own does not depend on what others drew', (t) => {
  const random = new Random(7);
  const before = draws(random.fork('one'));
  draws(random);
  t.deepEqual(draws(random.fork('one')), before);
  t.notDeepEqual(draws(random.fork('two')), before);
});

test('both ends are drawn, and weights count', (t) => {
  const random = new Random(1);
  const numbers = new Set(Array.from({ length: 200 }, () => random.between(1, 3)));
  t.deepEqual(
    [...numbers].sort((one, other) => one - other),
    [1, 2, 3],
  );
  const list = [
    { weight: 0, name: 'never' },
    { weight: 9, name: 'often' },
    { weight: 1, name: 'seldom' },
  ];
  const names = Array.from({ length: 1000 }, () => random.pickWeighted(list).name);
  const count = (name: string) => names.filter((one) => one === name).length;
  t.is(count('never'), 0);
  t.true(count('often') > 800 && count('seldom') > 20);
});
