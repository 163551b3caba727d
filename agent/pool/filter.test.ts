import test from 'ava';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { compileFilters } from './filter.ts';
import type { RunSettings } from './jobs.ts';

const settings: RunSettings = {
  migrateHiddenItems: true,
  excludeExtensions: [],
  excludePatterns: [],
  maxAttempts: 3,
  conflictPolicy: ConflictPolicy.SKIP,
};

function leavesOut(more: Partial<RunSettings>, path: string, kind: ItemKind): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return compileFilters({ ...settings, ...more })(path, name, kind) !== undefined;
}

const { FILE, FOLDER } = ItemKind;
const hidden = { migrateHiddenItems: false };
const extensions = { excludeExtensions: ['tmp', 'tar.gz'] };
const patterns = (...excludePatterns: string[]) => ({ excludePatterns });

const rows: [settings: Partial<RunSettings>, path: string, kind: ItemKind, out: boolean][] = [
  [{}, '.hidden', FILE, false],
  [hidden, '.hidden', FILE, true],
  [hidden, 'a/.hidden', FOLDER, true],
  [hidden, '.a/shown', FILE, false],
  [extensions, 'a.tmp', FILE, true],
  [extensions, 'a.TMP', FILE, true],
  [extensions, 'a.tmp.txt', FILE, false],
  [extensions, 'a.tmp', FOLDER, false],
  [extensions, 'a.tar.gz', FILE, true],
  [extensions, 'v1.2.tar.gz', FILE, true],
  [extensions, 'a.gz', FILE, false],
  [extensions, 'tmp', FILE, false],
  [extensions, '.tmp', FILE, false],
  [extensions, '.a.tmp', FILE, true],
  [extensions, 'a.tmp/b', FILE, false],
  [patterns('*.bak'), 'a.bak', FILE, true],
  [patterns('*.bak'), 'deep/down/a.bak', FILE, true],
  [patterns('*.bak'), '.bak', FILE, true],
  [patterns('node_modules'), 'a/node_modules', FOLDER, true],
  [patterns('node_modules'), 'a/node_modules_2', FOLDER, false],
  [patterns('**/node_modules'), 'node_modules', FOLDER, true],
  [patterns('**/node_modules'), 'a/b/node_modules', FOLDER, true],
  [patterns('a/*.txt'), 'a/b.txt', FILE, true],
  [patterns('a/*.txt'), 'a/b/c.txt', FILE, false],
  [patterns('a/*.txt'), 'b/a/c.txt', FILE, false],
  [patterns('/top'), 'top', FOLDER, true],
  [patterns('/top'), 'a/top', FOLDER, false],
  [patterns('', '/', '//'), 'a', FILE, false],
  [patterns('build/'), 'a/build', FOLDER, true],
  [patterns('~$*'), 'a/~$report.docx', FILE, true],
  [patterns('Thumbs.db', '*.lnk'), 'x/y.lnk', FILE, true],
  [patterns('[ab]?c'), 'bxc', FILE, true],
  [patterns('!keep'), 'other', FILE, false],
  [patterns('a\\*b'), 'a*b', FILE, true],
  [patterns('a\\*b'), 'axb', FILE, false],
];
for (const [more, path, kind, out] of rows)
  test(`${JSON.stringify(more)} ${out ? 'leaves out' : 'keeps'} ${path} (${kind})`, (t) =>
    t.is(leavesOut(more, path, kind), out));
