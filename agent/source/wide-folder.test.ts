import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openFolderSource } from './folder-source.ts';
import { WideFolder } from './wide-folder.ts';

const testOnLinux = process.platform === 'linux' ? test : test.skip;

testOnLinux('facts are those that lstat has', (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-wide-'));
  try {
    const inner = path.join(root, 'folder');
    mkdirSync(path.join(inner, 'sub'), { recursive: true });
    symlinkSync('nowhere', path.join(inner, 'link'));
    execFileSync('mkfifo', [path.join(inner, 'pipe')]);
    const dates = [
      '1912-06-23T01:02:03.000000001Z',
      '2001-02-03T04:05:06.999999999Z',
      '2300-01-01T00:00:00.5Z',
    ];
    for (const [index, date] of dates.entries()) {
      const file = path.join(inner, `file ${index} é😀`);
      writeFileSync(file, '');
      truncateSync(file, 10_000_000_000 * index);
      execFileSync('touch', ['-d', date, file]);
    }
    const names = ['sub', 'link', 'pipe', ...dates.map((_, index) => `file ${index} é😀`)];
    const source = openFolderSource(root);
    const wide = new WideFolder();
    wide.open(inner, 'folder/');
    for (const name of names)
      t.deepEqual(wide.facts(`folder/${name}`), source.facts(`folder/${name}`), name);
    for (const other of ['folder', 'folder/missing', 'folder/sub/x', 'elsewhere/pipe', 'pipe', ''])
      t.is(wide.facts(other), undefined, other);
    wide.open(root, '');
    t.deepEqual(wide.facts('folder'), source.facts('folder'));
    wide.close();
    wide.close();
    t.is(wide.facts('folder'), undefined);
    wide.open(path.join(root, 'missing'), 'missing/');
    t.is(wide.facts('missing/file'), undefined);
  } finally {
    rmSync(root, { recursive: true });
  }
});
