import test from 'ava';
import { DroverError } from '../../lib/error.ts';
import { readPageRequest, writePageToken } from './paging.ts';

const scope = ['tasks', 'state:RUNNING'];

test('the size has a default and a maximum', (t) => {
  for (const [pageSize, size] of [
    [0, 100],
    [1, 1],
    [1000, 1000],
    [1001, 1000],
    [2 ** 31 - 1, 1000],
  ] as const)
    t.deepEqual(readPageRequest({ pageSize, pageToken: '' }, scope), { size, cursor: '' });
});

test('a token brings its cursor back, for the same arguments only', (t) => {
  const pageToken = writePageToken('töken.17', scope);
  t.is(readPageRequest({ pageSize: 5, pageToken }, scope).cursor, 'töken.17');
  t.is(writePageToken(undefined, scope), '');
  const error = t.throws(() => readPageRequest({ pageSize: 5, pageToken }, ['tasks', '']), {
    instanceOf: DroverError,
  });
  t.deepEqual(
    error.violations.map(({ field }) => field),
    ['page_token'],
  );
});

test('what is no page is refused by the name of its field', (t) => {
  const bad: [pageSize: number, pageToken: string, field: string][] = [
    [-1, '', 'page_size'],
    [0, 'x', 'page_token'],
    [0, '😀', 'page_token'],
    [0, Buffer.from('{}').toString('base64url'), 'page_token'],
    [0, Buffer.from('[1,2]').toString('base64url'), 'page_token'],
    [0, 'a'.repeat(5000), 'page_token'],
  ];
  for (const [pageSize, pageToken, field] of bad) {
    const read = () => readPageRequest({ pageSize, pageToken }, scope);
    const error = t.throws(read, { instanceOf: DroverError });
    t.is(error.metadata['field'], field);
  }
});
