import { toJson } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { numbersOf } from '../store/testing/random.ts';
import { timestampFromNanoseconds } from './item-rows.ts';
import type { Place } from './item-places.ts';
import { LineBuffer, pieceBytes } from './line-buffer.ts';

/** What is written into an empty buffer. */
function written(write: (out: LineBuffer) => void): string {
  const out = new LineBuffer();
  write(out);
  return Buffer.from(out.take()).toString();
}

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
    t.is(written((out) => out.putCsvText(text)), cell); // oxfmt-ignore
    t.is(
      written((out) => out.putCsvText(`a/b/${text}`, 4)),
      cell,
    );
    t.is(
      written((out) => out.putJsonText(text)),
      JSON.stringify(text),
    );
    t.is(
      written((out) => out.put(text)),
      text,
    );
  });

test('a place is one cell, made of the folder and the name', (t) => {
  const placeOf = (folder: string, path: string, from: number) => ({ folder, name: path, from }) as Place; // oxfmt-ignore
  t.is(
    written((out) => out.putCsvPlace(placeOf('/srv/', 'x/=1.txt', 2))),
    '/srv/=1.txt',
  );
  t.is(
    written((out) => out.putCsvPlace(placeOf('/srv/', 'x/a,b', 2))),
    '"/srv/a,b"',
  );
  t.is(
    written((out) => out.putCsvPlace(placeOf('/a"b/', 'x/é', 2))),
    '"/a""b/é"',
  );
  t.is(
    written((out) => out.putCsvPlace(placeOf('=x/', 'y', 0))),
    "'=x/y",
  );
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
      written((out) => out.putTime(nanoseconds)),
      toJson(TimestampSchema, timestampFromNanoseconds(nanoseconds)),
      String(nanoseconds),
    );
});

test('numbers are whole, however large', (t) => {
  for (const value of [0n, 7n, 10n, 99n, 100n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) // oxfmt-ignore
    t.is(written((out) => out.putNumber(value)), String(value)); // oxfmt-ignore
});

test('hashes are written as Buffer writes them', (t) => {
  const below = numbersOf(2);
  for (let length = 0; length < 40; length += 1) {
    const bytes = Buffer.from(Array.from({ length: length + 3 }, () => below(256)));
    const part = bytes.subarray(3);
    t.is(written((out) => out.putHex(bytes, 3, length)), part.toString('hex')); // oxfmt-ignore
    t.is(written((out) => out.putBase64(bytes, 3, length)), part.toString('base64')); // oxfmt-ignore
  }
});

test('what does not fit makes the buffer larger, and what was taken stays as it is', (t) => {
  const out = new LineBuffer();
  const long = `${'x'.repeat(pieceBytes)}"é`;
  out.putCsvText(long);
  out.putJsonText(long);
  out.put(long.repeat(3));
  const text = `"${long.replace('"', '""')}"${JSON.stringify(long)}${long.repeat(3)}`;
  const taken = out.take();
  t.is(out.length, 0);
  out.put('y'.repeat(1000));
  t.is(Buffer.from(taken).toString(), text);
  t.is(Buffer.from(out.take()).toString(), 'y'.repeat(1000));
});
