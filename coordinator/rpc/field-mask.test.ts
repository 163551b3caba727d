import { create } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { docs } from '../../gen/docs.ts';
import { SettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { TaskSchema, TaskState, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { applyUpdate, type FieldRules } from './field-mask.ts';
import { settingsRules } from './settings-service.ts';
import { taskRules } from './task-rules.ts';

type TaskInit = Parameters<typeof create<typeof TaskSchema>>[1];

const current = create(TaskSchema, {
  name: 'tasks/a',
  uid: 'uid',
  displayName: 'old',
  source: '/a',
  destination: 'file:///b',
  settings: { maxAttempts: 5, excludePatterns: { values: ['*.bak'] } },
  state: TaskState.READY,
  etag: 'etag',
});

function update(incoming: TaskInit, paths?: string[]): Task {
  return applyUpdate({
    schema: TaskSchema,
    current,
    incoming: create(TaskSchema, incoming),
    mask: paths && create(FieldMaskSchema, { paths }),
    rules: taskRules,
    field: 'task',
  });
}

test('without a mask everything that is present is taken, and nothing else touched', (t) => {
  const after = update({
    name: 'tasks/a',
    displayName: 'new',
    settings: { migrateHiddenItems: false, excludePatterns: { values: [] } },
    uid: 'ignored',
    state: TaskState.FAILED,
  });
  t.is(after.displayName, 'new');
  t.is(after.settings!.migrateHiddenItems, false);
  t.is(after.settings!.maxAttempts, 5);
  t.deepEqual(after.settings!.excludePatterns!.values, [], 'an empty list is a value');
  t.is(after.uid, 'uid');
  t.is(after.state, TaskState.READY);
  t.is(current.displayName, 'old', 'what was is not changed');
});

test('with a mask what it names is taken, also when it is absent', (t) => {
  const after = update({ displayName: 'ignored', settings: { migrateHiddenItems: true } }, [
    'settings.max_attempts',
    'settings.migrate_hidden_items',
  ]);
  t.is(after.displayName, 'old');
  t.is(after.settings!.maxAttempts, undefined);
  t.is(after.settings!.migrateHiddenItems, true);
  t.deepEqual(after.settings!.excludePatterns!.values, ['*.bak']);
  t.is(update({}, ['settings']).settings, undefined);
  t.is(update({}, ['display_name']).displayName, '');
  const values = update({ settings: { excludePatterns: { values: ['x'] } } }, [
    'settings.exclude_patterns.values',
  ]);
  t.deepEqual(values.settings!.excludePatterns!.values, ['x']);
});

test('a star replaces all that can be changed', (t) => {
  const after = update({ displayName: 'new' }, ['*']);
  t.is(after.displayName, 'new');
  t.is(after.settings, undefined);
  t.is(after.source, '/a');
  t.is(after.uid, 'uid');
});

test('what cannot be changed may be repeated', (t) => {
  t.is(update({ source: '/a', displayName: 'x' }).displayName, 'x');
  t.is(update({ source: '/a' }, ['source']).source, '/a');
});

const bad: [incoming: TaskInit, paths: string[] | undefined, field: string][] = [
  [{}, ['nonsense'], 'update_mask'],
  [{}, ['display_name.x'], 'update_mask'],
  [{}, ['settings.nonsense'], 'update_mask'],
  [{}, ['displayName'], 'update_mask'],
  [{}, [''], 'update_mask'],
  [{}, ['*', 'display_name'], 'update_mask'],
  [{}, ['state'], 'update_mask'],
  [{}, ['create_time.seconds'], 'update_mask'],
  [{}, Array.from({ length: 101 }, () => 'display_name'), 'update_mask'],
  [{ source: '/c' }, undefined, 'task.source'],
  [{ source: '/c' }, ['*'], 'task.source'],
  [{}, ['destination'], 'task.destination'],
];

for (const [incoming, paths, field] of bad)
  test(`refused: ${JSON.stringify(incoming)} with mask ${paths?.slice(0, 3).join()}`, (t) => {
    const error = t.throws(() => update(incoming, paths), { instanceOf: DroverError });
    t.is(error.metadata['field'], field);
  });

test('the rules are those that the comments of the schema state', (t) => {
  const rules: [schema: { typeName: string; fields: { name: string }[] }, rules: FieldRules][] = [
    [TaskSchema, taskRules],
    [SettingsSchema, settingsRules],
  ];
  for (const [schema, { outputOnly, immutable, addressing }] of rules)
    for (const { name } of schema.fields.filter((field) => !addressing.includes(field.name))) {
      const comment = docs.get(`${schema.typeName}.${name}`)!;
      t.is(outputOnly.includes(name), comment.startsWith('Output only.'), name);
      t.is(immutable.includes(name), comment.includes('Cannot be changed.'), name);
    }
});
