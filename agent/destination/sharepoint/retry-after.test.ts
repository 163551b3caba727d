import test from 'ava';
import { rateLimit, retryAfterMs } from './retry-after.ts';

const now = Date.UTC(2026, 10, 24, 12, 0, 0);
const cases: [header: string | undefined, expected: number | undefined][] = [
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['-1', undefined],
  ['0', 0],
  ['120', 120_000],
  [' 5 ', 5000],
  ['2.128', 2128],
  ['0.0001', 1],
  ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
];
for (const [header, expected] of cases)
  test(`Retry-After: ${header ?? '(absent)'}`, (t) => t.is(retryAfterMs(header, now), expected));

test('the budget is what the RateLimit headers say, if they say all of it', (t) => {
  const headers = {
    'ratelimit-limit': '1200',
    'ratelimit-remaining': '120',
    'ratelimit-reset': '5',
  };
  t.deepEqual(rateLimit(headers), { remaining: 120, resetMs: 5000 });
  t.is(rateLimit({ 'ratelimit-remaining': '120' }), undefined);
  t.is(rateLimit({ 'ratelimit-remaining': 'many', 'ratelimit-reset': '5' }), undefined);
  t.is(rateLimit({}), undefined);
});
