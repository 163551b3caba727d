import test from 'ava';
import {
  parseBytes,
  parseDuration,
  parseFieldMask,
  parseTimestamp,
  splitList,
} from './flag-text.ts';

type Case = [text: string, value: unknown];

const durations: Case[] = [
  ['30s', '30s'],
  ['5m', '300s'],
  ['24h', '86400s'],
  ['1h30m', '5400s'],
  ['2d', '172800s'],
  ['500ms', '0.500s'],
  ['1.5s', '1.500s'],
  ['0', '0s'],
  ['30', undefined],
  ['-5s', undefined],
  ['5 s', undefined],
  ['', undefined],
  ['9999999999999d', undefined],
];
test('durations', (t) => {
  for (const [text, value] of durations) t.is(parseDuration(text), value as string, text);
});

const amounts: Case[] = [
  ['0', '0'],
  ['4096', '4096'],
  ['512B', '512'],
  ['64KiB', '65536'],
  ['1.5 GiB', '1610612736'],
  ['64kb', '64000'],
  ['1.5', undefined],
  ['-1', undefined],
  ['1XB', undefined],
  ['9EiB', undefined],
];
test('amounts of bytes', (t) => {
  for (const [text, value] of amounts) t.is(parseBytes(text), value as string, text);
});

test('times are RFC 3339', (t) => {
  t.is(parseTimestamp('2026-01-31T14:00:00Z'), '2026-01-31T14:00:00Z');
  t.is(parseTimestamp('2026-01-31T14:00:00.5+02:00'), '2026-01-31T14:00:00.5+02:00');
  t.is(parseTimestamp('yesterday'), undefined);
});

test('field masks are written as in the schema', (t) => {
  t.is(parseFieldMask('display_name, settings.max_attempts'), 'displayName,settings.maxAttempts');
  t.is(parseFieldMask('*'), '*');
  t.is(parseFieldMask('a b'), undefined);
});

const lists: [text: string, values: string[]][] = [
  ['', []],
  ['tmp', ['tmp']],
  ['tmp,bak', ['tmp', 'bak']],
  ['*.{bak,tmp},~*', ['*.{bak,tmp}', '~*']],
  ['a\\,b,c', ['a,b', 'c']],
];
test('lists are parted by commas, but not within braces', (t) => {
  for (const [text, values] of lists) t.deepEqual(splitList(text), values);
});
