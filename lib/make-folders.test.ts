import test from 'ava';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolders } from './make-folders.ts';

test('folders are made, each with the mode, and twice is once', (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-make-folders-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  makeFolders(path.join(root, 'a/b/c'), 0o700);
  makeFolders(path.join(root, 'a/b/c'));
  t.is(statSync(path.join(root, 'a/b')).mode & 0o777, 0o700);
  t.true(existsSync(path.join(root, 'a/b/c')));
});

test('a file in the way is an error', (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-make-folders-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  writeFileSync(path.join(root, 'file'), '');
  t.throws(() => makeFolders(path.join(root, 'file')), { code: 'EEXIST' });
  t.throws(() => makeFolders(path.join(root, 'file/below')), { code: 'EEXIST' });
});

const unmakeable = existsSync('/proc/self') ? test : test.skip;
unmakeable('a place where nothing can be made is an error, not a wait without end', (t) => {
  t.throws(() => makeFolders('/proc/drover/data'), { code: 'ENOENT' });
});
