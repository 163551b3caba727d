import test from 'ava';
import { LeaseMean } from './lease-mean.ts';

test('the mean follows the count within seconds', (t) => {
  const mean = new LeaseMean();
  t.is(mean.note(4, 1000), 0);
  t.is(mean.note(4, 1000), 0, 'no time has passed');
  const after = mean.note(4, 11_000);
  t.true(after > 2 && after < 3);
  t.true(Math.abs(mean.note(0, 91_000) - 4) < 0.01);
  t.true(mean.note(0, 191_000) < 0.01);
});
