import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { reasonName } from '../../lib/error.ts';
import { openFolderSource } from '../source/folder-source.ts';
import { sourceError } from '../source/source-error.ts';
import type { Source } from '../source/source.ts';
import { compileFilters } from './filter.ts';
import { noFilters } from './filter-settings.ts';
import { walk, type WalkItem, type WalkOptions } from './walk.ts';

function makeTree(paths: readonly string[]): { root: string } & Disposable {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-walk-')));
  for (const each of paths) {
    mkdirSync(path.join(root, path.dirname(each)), { recursive: true });
    if (each.endsWith('/')) mkdirSync(path.join(root, each), { recursive: true });
    else writeFileSync(path.join(root, each), '');
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

function collect(
  source: Source,
  afterPath = '',
  settings = noFilters,
  more: Partial<WalkOptions> = {},
): WalkItem[] {
  const items: WalkItem[] = [];
  walk(
    { source, judge: compileFilters(settings, source), afterPath, ...more },
    (item) => items.push(item) > 0,
  );
  return items;
}

/** A source that is another one but for some of it. */
function sourceOver(real: Source, other: Partial<Source>): Source {
  return {
    check: (hasItems) => real.check(hasItems),
    facts: (each) => real.facts(each),
    attributes: (each) => real.attributes(each),
    list: (each) => real.list(each),
    open: (each) => real.open(each),
    [Symbol.dispose]: () => {},
    ...other,
  };
}

const paths = (items: readonly WalkItem[]) => items.map((item) => item.path);

const tree = ['a!b', 'a/x/1', 'a/x!', 'a/x/', 'a.b', 'a b/c', 'empty/', 'z', 'é/😀', 'é/\uffee'];

test('items come in the order of the keys: depth first, by bytes', (t) => {
  using place = makeTree(tree);
  const found = paths(collect(openFolderSource(place.root)));
  t.deepEqual(found, [
    'a',
    'a/x',
    'a/x/1',
    'a/x!',
    'a b',
    'a b/c',
    'a!b',
    'a.b',
    'empty',
    'z',
    'é',
    'é/\uffee',
    'é/😀',
  ]);
  const key = (each: string) => Buffer.from(each.replaceAll('/', '\0'));
  t.deepEqual(
    found,
    found.toSorted((one, other) => Buffer.compare(key(one), key(other))),
  );
});

test('a walk goes on after any path, whether it is still there or not', (t) => {
  using place = makeTree(tree);
  const source = openFolderSource(place.root);
  const all = paths(collect(source));
  for (const [index, after] of all.entries())
    t.deepEqual(paths(collect(source, after)), all.slice(index + 1), after);
  const key = (each: string) => Buffer.from(each.replaceAll('/', '\0'));
  for (const gone of ['a/w', 'a/x/0', 'a/x/1/deeper', 'a/y/z', 'zz', 'b/c/d', ' ', 'é/~'])
    t.deepEqual(
      paths(collect(source, gone)),
      all.filter((each) => Buffer.compare(key(each), key(gone)) > 0),
      gone,
    );
});

test('a walk ends when it is told to', (t) => {
  using place = makeTree(tree);
  let visited = 0;
  const source = openFolderSource(place.root);
  const judge = compileFilters(noFilters, source);
  t.false(walk({ source, judge, afterPath: '' }, () => ++visited < 3));
  t.is(visited, 3);
});

test('250 levels down and back', (t) => {
  const deep = Array.from({ length: 250 }, (_, level) => `level${level}`).join('/');
  using place = makeTree([`${deep}/file`, 'zz']);
  const found = collect(openFolderSource(place.root));
  t.is(found.length, 252);
  t.is(found[250]?.path, `${deep}/file`);
  t.is(found[251]?.path, 'zz');
});

test('what cannot be migrated is there with its reason', (t) => {
  using place = makeTree(['file', 'folder/file', 'skipped/file', '.hidden/file', 'x.tmp']);
  symlinkSync('folder', path.join(place.root, 'link'));
  execFileSync('mkfifo', [path.join(place.root, 'pipe')]);
  writeFileSync(Buffer.concat([Buffer.from(`${place.root}/bad`), Buffer.from([0xff])]), '');
  const settings = {
    ...noFilters,
    migrateHiddenItems: false,
    excludeExtensions: ['tmp'],
    excludePatterns: ['skipped'],
  };
  const found = collect(openFolderSource(place.root), '', settings).map(
    ({ path: name, facts, remark }) => [name, facts.kind, remark && reasonName(remark.reason)],
  );
  t.deepEqual(found, [
    ['.hidden', ItemKind.FOLDER, 'FILTERED'],
    ['bad\\xff', ItemKind.UNSPECIFIED, 'NAME_INVALID'],
    ['file', ItemKind.FILE, undefined],
    ['folder', ItemKind.FOLDER, undefined],
    ['folder/file', ItemKind.FILE, undefined],
    ['link', ItemKind.SYMBOLIC_LINK, 'SYMBOLIC_LINK'],
    ['pipe', ItemKind.SPECIAL, 'SPECIAL_FILE'],
    ['skipped', ItemKind.FOLDER, 'FILTERED'],
    ['x.tmp', ItemKind.FILE, 'FILTERED'],
  ]);
});

test('paths that are longer than the system can open are there with their reason', (t) => {
  using place = makeTree([]);
  // Made and removed from within, step by step: from outside, nobody could name them.
  const name = 'n'.repeat(200);
  const make = `for (let i = 0; i < 25; i++) { fs.mkdirSync('${name}'); process.chdir('${name}'); }
    fs.writeFileSync('file', '');`;
  execFileSync(process.execPath, ['-e', make], { cwd: place.root });
  const found = collect(openFolderSource(place.root));
  const last = found.at(-1);
  t.is(last?.remark?.reason, ErrorReason.PATH_TOO_LONG);
  t.true(found.slice(0, -1).every((item) => item.remark === undefined));
  t.true(found.length > 15);
  execFileSync('rm', ['-rf', path.join(place.root, name)]);
});

test('a folder that cannot be listed is there with its reason, and the walk goes on', (t) => {
  using place = makeTree(['a/file', 'b/file', 'c']);
  const real = openFolderSource(place.root);
  const source = sourceOver(real, {
    list: (each) => {
      if (each === 'a') rmSync(path.join(place.root, 'a'), { recursive: true, force: true });
      if (each === 'b') truncateSync(path.join(place.root, 'b/file'), 1);
      return real.list(each);
    },
  });
  t.deepEqual(paths(collect(source)), ['b', 'b/file', 'c'], 'what vanishes was never there');
  using denied = makeTree(['a/file', 'c']);
  if (!lockAway(path.join(denied.root, 'a'))) return;
  const found = collect(openFolderSource(denied.root));
  t.deepEqual(
    found.map((item) => [item.path, item.remark?.reason]),
    [
      ['a', ErrorReason.SOURCE_ACCESS_DENIED],
      ['c', undefined],
    ],
  );
});

test('a file that cannot be read is found where each is opened', (t) => {
  using place = makeTree(['free', 'locked', 'vanishing']);
  const real = openFolderSource(place.root);
  const opened: string[] = [];
  const source = sourceOver(real, {
    open: (each) => {
      opened.push(each);
      // As Windows says it of a file that a program has for itself.
      if (each === 'locked') throw sourceError(Object.assign(new Error('resource busy or locked'), { code: 'EBUSY' }), each); // oxfmt-ignore
      if (each === 'vanishing') rmSync(path.join(place.root, each), { force: true });
      return real.open(each);
    },
  });
  const remarks = (items: readonly WalkItem[]) => items.map((item) => [item.path, item.remark?.reason]); // oxfmt-ignore
  t.deepEqual(remarks(collect(source)), [['free', undefined], ['locked', undefined], ['vanishing', undefined]]); // oxfmt-ignore
  t.deepEqual(opened, []);
  t.deepEqual(remarks(collect(source, '', noFilters, { triesReading: true })), [['free', undefined], ['locked', ErrorReason.SOURCE_LOCKED]]); // oxfmt-ignore
  t.deepEqual(opened, ['free', 'locked', 'vanishing', 'vanishing']);
});

/** An account that may read everything cannot be locked out. */
function lockAway(folder: string): boolean {
  if (process.getuid?.() === 0) return false;
  execFileSync('chmod', ['000', folder]);
  return true;
}
