import test from 'ava';
import { numbersOf } from '../store/testing/random.ts';
import { numberedName } from '../../lib/numbered-name.ts';
import { foldName, foldPath } from './name-twins.ts';

// oxfmt-ignore
const twins: string[][] = [
  ['a', 'A'],
  ['readme.md', 'README.MD', 'ReadMe.Md'],
  ['é', 'e\u0301', 'É', 'E\u0301'],
  ['\u01d8', 'u\u0308\u0301', '\u00fc\u0301'],
  ['straße', 'STRASSE', 'Strasse', 'STRAẞE'],
  ['ﬁle', 'file'],
  ['σς', 'ΣΣ', 'ΣΣ'],
  ['\u212a', 'k', 'K'],
  ['æ', 'ae', 'Æ', 'AE'],
  ['œ', 'oe'],
  ['þ', 'th'],
  ['\ufa19', '\u795e'],
  ['\u{2f800}', '\u4e3d'],
  ['😭.txt', '😭😭.txt', '.txt', '.TXT', '🎉.txt'],
  ['😭', '😭😭', '𠮷', '\u200b'],
  ['𠮷野', '野'],
  ['葛\u{e0100}', '葛', '葛\ufe00'],
  ['a\u00adb', 'ab', 'a\u200db', 'a\ufeffb'],
  ['e\u200d\u0301', 'é'],
  ['ΐ', '\u03b9\u0308\u0301', '\u0390'],
];
for (const names of twins)
  test(`one name: ${JSON.stringify(names)}`, (t) => {
    for (const name of names) t.is(foldName(name), foldName(names[0]!), JSON.stringify(name));
  });

// oxfmt-ignore
const apart: [one: string, other: string][] = [
  ['a', 'b'], ['a', 'á'], ['o', 'ö'], ['n', 'ñ'], ['a', 'a '], ['a.b', 'a-b'], ['a', 'ａ'], ['か', 'が'], ['か', 'カ'],
  ['神', '禅'], ['1', '¹'], ['a', 'а'], ['a_b', 'a-b'], ['日', '本'], ['d', 'ð'], ['l', 'ł'],
];
for (const [one, other] of apart)
  test(`two names: ${one} and ${other}`, (t) => t.not(foldName(one), foldName(other)));

test('folding again changes nothing, and neither case nor composition matters (seed 20261125)', (t) => {
  const below = numbersOf(20261125);
  for (let round = 0; round < 3000; round += 1) {
    const codes = Array.from({ length: below(5) + 1 }, () => below(below(4) === 0 ? 0x30000 : 0x800)); // oxfmt-ignore
    const name = String.fromCodePoint(...codes.filter((code) => code < 0xd800 || code > 0xdfff));
    const folded = foldName(name);
    const composed = name.normalize('NFC');
    for (const same of [folded, composed, name.normalize('NFD'), composed.toUpperCase()])
      if (foldName(same) !== folded) t.fail(`${JSON.stringify(name)} and ${JSON.stringify(same)}`);
  }
  t.pass();
});

test('a path folds part by part, and an empty part stays one', (t) => {
  t.is(foldPath('a/É/😭/b.Txt'), 'A/É//B.TXT');
  t.is(foldPath('a'), 'A');
});

// oxfmt-ignore
const numbered: [name: string, kind: 'file' | 'folder', expected: string][] = [
  ['a.txt', 'file', 'a (2).txt'],
  ['a.tar.gz', 'file', 'a.tar (2).gz'],
  ['a', 'file', 'a (2)'],
  ['.profile', 'file', '.profile (2)'],
  ['.a.b', 'file', '.a (2).b'],
  ['a (2).txt', 'file', 'a (2) (2).txt'],
  ['v1.2', 'folder', 'v1.2 (2)'],
];
for (const [name, kind, expected] of numbered)
  test(`second ${kind}: ${name}`, (t) => t.is(numberedName(name, kind, 2), expected));
