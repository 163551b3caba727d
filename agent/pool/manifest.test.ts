import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openFolderSource } from '../source/folder-source.ts';
import { compileFilters } from './filter.ts';
import { noFilters, type FilterSettings } from './filter-settings.ts';
import { manifestBytesMax, manifestLinesMax, parseManifest, readManifest } from './manifest.ts';
import { walkManifest } from './walk-manifest.ts';
import type { WalkItem } from './walk.ts';

function makeTree(t: ExecutionContext, files: readonly string[]): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-manifest-')));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const file of files) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    if (!file.endsWith('/')) writeFileSync(path.join(root, file), '');
    else mkdirSync(path.join(root, file), { recursive: true });
  }
  return root;
}

const files = ['a/1', 'a/2', 'a b/1', 'b/c/1', 'b/c/2', 'b/d', 'e/', 'f', '#g', 'ä/😀', 'ä/\uffee'];

interface Walk {
  afterPath?: string;
  settings?: Partial<FilterSettings>;
}

function walkIn(root: string, text: string, { afterPath = '', settings }: Walk = {}): WalkItem[] {
  const source = openFolderSource(root);
  const judge = compileFilters({ ...noFilters, ...settings }, source);
  const items: WalkItem[] = [];
  walkManifest({ source, judge, afterPath, listed: parseManifest(text, 'list') }, (item) => items.push(item) > 0); // oxfmt-ignore
  return items;
}

const paths = (items: readonly WalkItem[]) => items.map((item) => item.path);

const lists: [title: string, text: string, found: string[]][] = [
  ['files, and the folders that they are in', 'b/c/1\nf\n', ['b', 'b/c', 'b/c/1', 'f']],
  [
    'in the order of a walk, whatever that of the lines',
    'f\na b/1\na/1',
    ['a', 'a/1', 'a b', 'a b/1', 'f'],
  ],
  ['a folder alone', 'b/c', ['b', 'b/c']],
  ['a folder with all that is in it', 'b/', ['b', 'b/c', 'b/c/1', 'b/c/2', 'b/d']],
  [
    'what is in a folder that is listed is listed once',
    'b/c/2\nb/\nb\nb/c/',
    ['b', 'b/c', 'b/c/1', 'b/c/2', 'b/d'],
  ],
  [
    'carriage returns, comments, empty lines and a mark in front',
    '\ufeff# all\r\n\r\n  \r\nf\r\n./#g\r\n',
    ['#g', 'f'],
  ],
  ['characters beyond the first plane', 'ä/😀\nä/\uffee', ['ä', 'ä/\uffee', 'ä/😀']],
  ['nothing', '', []],
];

for (const [title, text, found] of lists)
  test(title, (t) => {
    t.deepEqual(paths(walkIn(makeTree(t, files), text.replace(/^\ufeff/, ''))), found);
  });

test('a walk goes on after any path', (t) => {
  const root = makeTree(t, files);
  const text = 'a/2\nb/\nnone/x\nä/\n#g\n';
  const all = paths(walkIn(root, text));
  for (const [index, afterPath] of all.entries())
    t.deepEqual(paths(walkIn(root, text, { afterPath })), all.slice(index + 1), afterPath);
});

test('what is not there says so', (t) => {
  const root = makeTree(t, files);
  const found = walkIn(root, 'F\nno\nno/x\nf/x\na/3\nb/d/x\n');
  const told = found.map((item) => [item.path, item.remark?.reason]);
  const { SOURCE_VANISHED } = ErrorReason;
  t.deepEqual(told, [
    ['F', SOURCE_VANISHED],
    ['a', undefined],
    ['a/3', SOURCE_VANISHED],
    ['b', undefined],
    ['b/d/x', SOURCE_VANISHED],
    ['f/x', SOURCE_VANISHED],
    ['no', SOURCE_VANISHED],
    ['no/x', SOURCE_VANISHED],
  ]);
});

test('filters count for what is listed, and for the folders above it', (t) => {
  const root = makeTree(t, files);
  symlinkSync('b', path.join(root, 'link'));
  const settings = { excludeFolders: ['c'], excludePatterns: ['f'] };
  const found = walkIn(root, 'b/c/1\nb/d\nf\nlink/d\n', { settings });
  const told = found.map((item) => [item.path, item.remark?.rule ?? item.remark?.reason]);
  t.deepEqual(told, [
    ['b', undefined],
    ['b/c', 'exclude_folders: c'],
    ['b/d', undefined],
    ['f', 'exclude_patterns: f'],
    ['link', ErrorReason.SYMBOLIC_LINK],
  ]);
});

for (const line of ['/etc/passwd', '../x', 'a/../../x', 'a//b', '.', './', 'a/./b', 'a\0b', '//'])
  test(`${JSON.stringify(line)} is no path below the source`, (t) => {
    const error = t.throws(() => parseManifest(`f\n${line}\n`, '/list'), {
      instanceOf: DroverError,
    });
    t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
    t.regex(error.message, /line 2 is/);
  });

test('on Windows a backslash parts names', (t) => {
  t.deepEqual(parseManifest('b\\c\\', 'list', true), [{ path: 'b/c', withContents: true }]);
  t.throws(() => parseManifest('..\\x', 'list', true), { instanceOf: DroverError });
  t.throws(() => parseManifest('\\\\server\\share\\x', 'list', true), { instanceOf: DroverError });
});

test('there is a most that a manifest may have', (t) => {
  const many = (count: number) => parseManifest('x\n'.repeat(count), 'list');
  t.is(many(manifestLinesMax).length, 1);
  t.throws(() => many(manifestLinesMax + 1), { message: /names more than 250000/ });
  t.is(parseManifest('\n'.repeat(2_000_000), 'list').length, 0);
});

const badPlaces: [title: string, prepare: (root: string) => string, message: RegExp][] = [
  ['one that is not there', (root) => `${root}/in/none`, /does not exist/],
  ['a folder', (root) => `${root}/in`, /lies outside|is not a file/],
  ['one outside of the roots', (root) => `${root}/out.txt`, /lies outside what the agent may read/],
  [
    'a link that leads out',
    (root) => (symlinkSync('../out.txt', `${root}/in/link`), `${root}/in/link`),
    /lies outside/,
  ],
  ['one beside a root whose name begins alike', (root) => `${root}/in2.txt`, /lies outside/],
  [
    'what is no Unicode',
    (root) => (writeFileSync(`${root}/in/bad`, Buffer.from([0xff, 0xfe, 0x61])), `${root}/in/bad`),
    /is not text in UTF-8/,
  ],
  [
    'one that is too long',
    (root) => (
      writeFileSync(`${root}/in/long`, Buffer.alloc(manifestBytesMax + 1)),
      `${root}/in/long`
    ),
    /has more than \d+ bytes/,
  ],
];

for (const [title, prepare, message] of badPlaces)
  test(`a manifest is refused that is ${title}`, (t) => {
    const root = makeTree(t, ['in/list.txt', 'out.txt', 'in2.txt']);
    const file = prepare(root);
    const error = t.throws(() => readManifest({ file, roots: [`${root}/in`] }), { instanceOf: DroverError }); // oxfmt-ignore
    t.regex(error.message, message);
    t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
  });

test('a manifest below a root is read, through links that stay there', (t) => {
  const root = makeTree(t, ['in/x', 'in/sub/']);
  writeFileSync(`${root}/in/sub/list.txt`, '\ufeffx\r\n');
  symlinkSync('sub/list.txt', `${root}/in/link`);
  for (const file of [`${root}/in/sub/list.txt`, `file://${root}/in/link`])
    t.deepEqual(readManifest({ file, roots: ['/none', `${root}/in`] }), [{ path: 'x', withContents: false }]); // oxfmt-ignore
});
