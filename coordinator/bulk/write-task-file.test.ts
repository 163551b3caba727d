// What is exported is imported again unchanged, and no spreadsheet runs any of it.
import { create, equals, fromJson, type JsonObject } from '@bufbuild/protobuf';
import test from 'ava';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { TaskFileFormat, TaskSchema, type Task } from '../../gen/drover/v1/task_pb.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import { readList, writeCell, writeList, readCell } from './cell-text.ts';
import { readTaskFile } from './read-task-file.ts';
import { taskColumns } from './task-columns.ts';
import { taskFileWriter } from './write-task-file.ts';

const columns = taskColumns(['name', 'uid', 'state', 'etag', 'latest_run', 'create_time', 'update_time', 'next_run_time', 'skipped_run']); // oxfmt-ignore
const pause = () => Promise.resolve();

function write(format: TaskFileFormat, tasks: readonly Task[]) {
  const writer = taskFileWriter(format, columns)!;
  const pages = tasks.map((task) => writer.tasks([task]));
  const text = [writer.begin(), ...pages, writer.end()].join('');
  return { text, notes: writer.notes() };
}

const read = (text: string) =>
  readTaskFile(Buffer.from(text), { format: TaskFileFormat.UNSPECIFIED, columns, pause });

const pieces = ['', '=', '+', '-', '@', '\t', '\r', '\n', '\r\n', "'", "''", '"', '""', ',', ';', '\\', ' ', 'a', '=SUM(A1:A9)', 'Möbel', '漢字', '😀', 'null', 'TRUE', '007', '1e5', '#', '%41']; // oxfmt-ignore

function anyText(next: Below): string {
  return Array.from({ length: next(5) }, () => pieces[next(pieces.length)]).join('');
}

/** A task with values of every kind in every field that can be set. */
function anyTask(next: Below, index: number): Task {
  const maybe = <T>(value: () => T): T | undefined => (next(2) === 0 ? undefined : value());
  const settings: JsonObject = {};
  for (const field of TaskSettingsSchema.fields) {
    const value = maybe(() =>
      anyValue(next, field.fieldKind, 'scalar' in field ? (field.scalar ?? 0) : 0),
    );
    if (field.fieldKind === 'enum')
      settings[field.jsonName] = field.enum.values[next(field.enum.values.length)]!.name; // oxfmt-ignore
    else if (value !== undefined) settings[field.jsonName] = value;
  }
  const json: JsonObject = {
    name: `tasks/t-${index}`,
    source: `/${anyText(next)}x`,
    destination: `file:///${anyText(next)}x`,
    displayName: anyText(next),
    agentGroup: anyText(next),
    priority: next(10),
    tags: Array.from({ length: next(4) }, () => anyText(next)),
  };
  if (next(2) === 0) json['settings'] = settings;
  if (next(2) === 0) json['schedule'] = { cron: `* * * * ${next(7)}`, timeZone: 'Europe/Berlin' };
  if (next(4) === 0) json['schedule'] = { onceTime: '2026-01-31T14:00:00.123456789Z' };
  return fromJson(TaskSchema, json);
}

/** 8 and 9 are the types of a bool and a string; the others of the settings are numbers. */
function anyValue(next: Below, kind: string, scalar: number) {
  if (kind === 'message') return { values: Array.from({ length: next(3) }, () => anyText(next)) };
  if (scalar === 8) return next(2) === 0;
  return scalar === 9 ? anyText(next) : next(1000);
}

test('tasks that are exported are imported again unchanged', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.log(`seed ${seed}`);
  const next = numbersOf(seed);
  const tasks = Array.from({ length: 300 }, (_, index) => anyTask(next, index));
  const { text, notes } = write(TaskFileFormat.DROVER_CSV, tasks);
  const file = await read(text);
  t.deepEqual([file.problems, file.notes, notes], [[], [], []]);
  t.is(file.tasks.length, tasks.length);
  for (const [index, { taskId, task }] of file.tasks.entries()) {
    const exported = tasks[index]!;
    t.is(`tasks/${taskId}`, exported.name);
    const again = create(TaskSchema, { ...task, name: exported.name });
    if (!equals(TaskSchema, again, exported)) t.deepEqual(again, exported);
  }
});

for (const cell of ['=1+1', '+1', '-1', '@x', '\tx', '\rx', '\nx', "'=1", "''@", '""', '\'""'])
  test(`a spreadsheet runs nothing of ${JSON.stringify(cell)}`, (t) => {
    const written = writeCell(cell);
    t.regex(written, /^'/);
    t.is(readCell(written), cell);
  });

for (const values of [[], [''], ['a'], ['a', 'b;c', '"', ' d ', ''], ["'=x"]])
  test(`the list ${JSON.stringify(values)} is one cell, and back`, (t) =>
    t.deepEqual(readList(writeList(values)), values));

const tasks: Task[] = [
  { name: 'tasks/a', source: String.raw`\\server\share`, destination: 'https://c.sharepoint.com/sites/x/Shared Documents/A & B' }, // oxfmt-ignore
  { name: 'tasks/b', source: '/srv/b', destination: 'ann@c.com/Old, new', displayName: 'B', tags: ['w'], agentGroup: 'g', schedule: { cron: '0 0 * * *' } }, // oxfmt-ignore
  { name: 'tasks/c', source: '/srv/c', destination: 'file:///srv/d' },
  { name: 'tasks/d', source: '/srv/d', destination: 'https://c.sharepoint.com/sites/x/Docs/-old' },
  {
    name: 'tasks/e',
    source: '/srv/e',
    destination: 'https://c-my.sharepoint.com/personal/ann_c_com',
    settings: { createdAfter: '2020-01-01', modifiedAfter: '-90d', maxAttempts: 2, excludeExtensions: { values: ['.tmp', 'bak'] }, migrateItemsWithInvalidNames: false, migrateHiddenItems: false }, // oxfmt-ignore
  },
].map((task) => create(TaskSchema, task));

test("Migration Manager's CSV has what it can say, and what it cannot is told", async (t) => {
  const { text, notes } = write(TaskFileFormat.MICROSOFT_CSV, tasks);
  t.is(text, [
    '\uFEFFFileSharePath,,,SharePointSite,DocLibrary,DocSubFolder',
    String.raw`\\server\share,,,https://c.sharepoint.com/sites/x,Documents,A & B`,
    '/srv/b,,,ann@c.com,Documents,"Old, new"',
    '/srv/e,,,https://c-my.sharepoint.com/personal/ann_c_com,Documents,',
    '',
  ].join('\r\n')); // oxfmt-ignore
  t.deepEqual(notes, [
    "Migration Manager's CSV has no display name, which is left out of: tasks/b",
    "Migration Manager's CSV has no agent group, which is left out of: tasks/b",
    "Migration Manager's CSV has no schedule, which is left out of: tasks/b",
    "Migration Manager's CSV has no tags, which is left out of: tasks/b",
    "Migration Manager's CSV knows only SharePoint and OneDrive as destinations; left out are: tasks/c",
    "Migration Manager's CSV cannot be trusted with tasks that have a name that a spreadsheet would take for a formula; left out are: tasks/d",
    "Migration Manager's CSV has not all the settings, of which some are left out of: tasks/e",
  ]);
  const again = await read(text);
  t.deepEqual(again.tasks.map(({ task }) => task.destination), [
    'https://c.sharepoint.com/sites/x/Documents/A & B',
    'ann@c.com/Old, new',
    'https://c-my.sharepoint.com/personal/ann_c_com/Documents',
  ]); // oxfmt-ignore
});

test("Migration Manager's JSON has the settings that it knows", async (t) => {
  const { text, notes } = write(TaskFileFormat.MICROSOFT_JSON, tasks);
  const said = JSON.parse(text) as { Tasks: { SourcePath: string; Settings?: object }[] };
  t.deepEqual(said.Tasks.map(({ SourcePath }) => SourcePath), [String.raw`\\server\share`, '/srv/b', '/srv/d', '/srv/e']); // oxfmt-ignore
  t.deepEqual(said.Tasks[3]!.Settings, {
    MigrateHiddenItems: false,
    MigrateItemsCreatedAfter: '2020-01-01',
    SkipFilesWithExtensions: 'tmp:bak',
    FilterOutPathSpecialCharacters: true,
  });
  t.is(notes.at(-1), "Migration Manager's JSON has not all the settings, of which some are left out of: tasks/e"); // oxfmt-ignore
  const again = await read(text);
  t.deepEqual(again.notes, []);
  t.deepEqual(again.tasks[3]!.task.settings?.excludeExtensions?.values, ['tmp', 'bak']);
  t.is(write(TaskFileFormat.MICROSOFT_JSON, []).text.replaceAll(/\s/g, ''), '{"Tasks":[]}');
});

test('of many tasks that something is left out of, ten are named', (t) => {
  const many = Array.from({ length: 25 }, (_, index) => create(TaskSchema, { name: `tasks/t${index}`, destination: '/x' })); // oxfmt-ignore
  const { notes } = write(TaskFileFormat.MICROSOFT_CSV, many);
  t.is(notes.length, 1);
  t.regex(notes[0]!, /tasks\/t0, .*, tasks\/t9 and 15 more$/);
});
