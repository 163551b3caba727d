import test from 'ava';
import { setImmediate } from 'node:timers/promises';
import { isFieldSet, toJson } from '@bufbuild/protobuf';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { TaskFileFormat, TaskFileFormatSchema, TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { readJson, type PlacedValue } from './read-json.ts';
import { readTaskFile } from './read-task-file.ts';
import { taskColumns } from './task-columns.ts';

const columns = taskColumns(['name', 'uid', 'state', 'etag', 'latest_run', 'create_time', 'update_time', 'next_run_time', 'skipped_run']); // oxfmt-ignore
const pause = () => Promise.resolve();

const read = (content: string | Uint8Array, format: TaskFileFormat = TaskFileFormat.UNSPECIFIED) =>
  readTaskFile(Buffer.from(content), { format, columns, pause });

/** What the tasks of a file say, without what says that they are messages. */
async function tasksOf(content: string | Uint8Array) {
  const file = await read(content);
  return {
    format: TaskFileFormatSchema.value[file.format]?.localName,
    tasks: file.tasks.map(({ line, taskId, task }) => [line, taskId, toJson(TaskSchema, task)]),
    problems: file.problems.map(({ line, column, field, message }) => [line, column, field, message]),
    notes: file.notes.map(({ line, field, message }) => [line, field, message]),
  }; // oxfmt-ignore
}

const sample = [
  'FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder',
  String.raw`\\MigrationTests\testfiles,,,https://contoso.sharepoint.com/sites/sitecollection,Documents,SubFolderName`,
  String.raw`\\MigrationTests\testfiles,,,https://contoso-my.sharepoint.com/personal/user_contoso_onmicrosoft_com,Documents,`,
];
const source = String.raw`\\MigrationTests\testfiles`;
const sampleTasks = [
  [2, '', { source, destination: 'https://contoso.sharepoint.com/sites/sitecollection/Documents/SubFolderName' }], // oxfmt-ignore
  [3, '', { source, destination: 'https://contoso-my.sharepoint.com/personal/user_contoso_onmicrosoft_com/Documents' }], // oxfmt-ignore
];
const withoutHeader = sampleTasks.map(([line, ...rest]) => [Number(line) - 1, ...rest]);

const utf16 = (text: string, isBig = false): Buffer => {
  const bytes = Buffer.from(`\uFEFF${text}`, 'utf16le');
  return isBig ? bytes.swap16() : bytes;
};

const writings: [name: string, content: string | Buffer, tasks: unknown[]][] = [
  ['as Microsoft shows it', `${sample.join('\r\n')}\r\n`, sampleTasks],
  ['with line feeds, and none at the end', sample.join('\n'), sampleTasks],
  ['without a header', sample.slice(1).join('\r\n'), withoutHeader],
  ['with a byte order mark', `\uFEFF${sample.join('\r\n')}`, sampleTasks],
  ['without a header, with a byte order mark', `\uFEFF${sample.slice(1).join('\n')}`, withoutHeader], // oxfmt-ignore
  ['in UTF-16, little end first', utf16(sample.join('\r\n')), sampleTasks],
  ['in UTF-16, big end first', utf16(sample.join('\r\n'), true), sampleTasks],
  ['parted by semicolons', sample.join('\r\n').replaceAll(',', ';'), sampleTasks],
  ['parted by tabs', sample.join('\r\n').replaceAll(',', '\t'), sampleTasks],
  ['with quotes around everything', sample.map((line) => line.split(',').map((cell) => `"${cell}"`).join(',')).join('\r\n'), sampleTasks], // oxfmt-ignore
  ['with the header of SPMT', ['Source,Source DocLib,Source SubFolder,Target Web,Target DocLib,Target SubFolder', ...sample.slice(1)].join('\n'), sampleTasks], // oxfmt-ignore
  ['with the two columns more of SPMT, empty', sample.map((line, i) => `${line},${i === 0 ? 'RegisterAsHubSite,AssociateWithHubURL' : ','}`).join('\n'), sampleTasks], // oxfmt-ignore
];
for (const [name, content, tasks] of writings)
  test(`Migration Manager's CSV ${name}`, async (t) =>
    t.deepEqual(await tasksOf(content), { format: 'MICROSOFT_CSV', tasks, problems: [], notes: [] })); // oxfmt-ignore

test('lines that are empty count, and list nothing', async (t) => {
  const { tasks } = await tasksOf(`\r\n${sample[1]}\r\n,,,,,\r\n\r\n${sample[2]}\r\n`);
  t.deepEqual(tasks.map(([line]) => line), [2, 5]); // oxfmt-ignore
});

test('a cell may have line breaks, separators and quotes in it', async (t) => {
  const rows = ['"/srv/a,\r\n""b""",,,https://c.sharepoint.com/sites/x,Docs,"a; b"', '/srv/c,,,ann@c.com,Documents,']; // oxfmt-ignore
  t.deepEqual((await tasksOf(rows.join('\r\n'))).tasks, [
    [1, '', { source: '/srv/a,\r\n"b"', destination: 'https://c.sharepoint.com/sites/x/Docs/a; b' }], // oxfmt-ignore
    [3, '', { source: '/srv/c', destination: 'ann@c.com' }],
  ]);
});

const places: [cells: string, destination: string][] = [
  ['https://c.sharepoint.com/,Docs,', 'https://c.sharepoint.com/Docs'],
  ['https://c.sharepoint.com/sites/x/,/Docs/,/a\\b/', 'https://c.sharepoint.com/sites/x/Docs/a/b'],
  ['https://c.sharepoint.com/sites/R%26D,50%25 off,C#', 'https://c.sharepoint.com/sites/R&D/50%2525 off/C%23'], // oxfmt-ignore
  ['https://c.sharepoint.com/sites/x/SitePages/Home.aspx?web=1,Docs,', 'https://c.sharepoint.com/sites/x/Docs'], // oxfmt-ignore
  ['https://c-my.sharepoint.com/personal/a_c_com/_layouts/15/onedrive.aspx,Documents,A', 'https://c-my.sharepoint.com/personal/a_c_com/Documents/A'], // oxfmt-ignore
  ['Ann@c.com,documents,', 'Ann@c.com'],
  ['ann@c.com,Documents,Old stuff/2019', 'ann@c.com/Old stuff/2019'],
];
for (const [cells, destination] of places)
  test(`the place ${cells}`, async (t) =>
    t.deepEqual((await tasksOf(`/srv/a,,,${cells}`)).tasks, [
      [1, '', { source: '/srv/a', destination }],
    ]));

const wrongRows: [row: string, ...problems: [column: number, field: string, words: RegExp][]][] = [
  ['/srv/a,,,https://c.sharepoint.com/sites/x', [0, '', /has 4 of the six columns/]],
  ['/srv/a,x,y,https://c.sharepoint.com/sites/x,Docs,', [2, 'sourcedoclib', /leave it empty/], [3, 'sourcesubfolder', /leave it empty/]], // oxfmt-ignore
  ['/srv/a,,,,Docs,', [4, 'SharePointSite', /is missing/]],
  ['/srv/a,,,https://c.sharepoint.com/sites/x,,', [5, 'DocLibrary', /is missing/]],
  ['/srv/a,,,https://example.com/sites/x,Docs,', [4, 'SharePointSite', /not in SharePoint/]],
  ['/srv/a,,,https://c.sharepoint.com/sites/x,Do|cs,', [5, 'DocLibrary', /no name in SharePoint/]],
  ['/srv/a,,,https://c.sharepoint.com/sites/x,Docs,a/../b', [6, 'DocSubFolder', /"\.\."/]],
  ['/srv/a,,,ann@c.com,Other,', [5, 'DocLibrary', /address of the OneDrive/]],
  ['/srv/a,,,ann@c.com/Folder,Documents,', [4, 'SharePointSite', /give it as the folder/]],
  ['/srv/a,,,ann@c.com,Documents,,,,x', [9, '', /six columns/]],
];
for (const [row, ...problems] of wrongRows)
  test(`the row ${row} is refused`, async (t) => {
    const file = await read(`${sample[0]}\n${sample[1]}\n${row}\n`);
    t.is(file.tasks.length, 1);
    t.is(file.listed, 2);
    t.deepEqual(file.problems.map(({ line, column, field }) => [line, column, field]), problems.map(([column, field]) => [3, column, field])); // oxfmt-ignore
    for (const [index, [, , words]] of problems.entries()) t.regex(file.problems[index]!.message, words); // oxfmt-ignore
  });

test('a quote that is never closed is told with the line it begins on', async (t) => {
  for (const more of ['', '/srv/b,,,y\n'.repeat(200_000)]) {
    const file = await read(`${sample[0]}\n${sample[1]}\n"/srv/a,,,x\n${more}`);
    t.deepEqual(file.problems.map(({ line }) => line), [3]); // oxfmt-ignore
    t.deepEqual([file.tasks.length, file.isBroken], [1, true]);
  }
});

test('a line without an end is told, and read no further', async (t) => {
  const file = await read(`${sample[0]}\n${'a'.repeat(3_000_000)}`);
  t.deepEqual(file.problems.map(({ line, column }) => [line, column]), [[2, 0]]); // oxfmt-ignore
  t.true(file.isBroken);
});

test('columns in another order are refused', async (t) => {
  const file = await read(['SharePointSite,,,FileSharePath,DocLibrary,DocSubFolder', sample[1]].join('\n')); // oxfmt-ignore
  t.deepEqual(file.problems.map(({ line, column }) => [line, column]), [[1, 1], [1, 4]]); // oxfmt-ignore
  t.is(file.tasks.length, 0);
});

test('hub sites are told of, once', async (t) => {
  const { notes } = await tasksOf(`${sample[1]},TRUE,\n${sample[2]},TRUE,\n`);
  t.deepEqual(notes, [[1, 'registerashubsite', 'hub sites are not made by Drover; left out of account (2 times)']]); // oxfmt-ignore
});

// As Migration Manager's own sample has it, with its trailing comma.
const jsonSample = String.raw`{
  "Tasks": [
    {
      "SourcePath": "\\\\MigrationTests\\testfiles",
      "TargetPath": "https://contoso.sharepoint.com/sites/sitecollection",
      "TargetList": "Documents",
      "TargetListRelativePath": "subfolder",
      "Settings": {
        "MigrateHiddenItems": true,
        "MigrateItemsCreatedAfter": "2016-05-22",
        "MigrateItemsModifiedAfter": "2016-05-22",
        "SkipFilesWithExtensions": "txt:mp3",
        "MigrateOneNoteNotebook": false,
      }
    },
    // The least that there has to be.
    { "SourcePath": "/srv/b", "TargetPath": "ann@contoso.com", "TargetList": "Documents" },
  ],
}
`;

test("Migration Manager's JSON, with comments and trailing commas", async (t) => {
  for (const content of [
    jsonSample,
    `\uFEFF${jsonSample}`,
    utf16(jsonSample),
    `// tasks\n/* of\nwave 2 */ ${jsonSample}`,
  ]) {
    // oxfmt-ignore
    const { tasks, ...rest } = await tasksOf(content);
    const [line, note] = content === jsonSample || typeof content !== 'string' || content.startsWith('\uFEFF') ? [3, 13] : [5, 15]; // oxfmt-ignore
    t.deepEqual(tasks, [
      [line, '', {
        source,
        destination: 'https://contoso.sharepoint.com/sites/sitecollection/Documents/subfolder',
        settings: {
          migrateHiddenItems: true,
          createdAfter: '2016-05-22',
          modifiedAfter: '2016-05-22',
          excludeExtensions: { values: ['txt', 'mp3'] },
        },
      }],
      [line + 14, '', { source: '/srv/b', destination: 'ann@contoso.com' }],
    ]); // oxfmt-ignore
    t.deepEqual(rest, {
      format: 'MICROSOFT_JSON',
      problems: [],
      notes: [[note, 'MigrateOneNoteNotebook', 'notebooks of a share are migrated as the files they are; left out of account']], // oxfmt-ignore
    });
  }
});

/** A file with one task of these settings. */
const withSettings = (settings: string) => `{"Tasks":[{"SourcePath":"/a","TargetPath":"ann@c.com","TargetList":"Documents","Settings":${settings}}]}`; // oxfmt-ignore

const settingsCases: [json: string, settings: object, ...noted: string[]][] = [
  ['{"MigrateHiddenItems": false}', { migrateHiddenItems: false }],
  ['{"migratehiddenitems": "False"}', { migrateHiddenItems: false }],
  ['{"SkipFilesWithExtensions": ""}', { excludeExtensions: {} }],
  ['{"SkipFilesWithExtensions": "TXT:EXE; jpeg"}', { excludeExtensions: { values: ['TXT', 'EXE', 'jpeg'] } }], // oxfmt-ignore
  ['{"MigrateItemsCreatedAfter": null}', {}],
  ['{"FilterOutPathSpecialCharacters": true}', { migrateItemsWithInvalidNames: false }],
  ['{"PreservePermission": true}', { preservePermissions: true }],
  ['{"PreservePermission": false}', {}],
  ['{"EnableIncremental": true}', {}],
  ['{"EnableIncremental": false}', {}, 'EnableIncremental'],
  ['{"MigrateFileVersionHistory": true, "KeepFileVersions": 5}', {}, 'MigrateFileVersionHistory', 'KeepFileVersions'], // oxfmt-ignore
  ['{"UseCustomAzureStorage": true, "CustomAzureStorageAccount": "a", "CustomAzureAccessKey": "b", "CustomAzureDeletionAfterMig": true}', {}, 'UseCustomAzureStorage', 'CustomAzureStorageAccount', 'CustomAzureAccessKey', 'CustomAzureDeletionAfterMig'], // oxfmt-ignore
  ['{"EnableAzureDirectoryLookup": true, "UserMappingCSVFile": "x", "SkipListWithAudienceEnabled": true, "MigrateAllWebStructures": false}', {}, 'EnableAzureDirectoryLookup', 'UserMappingCSVFile', 'SkipListWithAudienceEnabled', 'MigrateAllWebStructures'], // oxfmt-ignore
  ['{"NewInNextVersion": {"a": [1]}}', {}, 'NewInNextVersion'],
];
for (const [json, settings, ...noted] of settingsCases)
  test(`the settings ${json}`, async (t) => {
    const file = await read(withSettings(json));
    t.deepEqual(file.problems, []);
    t.deepEqual(toJson(TaskSettingsSchema, file.tasks[0]!.task.settings!), settings);
    t.deepEqual(file.notes.map(({ field }) => field), noted); // oxfmt-ignore
    for (const { message } of file.notes) t.regex(message, /left out of account/);
  });

test('keys that are not known are told of, each once', async (t) => {
  const task = '{"SourcePath":"/a","TargetPath":"ann@c.com","TargetList":"Documents","Items":{},"Colour":"red"}'; // oxfmt-ignore
  const { notes } = await tasksOf(`{"Tasks":[${task},\n${task}],"Version":2}`);
  t.deepEqual(notes, [
    [2, 'Version', 'is not known; left out of account'],
    [1, 'Items', 'it is about SharePoint as a source; left out of account (2 times)'],
    [1, 'Colour', 'is not known; left out of account (2 times)'],
  ]);
});

const wrongJson: [json: string, line: number, column: number, field: string, words: RegExp][] = [
  [
    '{"Tasks": [\n{"SourcePath": /a"}]}',
    2,
    16,
    '',
    /cannot be read as JSON here: this begins no value/,
  ],
  ['{"Tasks": [{}', 1, 14, '', /the closing \] is missing/],
  ['{"Tasks": [{}}', 1, 14, '', /the closing \] is missing/],
  ['{"Tasks": [{"a": 1]', 1, 19, '', /the closing \} is missing/],
  ['{"Tasks": [{} {}]}', 1, 15, '', /a comma is missing/],
  ['{"Tasks": [{"a": 1 "b": 2}]}', 1, 20, '', /a comma is missing/],
  ['{"Tasks": [,]}', 1, 12, '', /a value is missing/],
  ['{"Tasks": }', 1, 11, '', /a value is missing/],
  ['{"Tasks" []}', 1, 10, '', /a colon is missing/],
  ['{Tasks: []}', 1, 2, '', /this begins no value/],
  ['{7: []}', 1, 2, '', /a key is missing, in quotes/],
  ['{"Tasks": []} {', 1, 15, '', /nothing can come after the last bracket/],
  ['{"Tasks": [] /* all', 1, 14, '', /the comment has no end/],
  ['{"Tasks": ["a\n"]}', 1, 12, '', /the text has no end/],
  ['{"Tasks": [1.]}', 1, 12, '', /the number has no end/],
  [String.raw`{"Tasks": ["C:\data"]}`, 1, 12, '', /a backslash in a text has to be written twice/],
  [String.raw`{"Tasks": ["\u12"]}`, 1, 12, '', /four hexadecimal digits/],
  ['{"Tasks": ["a\tb"]}', 1, 12, '', /a text cannot have this character/],
  ['[]', 1, 1, 'Tasks', /\{"Tasks": \[…\]\}/],
  ['{"tasks": {}}', 1, 11, 'Tasks', /\{"Tasks": \[…\]\}/],
  ['{"Tasks": [1]}', 1, 12, '', /has to be an object/],
  ['{"Tasks": [{"SourcePath": 7, "TargetPath": "a@c.com", "TargetList": "Documents"}]}', 1, 27, 'SourcePath', /must be a text/], // oxfmt-ignore
  [
    '{"Tasks": [{"SourcePath": "/a",\n "TargetList": "Documents"}]}',
    1,
    12,
    'TargetPath',
    /missing/,
  ],
  [withSettings('[]'), 1, 91, 'Settings', /must be an object/],
  [withSettings('{"MigrateHiddenItems": 1}'), 1, 114, 'MigrateHiddenItems', /true or false/],
  [withSettings('{"MigrateItemsCreatedAfter": 1}'), 1, 120, 'MigrateItemsCreatedAfter', /a day/],
  [withSettings('{"SkipFilesWithExtensions": ["a"]}'), 1, 119, 'SkipFilesWithExtensions', /a text/],
  ['{"Tasks": [{"SourcePath": "/a", "sourcepath": "/b", "TargetPath": "a@c.com", "TargetList": "Documents"}]}', 1, 33, 'sourcepath', /twice/], // oxfmt-ignore
  [`{"Tasks": ${'['.repeat(60)}${']'.repeat(60)}}`, 1, 60, '', /nested/],
];
for (const [json, line, column, field, words] of wrongJson)
  test(`the JSON ${json.slice(0, 120)} is refused`, async (t) => {
    const { problems, tasks } = await read(json);
    t.is(tasks.length, 0);
    const [first] = problems;
    t.deepEqual([first?.line, first?.column, first?.field], [line, column, field]);
    t.regex(first?.message ?? '', words);
  });

test('of JSON that cannot be read everything is told that is clear', async (t) => {
  const path = String.raw`"SourcePath": "\\srv\data"`.replaceAll('\\\\', '\\');
  const { problems, isBroken } = await read(`{"Tasks": [\n{${path}}\n{${path}},\n{"a": 1 ?}]}`);
  t.true(isBroken);
  t.deepEqual(problems.map(({ line, message }) => [line, message.replace(/^.*: /, '')]), [
    [2, 'a backslash in a text has to be written twice, \\\\'],
    [3, 'a comma is missing'],
    [3, 'a backslash in a text has to be written twice, \\\\'],
    [4, 'this begins no value'],
  ]); // oxfmt-ignore
});

test('JSON is read with a turn for others in between, and is the same wherever it is cut', async (t) => {
  const list = `{"Tasks": [${'{"a": [1, true, null, -2.5e3], "b\\u0041": "x\\n"},\n/* y */ '.repeat(5000)}]}`;
  let turns = 0;
  const { root, problems } = await readJson(list, async () => void (turns += 1));
  t.deepEqual(problems, []);
  t.is(turns, Math.floor(list.length / (32 * 1024)));
  const plain = (value: PlacedValue): unknown => value.kind === 'literal' ? value.value : value.kind === 'array' ? value.values.map(plain) : Object.fromEntries(value.entries.map((entry) => [entry.key, plain(entry.value)])); // oxfmt-ignore
  t.deepEqual(plain(root!), { Tasks: Array.from({ length: 5000 }, () => ({ a: [1, true, null, -2500], bA: 'x\n' })) }); // oxfmt-ignore
});

test('while a large file of JSON is read, others have their turn again and again', async (t) => {
  const task =
    '{"SourcePath": "/srv/a", "TargetPath": "ann@contoso.com", "TargetList": "Documents"},\n';
  // It has no end, so that there is nothing but reading to be done.
  const content = Buffer.from(`{"Tasks": [\n${task.repeat(10_000)}`);
  const options = { format: TaskFileFormat.UNSPECIFIED, columns, pause: () => setImmediate() };
  let isGoing = true;
  const reading = readTaskFile(content, options).finally(() => {
    isGoing = false;
  });
  let turns = 0;
  for (; isGoing; turns += 1) await setImmediate();
  t.deepEqual((await reading).problems.map(({ line }) => line), [10_002]); // oxfmt-ignore
  t.true(turns >= Math.floor(content.length / (32 * 1024)), `${turns} turns`);
});

test("Drover's own CSV names every field that can be set", async (t) => {
  const names = columns.map(({ name }) => name);
  const outer = ['display_name', 'source', 'destination', 'agent_group', 'priority', 'tags', 'schedule.once_time', 'schedule.cron', 'schedule.time_zone']; // oxfmt-ignore
  const settings = TaskSettingsSchema.fields.map(({ name }) => `settings.${name}`);
  t.deepEqual(names.toSorted(), [...outer, ...settings].toSorted());
});

test("Drover's own CSV is read by the names of its columns", async (t) => {
  const rows = [
    'Destination,SOURCE,task-id,tags,priority,schedule.cron,settings.migrate_hidden_items,settings.exclude_patterns,settings.conflict_policy,settings.invalid_character_replacement,',
    'file:///b,/a,wave-2-a,wave-2; Late ;,7,0 22 * * MON-FRI,TRUE,"*.bak;""a;b""",keep-both,"""""",',
    'file:///c,/b',
    "file:///d,'-/c,,,,,,;",
  ];
  t.deepEqual(await tasksOf(rows.join('\r\n')), {
    format: 'DROVER_CSV',
    tasks: [
      [2, 'wave-2-a', {
        source: '/a',
        destination: 'file:///b',
        tags: ['wave-2', 'Late'],
        priority: 7,
        schedule: { cron: '0 22 * * MON-FRI' },
        settings: {
          migrateHiddenItems: true,
          excludePatterns: { values: ['*.bak', 'a;b'] },
          conflictPolicy: 'CONFLICT_POLICY_KEEP_BOTH',
          invalidCharacterReplacement: '',
        },
      }],
      [3, '', { source: '/b', destination: 'file:///c' }],
      [4, '', { source: '-/c', destination: 'file:///d', settings: { excludePatterns: {} } }],
    ],
    problems: [],
    notes: [],
  }); // oxfmt-ignore
});

const wrongCells: [header: string, cells: string, column: number, field: string, words: RegExp][] =
  [
    ['priority', 'high', 3, 'priority', /must be a whole number/],
    ['priority', '99999999999', 0, '', /priority/],
    ['settings.migrate_hidden_items', 'maybe', 3, 'settings.migrate_hidden_items', /true or false/],
    ['settings.conflict_policy', 'FIGHT', 3, 'settings.conflict_policy', /one of SKIP, OVERWRITE/],
    ['schedule.once_time', 'tomorrow', 3, 'schedule.once_time', /a time in RFC 3339/],
    ['settings.exclude_patterns', '"""a"', 3, 'settings.exclude_patterns', /a list/],
    ['', 'something', 3, '', /no name in the first line/],
  ];
for (const [header, cell, column, field, words] of wrongCells)
  test(`the cell ${cell} of ${header} is refused`, async (t) => {
    const file = await read(`source,destination,${header}\n/a,file:///b,${cell}\n/c,file:///d,\n`);
    t.is(file.tasks.length, 1);
    t.deepEqual(file.problems.map((one) => [one.line, one.column, one.field]), [[2, column, field]]); // oxfmt-ignore
    t.regex(file.problems[0]!.message, words);
  });

for (const header of [
  'source,destination,colour',
  'source,destination,uid',
  'source,destination,source',
])
  // oxfmt-ignore
  test(`the header ${header} is refused`, async (t) => {
    const { tasks, problems } = await read(`${header}\n/a,file:///b,x\n`);
    t.deepEqual([tasks.length, problems.map(({ line, column }) => [line, column])], [0, [[1, 3]]]);
  });

const notFiles: [name: string, content: string | Buffer, format: TaskFileFormat, words: RegExp][] =
  [
    ['nothing', '', TaskFileFormat.UNSPECIFIED, /empty/],
    ['spaces', '\uFEFF \r\n\r\n', TaskFileFormat.UNSPECIFIED, /empty/],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]), TaskFileFormat.UNSPECIFIED, /UTF-8/],
    ['UTF-16 without a mark', Buffer.from('a,b', 'utf16le'), TaskFileFormat.UNSPECIFIED, /NUL/],
    ['Latin-1', Buffer.from('Möbel', 'latin1'), TaskFileFormat.UNSPECIFIED, /UTF-8/],
    ['only a header', `${sample[0]}\n`, TaskFileFormat.UNSPECIFIED, /lists no task/],
    ['no tasks', '{"Tasks": []}', TaskFileFormat.UNSPECIFIED, /lists no task/],
    ['no header of ours', sample.join('\n'), TaskFileFormat.DROVER_CSV, /names the columns/],
    ['too many', `${sample[1]}\n`.repeat(50_001), TaskFileFormat.UNSPECIFIED, /more than 50000/],
  ];
for (const [name, content, format, words] of notFiles)
  test(`${name} is no file of tasks`, async (t) => {
    const error = await t.throwsAsync(read(content, format), { instanceOf: DroverError });
    t.deepEqual(error.violations.map(({ field }) => field), ['content']); // oxfmt-ignore
    t.regex(error.message, words);
  });

test('a file that was made to take long is read as fast as any other', async (t) => {
  const slashes = `/srv/a,,,ann@c.com,Documents,${'/'.repeat(500_000)}x`;
  t.is((await read(slashes)).tasks[0]!.task.destination, 'ann@c.com/x');
  const comments = ['// \n', '/* */ ', '/*', '//'].map((comment) => comment.repeat(40_000));
  for (const text of [...comments, ...comments.map((comment) => `${comment}x`)])
    t.is((await read(text)).tasks.length, 0);
});

test('what is said of a place in a file leads to its cell, or its key', async (t) => {
  const [csv] = (await read(`${sample[0]}\n${sample[1]}`)).tasks;
  t.deepEqual(csv!.placeOf('destination'), { line: 2, column: 4, field: 'SharePointSite' });
  const [json] = (await read(jsonSample)).tasks;
  t.deepEqual(json!.placeOf('settings.created_after'), { line: 10, column: 9, field: 'MigrateItemsCreatedAfter' }); // oxfmt-ignore
  t.deepEqual(json!.placeOf('source'), { line: 4, column: 7, field: 'SourcePath' });
  const [own] = (await read('source,destination,schedule.cron\n/a,file:///b,* * * * *')).tasks;
  t.deepEqual(own!.placeOf('schedule'), { line: 2, column: 3, field: 'schedule' });
  t.deepEqual(own!.placeOf('priority'), { line: 2, column: 0, field: 'priority' });
});

test('a field that is absent stays absent', async (t) => {
  const [task] = (await read('source,destination,settings.max_attempts\n/a,file:///b,\n')).tasks;
  t.false(isFieldSet(task!.task, TaskSchema.field.settings));
});
