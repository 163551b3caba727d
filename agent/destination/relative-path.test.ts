import test from 'ava';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { checkRelativePath } from './relative-path.ts';

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
