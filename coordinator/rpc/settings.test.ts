import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ConflictPolicy, GonePolicy, TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkSettings, effectiveSettings } from './settings.ts';

type SettingsInit = Parameters<typeof create<typeof TaskSettingsSchema>>[1];
const settings = (init: SettingsInit) => create(TaskSettingsSchema, init);
const many = (count: number) => Array.from({ length: count }, (_, index) => `x${index}`);

test('defaults are complete', (t) => {
  t.deepEqual(
    effectiveSettings(undefined, undefined),
    settings({
      migrateHiddenItems: true,
      excludeExtensions: { values: [] },
      excludePatterns: { values: [] },
      maxAttempts: 3,
      invalidCharacterReplacement: '_',
      conflictPolicy: ConflictPolicy.SKIP,
      gonePolicy: GonePolicy.KEEP,
      recycleItemsMax: 1000,
      recyclePercentMax: 10,
    }),
  );
});

test('the task goes before the global settings, and an empty list is a value', (t) => {
  const global = settings({
    migrateHiddenItems: false,
    excludeExtensions: { values: ['.TMP', 'tar.GZ', 'tmp'] },
    excludePatterns: { values: ['**/x'] },
    maxAttempts: 7,
    invalidCharacterReplacement: '-',
    conflictPolicy: ConflictPolicy.KEEP_BOTH,
    gonePolicy: GonePolicy.RECYCLE,
    recycleItemsMax: 50,
    recyclePercentMax: 3,
  });
  const own = settings({
    excludePatterns: { values: [] },
    maxAttempts: 1,
    invalidCharacterReplacement: '',
    conflictPolicy: ConflictPolicy.UNSPECIFIED,
    gonePolicy: GonePolicy.UNSPECIFIED,
    recycleItemsMax: 0,
  });
  t.deepEqual(
    effectiveSettings(own, global),
    settings({
      migrateHiddenItems: false,
      excludeExtensions: { values: ['tmp', 'tar.gz'] },
      excludePatterns: { values: [] },
      maxAttempts: 1,
      invalidCharacterReplacement: '',
      conflictPolicy: ConflictPolicy.KEEP_BOTH,
      gonePolicy: GonePolicy.RECYCLE,
      recycleItemsMax: 0,
      recyclePercentMax: 3,
    }),
  );
});

const bad: [init: SettingsInit, field: string][] = [
  [{ maxAttempts: 0 }, 's.max_attempts'],
  [{ maxAttempts: 11 }, 's.max_attempts'],
  [{ conflictPolicy: 9 as ConflictPolicy }, 's.conflict_policy'],
  [{ gonePolicy: 9 as GonePolicy }, 's.gone_policy'],
  [{ recyclePercentMax: 101 }, 's.recycle_percent_max'],
  [{ excludeExtensions: { values: [''] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['.'] } }, 's.exclude_extensions'],
  [{ excludeExtensions: { values: ['a/b'] } }, 's.exclude_extensions'],
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
        excludeExtensions: { values: ['.tmp', 'tar.gz', 'Ünïcode'] },
        excludePatterns: { values: ['**/node_modules', '*.bak', '[a-z]?{x,y}'] },
      }),
      's',
    ),
  );
});
