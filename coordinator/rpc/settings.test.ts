import { create, isFieldSet } from '@bufbuild/protobuf';
import test from 'ava';
import {
  ConflictPolicy,
  GonePolicy,
  SettingOrigin,
  StringListSchema,
  TaskSettingsSchema,
} from '../../gen/drover/v1/settings_pb.ts';
import { effectiveSettings, originOf, settingsAt } from './settings.ts';

type SettingsInit = Parameters<typeof create<typeof TaskSettingsSchema>>[1];
const settings = (init: SettingsInit) => create(TaskSettingsSchema, init);
const list = (...values: string[]) => create(StringListSchema, { values });

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
      createdAfter: '',
      createdBefore: '',
      modifiedAfter: '',
      modifiedBefore: '',
      includePatterns: { values: [] },
      caseSensitivePatterns: false,
      excludeFolders: { values: [] },
      minSize: 0n,
      maxSize: 0n,
      migrateSystemItems: true,
      manifest: '',
      scanOnly: false,
      preservePermissions: false,
      migrateItemsWithInvalidNames: true,
      automaticReruns: 0,
      requireApproval: false,
      tryReading: false,
    }),
  );
  for (const field of TaskSettingsSchema.fields)
    t.true(isFieldSet(effectiveSettings(undefined, undefined), field), field.name);
});

test('the task goes before the global settings, and an empty list is a value', (t) => {
  const global = settings({
    migrateHiddenItems: false,
    excludeExtensions: { values: ['.TMP', 'tar.GZ', 'tmp', 'TXT:EXE: .tmp'] },
    excludePatterns: { values: ['**/x'] },
    maxAttempts: 7,
    invalidCharacterReplacement: '-',
    conflictPolicy: ConflictPolicy.KEEP_BOTH,
    gonePolicy: GonePolicy.RECYCLE,
    recycleItemsMax: 50,
    recyclePercentMax: 3,
    createdAfter: '-90d',
    modifiedAfter: '2024-01-31',
    maxSize: 5n,
    manifest: '/srv/list.txt',
  });
  const own = settings({
    excludePatterns: { values: [] },
    maxAttempts: 1,
    invalidCharacterReplacement: '',
    conflictPolicy: ConflictPolicy.UNSPECIFIED,
    gonePolicy: GonePolicy.UNSPECIFIED,
    recycleItemsMax: 0,
    createdAfter: '',
    maxSize: 0n,
  });
  t.deepEqual(
    effectiveSettings(own, global),
    settings({
      ...effectiveSettings(undefined, undefined),
      migrateHiddenItems: false,
      excludeExtensions: list('tmp', 'tar.gz', 'txt', 'exe'),
      excludePatterns: list(),
      maxAttempts: 1,
      invalidCharacterReplacement: '',
      conflictPolicy: ConflictPolicy.KEEP_BOTH,
      gonePolicy: GonePolicy.RECYCLE,
      recycleItemsMax: 0,
      recyclePercentMax: 3,
      createdAfter: '',
      modifiedAfter: '2024-01-31',
      maxSize: 0n,
      manifest: '/srv/list.txt',
    }),
  );
});

test('it is known where each value comes from', (t) => {
  const global = settings({ maxAttempts: 2, manifest: '/srv/list.txt', conflictPolicy: ConflictPolicy.OVERWRITE }); // oxfmt-ignore
  const own = settings({ manifest: '', conflictPolicy: ConflictPolicy.UNSPECIFIED });
  const origins = (['manifest', 'maxAttempts', 'conflictPolicy', 'minSize'] as const).map((name) =>
    originOf(TaskSettingsSchema.field[name], own, global),
  );
  const { TASK, GLOBAL, DEFAULT } = SettingOrigin;
  t.deepEqual(origins, [TASK, GLOBAL, GLOBAL, DEFAULT]);
});

test('spans back from the start of a run become times', (t) => {
  const nowMs = Date.parse('2024-03-31T10:30:00Z');
  const own = settings({
    createdAfter: '-1m',
    createdBefore: '-36h',
    modifiedBefore: '2024-02-01',
  });
  const { createdAfter, createdBefore, modifiedAfter, modifiedBefore } = settingsAt(own, nowMs);
  t.deepEqual(
    { createdAfter, createdBefore, modifiedAfter, modifiedBefore },
    {
      createdAfter: '2024-02-29T10:30:00.000Z',
      createdBefore: '2024-03-29T22:30:00.000Z',
      modifiedAfter: '',
      modifiedBefore: '2024-02-01T00:00:00.000Z',
    },
  );
  t.deepEqual(own.createdAfter, '-1m');
});

test('where the global settings require approval, no task can do without; where they do not, a task can require it', (t) => {
  const field = TaskSettingsSchema.field.requireApproval;
  const on = settings({ requireApproval: true });
  const off = settings({ requireApproval: false });
  const said = (task: typeof on | undefined, global: typeof on | undefined) => [
    effectiveSettings(task, global).requireApproval,
    originOf(field, task, global),
  ];
  const { DEFAULT, GLOBAL, TASK } = SettingOrigin;
  t.deepEqual(said(undefined, undefined), [false, DEFAULT]);
  t.deepEqual(said(on, undefined), [true, TASK]);
  t.deepEqual(said(on, off), [true, TASK]);
  t.deepEqual(said(off, on), [true, GLOBAL]);
  t.deepEqual(said(undefined, on), [true, GLOBAL]);
});
