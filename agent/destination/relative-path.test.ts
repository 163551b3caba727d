import test from 'ava';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { checkFolderPath, checkRelativePath } from './relative-path.ts';

const good = [
  'a',
  'a/b',
  '.a',
  '..a',
  'a..',
  '...',
  'a/...',
  'a\\..\\b',
  ' ',
  'a\nb',
  '-rf',
  'é/日本',
];
for (const path of good)
  test(`below: ${JSON.stringify(path)}`, (t) => t.notThrows(() => checkRelativePath(path)));

const bad = [
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  './a',
  '../a',
  'a/.',
  'a/..',
  'a/./b',
  'a/../b',
  '\0',
  'a/b\0c',
];
for (const path of bad)
  test(`not below: ${JSON.stringify(path)}`, (t) => {
    const error = t.throws(() => checkRelativePath(path), { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.DESTINATION_ESCAPES);
  });

test('on Windows a backslash leads further, and a colon into a stream of a file', (t) => {
  for (const path of ['a', 'a/b', '..a', 'CON', 'a. ', 'é/日本']) {
    t.notThrows(() => checkFolderPath(path, 'win32'), path);
    t.notThrows(() => checkFolderPath(path, 'linux'), path);
  }
  for (const path of ['a\\..\\..\\b', '..\\b', 'a\\b', 'a:b', 'C:', 'a/b::$DATA']) {
    t.throws(() => checkFolderPath(path, 'win32'), { instanceOf: DroverError }, path);
    t.notThrows(() => checkFolderPath(path, 'linux'), path);
  }
  for (const path of bad) t.throws(() => checkFolderPath(path, 'win32'), { instanceOf: DroverError }, path); // oxfmt-ignore
});
