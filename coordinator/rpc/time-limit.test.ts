import test from 'ava';
import { parseTimeLimit } from './time-limit.ts';

const now = '2024-03-31T10:30:00Z';
const nowMs = Date.parse(now);

const good: [text: string, time: string][] = [
  ['2024-01-31', '2024-01-31T00:00:00Z'],
  ['2024-02-29', '2024-02-29T00:00:00Z'],
  ['2024-01-31T08:05:06Z', '2024-01-31T08:05:06Z'],
  ['2024-01-31t08:05:06z', '2024-01-31T08:05:06Z'],
  ['2024-01-31T08:05:06.789123456+02:00', '2024-01-31T06:05:06.789Z'],
  ['-0d', now],
  ['-12h', '2024-03-30T22:30:00Z'],
  ['-90d', '2024-01-01T10:30:00Z'],
  ['-2w', '2024-03-17T10:30:00Z'],
  ['-1m', '2024-02-29T10:30:00Z'],
  ['-4m', '2023-11-30T10:30:00Z'],
  ['-13m', '2023-02-28T10:30:00Z'],
  ['-2y', '2022-03-31T10:30:00Z'],
];

for (const [text, time] of good)
  test(`${text} is ${time}`, (t) => {
    t.is(parseTimeLimit(text, nowMs), Date.parse(time));
  });

test('the 29th of February a year ago is the 28th', (t) => {
  t.is(
    parseTimeLimit('-1y', Date.parse('2024-02-29T00:00:00Z')),
    Date.parse('2023-02-28T00:00:00Z'),
  );
});

for (const text of [
  '',
  '-',
  '2023-02-29',
  '2024-1-31',
  '2024-01-31 08:00:00',
  '2024-01-31T08:00:00',
  '-1s',
  '-1M',
  '+1d',
  '-999999h',
  '-5000y',
])
  test(`"${text}" is no time`, (t) => {
    t.is(parseTimeLimit(text, nowMs), undefined);
  });
