import test from 'ava';
import { TokenBuckets } from './token-bucket.ts';

test('a bucket gives its burst at once, then so many a second, and says how long to wait', (t) => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 3 });
  for (let call = 0; call < 3; call += 1) t.is(buckets.take('a', 1000), 0);
  t.is(buckets.take('a', 1000), 100);
  t.is(buckets.take('a', 1050), 50);
  t.true(buckets.isEmpty('a', 1050));
  t.is(buckets.take('a', 1100), 0);
  t.is(buckets.take('a', 1100), 100);
  t.is(buckets.take('b', 1100), 0);
});

test('what is refused takes nothing, so that who waits gets its turn', (t) => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1 });
  t.is(buckets.take('a', 0), 0);
  for (let nowMs = 1; nowMs < 1000; nowMs += 1) t.true(buckets.take('a', nowMs) > 0);
  t.is(buckets.take('a', 1000), 0);
});

test('a long pause makes no bucket fuller than it can be', (t) => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 2 });
  buckets.take('a', 5000);
  for (let call = 0; call < 2; call += 1) t.is(buckets.take('a', 1e9), 0);
  t.is(buckets.take('a', 1e9), 100);
});

test('a million names take no more memory than ten thousand', (t) => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1 });
  buckets.take('first', 0);
  for (let name = 0; name < 20_000; name += 1) buckets.take(String(name), 0);
  t.false(buckets.isEmpty('first', 0), 'the oldest was forgotten');
  t.true(buckets.isEmpty('19999', 0));
});
