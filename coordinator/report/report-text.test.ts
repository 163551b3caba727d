import { toJson } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { numbersOf } from '../store/testing/random.ts';
import { timestampFromNanoseconds } from './item-rows.ts';
import { csvText, timeText } from './report-text.ts';

const cells: [text: string, cell: string][] = [
  ['', ''],
  ['plain.txt', 'plain.txt'],
  ['/srv/a b', '/srv/a b'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['two\r\nlines', '"two\r\nlines"'],
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@sum', "'@sum"],
  ['\tx', "'\tx"],
  ['\rx', '"\'\rx"'],
  ['=a,"b"', '"\'=a,""b"""'],
  ['＝1', "'＝1"],
  ['a=1', 'a=1'],
  ["'=1", "'=1"],
  [',', '","'],
  ['Ärger 日本 \u{1f600}', 'Ärger 日本 \u{1f600}'],
  ['日本, "x"', '"日本, ""x"""'],
  ['\u0001', '\u0001'],
];

for (const [text, cell] of cells)
  test(`the cell of ${JSON.stringify(text)}`, (t) => {
    t.is(csvText(text), cell);
  });

test('times are those of protojson, also before 1970 and at the ends of 64 bits', (t) => {
  const below = numbersOf(1);
  const some = [
    0n,
    1n,
    -1n,
    999n,
    1_000n,
    1_000_000n,
    -1_000_000_000n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ];
  for (let count = 0; count < 2000; count += 1)
    some.push(BigInt.asIntN(64, (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32))));
  for (let count = 0; count < 2000; count += 1)
    some.push(1_700_000_000_000_000_000n + BigInt(below(2 ** 31)) * 10n ** BigInt(below(10)));
  for (const nanoseconds of some)
    t.is(
      timeText(nanoseconds),
      toJson(TimestampSchema, timestampFromNanoseconds(nanoseconds)),
      String(nanoseconds),
    );
});
