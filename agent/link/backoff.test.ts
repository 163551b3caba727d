import test from 'ava';
import { backoffMs } from './backoff.ts';

test('the wait doubles from a fifth of a second to ten seconds, within its upper half', (t) => {
  t.deepEqual(
    [1, 2, 3, 6, 7, 1000].map((failures) => [backoffMs(failures, 0), backoffMs(failures, 1)]),
    [
      [100, 200],
      [200, 400],
      [400, 800],
      [3200, 6400],
      [5000, 10_000],
      [5000, 10_000],
    ],
  );
});
