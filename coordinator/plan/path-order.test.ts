import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { pathKey } from '../store/keys.ts';
import { numbersOf } from '../store/testing/random.ts';
import { checkPathOrder, comparePaths } from './path-order.ts';

const seed = 20261124;
const characters = ['/', '!', '-', '.', '0', 'a', '\x01', '\x7f', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}']; // oxfmt-ignore

test(`paths compare as the bytes of their keys do (seed ${seed})`, (t) => {
  const below = numbersOf(seed);
  const paths = Array.from({ length: 400 }, () =>
    Array.from({ length: below(4) + 1 }, () => characters[below(characters.length)]).join(''),
  );
  for (const one of paths)
    for (const other of paths.slice(0, 50)) {
      const expected = Buffer.compare(Buffer.from(pathKey(one)), Buffer.from(pathKey(other)));
      if (Math.sign(comparePaths(one, other)) !== expected)
        t.fail(`${JSON.stringify(one)} and ${JSON.stringify(other)}`);
    }
  t.pass();
});

test('a page in order passes', (t) => {
  t.notThrows(() => checkPathOrder([], 'z'));
  t.notThrows(() => checkPathOrder(['a'], ''));
  t.notThrows(() => checkPathOrder(['a', 'a/b', 'a/b/c', 'a!', 'a!/x', 'b'], 'Z'));
  t.notThrows(() => checkPathOrder(['\uffff', '\u{10000}'], '\ue000'));
});

const wrong: [name: string, paths: string[], after: string][] = [
  ['a path twice', ['a', 'a'], ''],
  ['the last path of the page before', ['a', 'b'], 'a'],
  ['before the last path of the page before', ['a'], 'a/b'],
  ['a name after what is in its folder', ['a!', 'a/b'], ''],
  ['the order of UTF-16', ['\u{10000}', '\uffff'], ''],
];
for (const [name, paths, after] of wrong)
  test(`a page out of order is refused: ${name}`, (t) => {
    const error = t.throws(() => checkPathOrder(paths, after), { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.INVALID_ARGUMENT);
  });
