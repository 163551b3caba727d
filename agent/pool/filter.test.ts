import picomatch from 'picomatch';
import test from 'ava';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { ItemAttributes, ItemFacts } from '../source/source.ts';
import { attributesOf } from '../source/windows-attributes.ts';
import { compileFilters } from './filter.ts';
import { noFilters, type FilterSettings } from './filter-settings.ts';
import { unknownFacts } from './walk.ts';

const { FILE, FOLDER, SYMBOLIC_LINK } = ItemKind;
type Facts = Partial<ItemFacts>;

/** The rule that leaves an item out; undefined when none does. */
function ruleFor(
  settings: Partial<FilterSettings>,
  path: string,
  facts: Facts = {},
  attributes?: ItemAttributes,
): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const judge = compileFilters({ ...noFilters, ...settings }, { attributes: () => attributes });
  return judge(path, name, { ...unknownFacts, kind: FILE, ...facts })?.rule;
}

const folder = { kind: FOLDER };
const no = undefined;

/** What is left out of each, and by which rule. */
const cases: Record<
  string,
  [settings: Partial<FilterSettings>, [path: string, rule: string | undefined, facts?: Facts][]]
> = {
  'nothing is left out without filters': [{}, [['.hidden', no], ['Thumbs.db', no], ['~$a.docx', no]]], // oxfmt-ignore
  'hidden items': [
    { migrateHiddenItems: false },
    [
      ['.hidden', 'migrate_hidden_items'],
      ['a/.hidden', 'migrate_hidden_items', folder],
      ['.a/shown', no],
    ],
  ],
  'items of the system': [
    { migrateSystemItems: false },
    [
      ['a/Thumbs.db', 'migrate_system_items'],
      ['THUMBS.DB', 'migrate_system_items'],
      ['desktop.ini', 'migrate_system_items'],
      ['.DS_Store', 'migrate_system_items'],
      ['._letter.docx', 'migrate_system_items'],
      ['$RECYCLE.BIN', 'migrate_system_items', folder],
      ['System Volume Information', 'migrate_system_items', folder],
      ['.Trash-1000', 'migrate_system_items', folder],
      ['.nfs0000000000c0ffee', 'migrate_system_items'],
      ['.nfs', no],
      ['.bashrc', no],
      ['a.thumbs.db', no],
    ],
  ],
  extensions: [
    { excludeExtensions: ['tmp', 'tar.gz'] },
    [
      ['a.tmp', 'exclude_extensions: tmp'],
      ['a.TMP', 'exclude_extensions: tmp'],
      ['a.tmp.txt', no],
      ['a.tmp', no, folder],
      ['a.tar.gz', 'exclude_extensions: tar.gz'],
      ['v1.2.tar.gz', 'exclude_extensions: tar.gz'],
      ['a.gz', no],
      ['tmp', no],
      ['.tmp', no],
      ['.a.tmp', 'exclude_extensions: tmp'],
      ['a.tmp/b', no],
    ],
  ],
  'one extension': [
    { excludeExtensions: ['tmp'] },
    [
      ['a.b.Tmp', 'exclude_extensions: tmp'],
      ['a.tmp.b', no],
      ['.tmp', no],
      ['a.', no],
    ],
  ],
  folders: [
    { excludeFolders: ['Backup', '/Top', 'Sales\\2019', 'x/y/'] },
    [
      ['a/b/BACKUP', 'exclude_folders: Backup', folder],
      ['backup', no],
      ['top', 'exclude_folders: /Top', folder],
      ['a/top', no, folder],
      ['sales/2019', 'exclude_folders: Sales\\2019', folder],
      ['a/sales/2019', no, folder],
      ['X/Y', 'exclude_folders: x/y/', folder],
      ['Backup 2', no, folder],
    ],
  ],
  'sizes, of files alone': [
    { minSize: 10, maxSize: 20 },
    [
      ['a', 'min_size', { size: 9 }],
      ['a', no, { size: 10 }],
      ['a', no, { size: 20 }],
      ['a', 'max_size', { size: 21 }],
      ['a', no, { kind: FOLDER, size: 0 }],
      ['a', no, { kind: SYMBOLIC_LINK, size: 0 }],
    ],
  ],
  'dates, of files alone': [
    {
      createdAfterNs: 100n,
      createdBeforeNs: 200n,
      modifiedAfterNs: 1000n,
      modifiedBeforeNs: 2000n,
    },
    [
      ['a', no, { createdNs: 100n, modifiedNs: 1000n }],
      ['a', no, { createdNs: 199n, modifiedNs: 1999n }],
      ['a', 'created_after', { createdNs: 99n, modifiedNs: 1000n }],
      ['a', 'created_before', { createdNs: 200n, modifiedNs: 1000n }],
      ['a', 'modified_after', { createdNs: 100n, modifiedNs: 999n }],
      ['a', 'modified_before', { createdNs: 100n, modifiedNs: 2000n }],
      ['nobody knows when it was created', no, { createdNs: 0n, modifiedNs: 1000n }],
      ['a', no, { kind: FOLDER, createdNs: 1n, modifiedNs: 1n }],
    ],
  ],
  'patterns that are matched with names': [
    { excludePatterns: ['*.bak', 'node_modules', '**/deep', 'build/', '~$*', '[ab]?c', '*copy*', '*.{x,y}', 'a\\*b', '!keep'] }, // oxfmt-ignore
    [
      ['a.bak', 'exclude_patterns: *.bak'],
      ['deep/down/a.bak', 'exclude_patterns: *.bak'],
      ['.bak', 'exclude_patterns: *.bak'],
      ['a/node_modules', 'exclude_patterns: node_modules', folder],
      ['a/node_modules_2', no, folder],
      ['deep', 'exclude_patterns: **/deep', folder],
      ['x/y/deep', 'exclude_patterns: **/deep'],
      ['a/build', 'exclude_patterns: build/', folder],
      ['a/~$report.docx', 'exclude_patterns: ~$*'],
      ['bxc', 'exclude_patterns: [ab]?c'],
      ['x/my copy.txt', 'exclude_patterns: *copy*'],
      ['k.y', 'exclude_patterns: *.{x,y}'],
      ['a*b', 'exclude_patterns: a\\*b'],
      ['axb', no],
      ['other', no],
    ],
  ],
  'patterns that are matched with paths': [
    { excludePatterns: ['a/*.txt', '/top', 'p/**', '**/q/*.c', 'r/*/s', '{m,n/o}/z', '*/*/deep.txt'] }, // oxfmt-ignore
    [
      ['a/b.txt', 'exclude_patterns: a/*.txt'],
      ['a/b/c.txt', no],
      ['b/a/c.txt', no],
      ['top', 'exclude_patterns: /top', folder],
      ['a/top', no, folder],
      ['p', 'exclude_patterns: p/**', folder],
      ['x/p', no, folder],
      ['q/1.c', 'exclude_patterns: **/q/*.c'],
      ['x/y/q/1.c', 'exclude_patterns: **/q/*.c'],
      ['x/q/y/1.c', no],
      ['r/1/s', 'exclude_patterns: r/*/s'],
      ['r/s', no],
      ['m/z', 'exclude_patterns: {m,n/o}/z'],
      ['n/o/z', 'exclude_patterns: {m,n/o}/z'],
      ['o/z', no],
      ['1/2/deep.txt', 'exclude_patterns: */*/deep.txt'],
      ['1/deep.txt', no],
    ],
  ],
  'patterns of nothing match nothing': [{ excludePatterns: ['', '/', '//'] }, [['a', no]]],
  'case does not count': [
    { excludePatterns: ['*.Bak', 'Archive', '/Sales/20*'], caseSensitivePatterns: false },
    [
      ['A.BAK', 'exclude_patterns: *.Bak'],
      ['x/ARCHIVE', 'exclude_patterns: Archive', folder],
      ['SALES/2019', 'exclude_patterns: /Sales/20*', folder],
    ],
  ],
  'case counts when it is to': [
    { excludePatterns: ['*.Bak', 'Archive', '/Sales/20*'], caseSensitivePatterns: true },
    [
      ['A.BAK', no],
      ['A.Bak', 'exclude_patterns: *.Bak'],
      ['x/ARCHIVE', no, folder],
      ['SALES/2019', no, folder],
    ],
  ],
  'only what matches is migrated': [
    { includePatterns: ['*.docx', '/Projects/2024', 'plans/*/final'] },
    [
      ['a/b/c.docx', no],
      ['a/b/c.xlsx', 'include_patterns'],
      ['any', no, folder],
      ['Projects/2024/x/y.bin', no],
      ['Projects/2023/y.bin', 'include_patterns'],
      ['plans/a/final', no],
      ['plans/a/final/deep/x', no],
      ['plans/a/b', 'include_patterns'],
    ],
  ],
  'where no pattern can match below, nobody looks': [
    { includePatterns: ['/Projects/2024/*.docx', 'a/**/b', '/c'] },
    [
      ['other', 'include_patterns', folder],
      ['Projects', no, folder],
      ['Projects/2024', no, folder],
      ['Projects/2024/sub', 'include_patterns', folder],
      ['Projects/2023', 'include_patterns', folder],
      ['a/x/y/z', no, folder],
      ['c', no, folder],
      ['c/deep/down', no, folder],
      ['c/deep/down/file', no],
      ['link', no, { kind: SYMBOLIC_LINK }],
    ],
  ],
  'all filters count': [
    { includePatterns: ['*.docx'], excludeFolders: ['old'], minSize: 5 },
    [
      ['a.docx', no, { size: 5 }],
      ['a.docx', 'min_size', { size: 4 }],
      ['a.xlsx', 'include_patterns', { size: 5 }],
      ['old', 'exclude_folders: old', folder],
    ],
  ],
};

for (const [title, [settings, rows]] of Object.entries(cases))
  test(title, (t) => {
    for (const [path, rule, facts] of rows) t.is(ruleFor(settings, path, facts), rule, path);
  });

test('on Windows attributes say what is hidden, and what is of the system', (t) => {
  const hidden = { migrateHiddenItems: false };
  const system = { migrateSystemItems: false };
  const of = (settings: Partial<FilterSettings>, path: string, bits: number) =>
    ruleFor(settings, path, {}, attributesOf(bits));
  t.is(of(hidden, 'a', 0x22), 'migrate_hidden_items');
  t.is(of(hidden, '.a', 0x20), undefined);
  t.is(of(hidden, '.a', 0xffffffff), 'migrate_hidden_items', 'what tells nothing goes by its name');
  t.is(of(system, 'a', 0x26), 'migrate_system_items');
  t.is(of(system, 'a', 0x20), undefined);
  t.is(of(system, 'Thumbs.db', 0x20), 'migrate_system_items');
});

test('attributes are asked for only by who needs them', (t) => {
  const attributes = () => t.fail() as never;
  const settings = { ...noFilters, excludePatterns: ['x'], minSize: 5 };
  t.is(compileFilters(settings, { attributes })('a', 'a', { ...unknownFacts, size: 9 }), undefined);
});

/** Seeded chance; answers with a number below `n`. */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const parts = ['a', 'b', 'A', 'ab', '*', '**', '?', '*.b', 'a*', '*a', 'a.b', '*.a.b', '{a,b}', '{a,b/a}', '[ab]', '@(a|b)', 'a**', '**b', '*(a|b)', '.a', '.*', 'a\\*', '*.*', 'b?', '+(a)']; // oxfmt-ignore
const names = ['a', 'b', 'ab', 'A', 'B', '.a', '.b', 'a.b', 'b.a', 'a.a.b', 'a*', 'ba', 'abab', 'é', 'aé']; // oxfmt-ignore

/** What the sets of patterns are quick at, slowly and in picomatch's own words. */
function matchesSlowly(pattern: string, path: string): boolean {
  const text = pattern.replace(/^\/+|\/+$/g, '');
  const basename = !pattern.replace(/\/+$/, '').includes('/');
  const options = { dot: true, windows: false, nonegate: true, basename };
  return text !== '' && picomatch(text, options)(path);
}

test('hundreds of patterns leave out what each of them would, seeded', (t) => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = chance(seed);
    const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
    const pattern = () => `${pick(['', '', '', '/'])}${Array.from({ length: 1 + next(3) }, () => pick(parts)).join('/')}${pick(['', '', '/'])}`; // oxfmt-ignore
    const excludePatterns = Array.from({ length: 1 + next(6) }, pattern);
    const isCaseSensitive = next(2) === 0;
    const judge = compileFilters({ ...noFilters, excludePatterns, caseSensitivePatterns: isCaseSensitive }, { attributes: () => undefined }); // oxfmt-ignore
    const fold = (text: string) => (isCaseSensitive ? text : text.toLowerCase());
    for (let times = 0; times < 60; times += 1) {
      const below = Array.from({ length: 1 + next(3) }, () => pick(names));
      const path = below.join('/');
      const all = below.map((_, index) => below.slice(0, index + 1));
      const judged = all.map((to) =>
        judge(to.join('/'), to.at(-1)!, { ...unknownFacts, kind: FILE }),
      );
      const found = judged.find((one) => one !== undefined)?.rule;
      const matching = excludePatterns.filter((one) =>
        all.some((to) => matchesSlowly(fold(one), fold(to.join('/')))),
      );
      const words = `${JSON.stringify(excludePatterns)} ${path} (seed ${seed})`;
      if (found === undefined) t.deepEqual(matching, [], words);
      else t.true(matching.includes(found.slice('exclude_patterns: '.length)), words);
    }
  }
});

test('stars that could share a name in endless ways take no time', (t) => {
  const pattern = `${'*a'.repeat(100)}*b`;
  for (const path of ['a'.repeat(255), `${'x/'.repeat(3)}${'a'.repeat(255)}`])
    t.is(ruleFor({ excludePatterns: [pattern, `/x/**/${pattern}`] }, path), undefined);
  t.is(ruleFor({ excludePatterns: [pattern] }, `${'a'.repeat(200)}b`), `exclude_patterns: ${pattern}`); // oxfmt-ignore
});

test('what is not looked into has nothing that would be migrated, seeded', (t) => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = chance(seed);
    const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
    const includePatterns = Array.from({ length: 1 + next(3) }, () => `/${Array.from({ length: 1 + next(3) }, () => pick(parts)).join('/')}`); // oxfmt-ignore
    const judge = compileFilters(
      { ...noFilters, includePatterns },
      { attributes: () => undefined },
    );
    for (let times = 0; times < 60; times += 1) {
      const below = Array.from({ length: 1 + next(4) }, () => pick(names));
      const path = below.join('/');
      const above = below.slice(0, -1).map((_, index) => below.slice(0, index + 1));
      const isReached = above.every((to) => judge(to.join('/'), to.at(-1)!, { ...unknownFacts, kind: FOLDER }) === undefined); // oxfmt-ignore
      const isTaken = isReached && judge(path, below.at(-1)!, { ...unknownFacts, kind: FILE }) === undefined; // oxfmt-ignore
      const wanted = [...above, below].some((to) => includePatterns.some((one) => matchesSlowly(one, to.join('/')))); // oxfmt-ignore
      t.is(isTaken, wanted, `${JSON.stringify(includePatterns)} ${path} (seed ${seed})`);
    }
  }
});
