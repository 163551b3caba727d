import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { openFolderSource } from '../source/folder-source.ts';
import { compileFilters } from './filter.ts';
import { noFilters, type FilterSettings } from './filter-settings.ts';
import type { ListedPath } from './jobs.ts';
import { walkListed } from './walk-listed.ts';
import type { WalkItem } from './walk.ts';

interface Walk {
  files: readonly string[];
  only: readonly string[];
  afterPath?: string;
  settings?: Partial<FilterSettings>;
  prepare?: (root: string) => void;
}

/** Walks; of the list, what ends with a slash is looked at with its contents. */
function walkIn(t: ExecutionContext, walk: Walk): WalkItem[] {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-listed-')));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const file of walk.files) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), '');
  }
  walk.prepare?.(root);
  const items: WalkItem[] = [];
  const only = walk.only.map((text): ListedPath => ({
    path: text.replace(/\/$/, ''),
    withContents: text.endsWith('/'),
  }));
  const source = openFolderSource(root);
  const options = {
    source,
    judge: compileFilters({ ...noFilters, ...walk.settings }, source),
    afterPath: walk.afterPath ?? '',
    only,
  };
  t.true(walkListed(options, (item) => items.push(item) > 0));
  return items;
}

const paths = (items: readonly WalkItem[]) => items.map((item) => item.path);
const files = ['a', 'b/c/1', 'b/c/2', 'b/d', 'b/e/f/g', 'z'];

test('only what is listed is found, and what is gone is not', (t) => {
  const found = walkIn(t, { files, only: ['a', 'b/c/2', 'b/gone', 'gone/x', 'z/x'] });
  t.deepEqual(paths(found), ['a', 'b/c/2']);
  t.true(found.every(({ remark }) => remark === undefined));
});

test('a folder comes alone, or with all that is in it, once', (t) => {
  t.deepEqual(paths(walkIn(t, { files, only: ['b'] })), ['b']);
  const whole = walkIn(t, { files, only: ['b/', 'b/c', 'b/c/1', 'z/'] });
  t.deepEqual(paths(whole), ['b', 'b/c', 'b/c/1', 'b/c/2', 'b/d', 'b/e', 'b/e/f', 'b/e/f/g', 'z']);
});

test('it goes on after any path', (t) => {
  const only = ['b/', 'z'];
  const all = paths(walkIn(t, { files, only }));
  for (const [index, afterPath] of all.slice(0, -1).entries())
    t.deepEqual(paths(walkIn(t, { files, only, afterPath })), all.slice(index + 1), afterPath);
});

test('filters of the item and of the folders above it count', (t) => {
  const more = { excludePatterns: ['b/c'], excludeExtensions: ['tmp'] };
  const found = walkIn(t, { files: [...files, 'x.tmp'], only: ['b/c/1', 'b/d', 'x.tmp'], settings: more }); // oxfmt-ignore
  t.deepEqual(paths(found), ['b/c/1', 'b/d', 'x.tmp']);
  const reasons = found.map(({ remark }) => remark?.reason);
  t.deepEqual(reasons, [ErrorReason.FILTERED, undefined, ErrorReason.FILTERED]);
  t.regex(found[0]!.remark!.message, /"b\/c" above it is left out/);
});

test('no link is followed on the way', (t) => {
  const prepare = (root: string) => symlinkSync('b', path.join(root, 'link'));
  t.deepEqual(paths(walkIn(t, { files, only: ['link/d', 'z'], prepare })), ['z']);
});

test('a name that is not valid Unicode is still refused', (t) => {
  const prepare = (root: string) =>
    writeFileSync(Buffer.concat([Buffer.from(`${root}/x`), Buffer.from([0xff])]), '');
  const found = walkIn(t, { files: [...files, 'y\\xff'], only: ['x\\xff', 'y\\xff'], prepare });
  t.deepEqual(paths(found), ['x\\xff', 'y\\xff']);
  t.is(found[0]!.remark?.reason, ErrorReason.NAME_INVALID);
  t.is(found[1]!.remark, undefined);
});
