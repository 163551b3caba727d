import test from 'ava';
import {
  ageClass,
  ageClasses,
  ClassTally,
  extensionOf,
  monthOf,
  monthWords,
  sizeClass,
  sizeClasses,
} from './file-classes.ts';

const kib = 1024;
const day = 86_400_000;

const sizes: [bytes: number, words: string][] = [
  [0, 'empty'],
  [1, 'up to 100 KiB'],
  [100 * kib, 'up to 100 KiB'],
  [100 * kib + 1, 'up to 1 MiB'],
  [kib ** 2, 'up to 1 MiB'],
  [kib ** 2 + 1, 'up to 10 MiB'],
  [10 * kib ** 2 + 1, 'up to 100 MiB'],
  [100 * kib ** 2 + 1, 'up to 1 GiB'],
  [kib ** 3, 'up to 1 GiB'],
  [kib ** 3 + 1, 'up to 10 GiB'],
  [10 * kib ** 3 + 1, 'up to 100 GiB'],
  [250 * kib ** 3, 'up to 250 GiB'],
  [250 * kib ** 3 + 1, 'larger'],
  [Number.MAX_SAFE_INTEGER, 'larger'],
];

for (const [bytes, words] of sizes)
  test(`a file of ${bytes} bytes is ${words}`, (t) => {
    t.is(sizeClasses[sizeClass(bytes)]!.words, words);
  });

const ages: [ageMs: number, words: string][] = [
  [-1000 * day, 'less than 30 days'],
  [0, 'less than 30 days'],
  [30 * day - 1, 'less than 30 days'],
  [30 * day, 'less than 90 days'],
  [90 * day - 1, 'less than 90 days'],
  [90 * day, 'less than 1 year'],
  [365 * day - 1, 'less than 1 year'],
  [365 * day, 'less than 3 years'],
  [1095 * day, 'less than 7 years'],
  [2555 * day - 1, 'less than 7 years'],
  [2555 * day, '7 years and more'],
  [100_000 * day, '7 years and more'],
];

for (const [ageMs, words] of ages)
  test(`a file that was modified ${ageMs / day} days ago: ${words}`, (t) => {
    t.is(ageClasses[ageClass(ageMs)]!.words, words);
  });

test('the month of every day is that of the calendar', (t) => {
  // All that nanoseconds in 64 bits can say.
  const [first, last] = [Date.UTC(1677, 8, 22), Date.UTC(2262, 3, 11)];
  for (let ms = first; ms <= last; ms += day) {
    const expected = new Date(ms).toISOString().slice(0, 7);
    if (monthWords(monthOf(ms)) === expected && monthWords(monthOf(ms + day - 1)) === expected)
      continue;
    t.fail(`${expected} is told as ${monthWords(monthOf(ms))}`);
    return;
  }
  t.pass();
});

const extensions: [path: string, extension: string][] = [
  ['a.txt', 'txt'],
  ['a.b/c', ''],
  ['a.b/c.TAR.Gz', 'gz'],
  ['a/.hidden', ''],
  ['.hidden', ''],
  ['.hidden.txt', 'txt'],
  ['ends.', ''],
  [`a.${'e'.repeat(32)}`, 'e'.repeat(32)],
  [`a.${'e'.repeat(33)}`, ''],
];

for (const [path, extension] of extensions)
  test(`the extension of ${path} is ${extension === '' ? 'none' : extension}`, (t) => {
    t.is(extensionOf(path, path.lastIndexOf('/') + 1), extension);
  });

test('classes for which there is no room are counted together, also after a restart', (t) => {
  let tally = new ClassTally<string>(undefined, [], 2);
  for (const key of ['a', 'b', 'c', 'a', 'd']) {
    tally.add(key, 10);
    const kept = tally.keep();
    tally = new ClassTally(kept, kept.text, 2);
  }
  const { text, files, bytes, otherFiles, otherBytes } = tally.keep();
  t.deepEqual({ text, files, bytes, otherFiles, otherBytes }, { text: ['a', 'b'], files: [2n, 1n], bytes: [20n, 10n], otherFiles: 2n, otherBytes: 20n }); // oxfmt-ignore
});
