import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ConflictPolicy, GonePolicy, TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkSettings } from './check-settings.ts';

type SettingsInit = Parameters<typeof create<typeof TaskSettingsSchema>>[1];
const settings = (init: SettingsInit) => create(TaskSettingsSchema, init);
const many = (count: number) => Array.from({ length: count }, (_, index) => `x${index}`);

const bad: [init: SettingsInit, field: string][] = [
  [{ maxAttempts: 0 }, 's.max_attempts'],
  [{ maxAttempts: 11 }, 's.max_attempts'],
  [{ conflictPolicy: 9 as ConflictPolicy }, 's.conflict_policy'],
  [{ gonePolicy: 9 as GonePolicy }, 's.gone_policy'],
  [{ recyclePercentMax: 101 }, 's.recycle_percent_max'],
  [{ automaticReruns: 5 }, 's.automatic_reruns'],
  [{ preservePermissions: true }, 's.preserve_permissions'],
  [{ minSize: 2n, maxSize: 1n }, 's.max_size'],
  ...[
    'x',
    '31.01.2024',
    '2024-02-30',
    '2024-13-01',
    '-90',
    '-d',
    '90d',
    '-1.5d',
    '-100001y',
    '-3000y',
    '2024-01-31T25:00:00Z',
    '2024-01-31T10:00:00',
    '2024-01-31T10:00Z',
    ' ',
  ].map((text): [SettingsInit, string] => [{ createdAfter: text }, 's.created_after']),
  [{ createdBefore: 'x' }, 's.created_before'],
  [{ modifiedAfter: 'x' }, 's.modified_after'],
  [{ modifiedBefore: 'x' }, 's.modified_before'],
  [{ createdAfter: '-1d', createdBefore: '-24h' }, 's.created_before'],
  [
    { modifiedAfter: '2024-01-31', modifiedBefore: '2024-01-31T01:00:00+01:00' },
    's.modified_before',
  ],
  [{ excludeFolders: { values: ['/'] } }, 's.exclude_folders'],
  [{ excludeFolders: { values: ['\\\\'] } }, 's.exclude_folders'],
  [{ excludeFolders: { values: [''] } }, 's.exclude_folders'],
  [{ excludeFolders: { values: many(501) } }, 's.exclude_folders'],
  [{ includePatterns: { values: [''] } }, 's.include_patterns'],
  [{ includePatterns: { values: many(201) } }, 's.include_patterns'],
  [{ manifest: 'list.txt' }, 's.manifest'],
  [{ manifest: 'https://contoso.sharepoint.com/sites/x/list.txt' }, 's.manifest'],
  [{ manifest: `/${'x'.repeat(4097)}` }, 's.manifest'],
  [{ excludeExtensions: { values: [''] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['.'] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['a/b'] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['TXT::EXE'] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: [many(501).join(':')] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['*'] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['a'.repeat(51)] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: many(501) } }, 's.exclude_extensions'],
  [{ excludePatterns: { values: [''] } }, 's.exclude_patterns'],
  [{ excludePatterns: { values: ['a\0'] } }, 's.exclude_patterns'],
  [{ excludePatterns: { values: ['a'.repeat(501)] } }, 's.exclude_patterns'],
  [{ excludePatterns: { values: many(201) } }, 's.exclude_patterns'],
  ...[
    '__',
    ':',
    '/',
    '\\',
    ' ',
    '.',
    '~',
    '&',
    '\t',
    '\u{1f600}',
    '\ud800',
    '\u0301',
    '\u200b',
    '\u309b',
  ].map((text): [SettingsInit, string] => [
    { invalidCharacterReplacement: text },
    's.invalid_character_replacement',
  ]),
];

for (const [index, [init, field]] of bad.entries())
  test(`refused: ${field}, case ${index}`, (t) => {
    const error = t.throws(() => checkSettings(settings(init), 's'), { instanceOf: DroverError });
    t.is(error.metadata['field'], field);
  });

test('good values are let through', (t) => {
  for (const text of ['', '_', '-', '#', '%', '$', '：', 'é', 'x', '0'])
    t.notThrows(() => checkSettings(settings({ invalidCharacterReplacement: text }), 's'), text);
  t.notThrows(() => checkSettings(undefined, 's'));
  t.notThrows(() =>
    checkSettings(
      settings({
        maxAttempts: 10,
        excludeExtensions: { values: ['.tmp', 'tar.gz', 'Ünïcode', 'TXT: exe:.JPEG'] },
        excludePatterns: { values: ['**/node_modules', '*.bak', '[a-z]?{x,y}'] },
        createdAfter: '2024-02-29',
        createdBefore: '-1d',
        modifiedAfter: '-90d',
        modifiedBefore: '-12h',
        minSize: 5n,
        maxSize: 0n,
        excludeFolders: { values: ['Backup', '/Backup', 'Sales\\2019'] },
        manifest: '\\\\server\\share\\list.txt',
        automaticReruns: 4,
        preservePermissions: false,
      }),
      's',
    ),
  );
});
