import test from 'ava';
import {
  cutToWidth,
  displayWidth,
  escapeControl,
  formatBytes,
  formatCount,
  formatDuration,
  padToWidth,
} from './format.ts';

const bytes: [value: bigint | number, text: string][] = [
  [0, '0 B'],
  [-5, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536n, '1.5 KiB'],
  [102_400, '100 KiB'],
  [1024 * 1024 - 1, '1.0 MiB'],
  [2n ** 40n * 3n, '3.0 TiB'],
  [2n ** 64n - 1n, '16.0 EiB'],
];
test('bytes', (t) => {
  for (const [value, text] of bytes) t.is(formatBytes(value), text);
});

const durations: [valueMs: number, text: string][] = [
  [-1, '0.0 s'],
  [420, '0.4 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 min 00 s'],
  [185_000, '3 min 05 s'],
  [7_620_000, '2 h 07 min'],
  [86_400_000 * 3 + 3_600_000 * 4, '3 d 04 h'],
];
test('durations', (t) => {
  for (const [value, text] of durations) t.is(formatDuration(value), text);
});

test('counts', (t) => {
  t.is(formatCount(12_345n), '12,345');
  t.is(formatCount(1234.6), '1,235');
});

test('nothing that acts on a terminal is left in an escaped text', (t) => {
  t.is(escapeControl('a\nb\tc\rd'), 'a\\nb\\tc\\rd');
  t.is(escapeControl('\x1b[2J\x7f\x9b'), '\\x1b[2J\\x7f\\x9b');
  t.is(escapeControl('exe.\u202etxt\u2028'), 'exe.\\u202etxt\\u2028');
  t.is(escapeControl('half \ud800 pair'), 'half \\ud800 pair');
  t.is(escapeControl('\\\\server\\share, größe, 🙂'), '\\\\server\\share, größe, 🙂');
});

test('width is counted in columns, not in code units', (t) => {
  t.is(displayWidth('größe'), 5);
  t.is(displayWidth('gro\u0308ße'), 5);
  t.is(displayWidth('日本'), 4);
  t.is(displayWidth('🙂'), 2);
  t.is(padToWidth('日本', 6), '日本  ');
  t.is(cutToWidth('日本語', 5), '日本…');
  t.is(cutToWidth('short', 5), 'short');
  t.is(cutToWidth('longer', 0), '');
});
