// Many tasks, with the programs as people use them: Migration Manager's own sample files are imported at the command line, and a wave of tasks
// is run by its tag.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, type Stack } from './harness/stack.ts';

// As Microsoft's documentation has them, the trailing comma included.
const sampleCsv = String.raw`FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder
\\MigrationTests\testfiles,,,https://contoso.sharepoint.com/sites/sitecollection,Documents,SubFolderName
\\MigrationTests\testfiles,,,https://contoso-my.sharepoint.com/personal/user_contoso_onmicrosoft_com,Documents,
`;
const sampleJson = String.raw`{
"Tasks":[
  {
    "SourcePath":"\\\\MigrationTests\\testfiles",
    "TargetPath":"https://contoso.sharepoint.com/sites/sitecollection",
    "TargetList":"Documents",
    "TargetListRelativePath":"subfolder",
    "Settings":{
      "MigrateHiddenItems":true,
      "MigrateItemsCreatedAfter":"2016-05-22",
      "MigrateItemsModifiedAfter":"2016-05-22",
      "SkipFilesWithExtensions":"txt:mp3",
      "MigrateOneNoteNotebook":false,
    }
  }
]
}
`;

const shared = sharedStack();
let stack: Stack;

test.before(async () => {
  stack = await shared.take();
});

test.after.always(() => shared.leave());

test('tasks are imported, run by their tag, and exported at the command line', async (t) => {
  t.timeout(180_000);
  const folder = await temporaryFolder(t);
  const write = (name: string, content: string) => {
    writeFileSync(path.join(folder, name), content);
    return `@${path.join(folder, name)}`;
  };
  const drover = (...words: string[]) =>
    new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
      const main = path.join(projectRoot, 'admin', 'cli', 'main.ts');
      const env = { ...process.env, DROVER_DATA: stack.coordinator.ready.data };
      execFile(process.execPath, [main, ...words], { env }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  const importing = ['tasks', 'import', '--no-check-locations', '--tags', 'samples', '--content'];
  const csv = await drover(...importing, write('sample.csv', sampleCsv));
  t.deepEqual([csv.status, csv.stdout], [0, "Migration Manager's CSV with 2 tasks: 2 tasks created\n"]); // oxfmt-ignore
  const json = await drover(...importing, write('sample.json', sampleJson));
  t.is(json.status, 0, json.stderr);
  t.regex(json.stdout, /^Migration Manager's JSON with 1 task: 1 task created\n {2}note: line 13, .*\(MigrateOneNoteNotebook\): notebooks/); // oxfmt-ignore

  const sources = ['a', 'b'].map((name) => {
    mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, name, `${name}.txt`), name);
    return path.join(folder, name);
  });
  const rows = sources.map((source, index) => `wave-${index},${source},${pathToFileURL(source).href}-copy`); // oxfmt-ignore
  const wave = ['task_id,source,destination', ...rows, `wave-9,${sources[0]},nowhere`].join('\n');
  const own = ['tasks', 'import', '--tags', 'wave-1', '--content', write('wave.csv', wave)];
  const wrong = await drover(...own);
  t.is(wrong.status, 1);
  t.regex(wrong.stdout, /: nothing was created; 1 problem with 1 task:\n {2}line 4, column 3 \(destination\): "nowhere"/); // oxfmt-ignore
  t.is((await drover(...own, '--skip-invalid')).status, 1, 'something was wrong');
  const run = ['tasks', 'run', '--filter', 'tags:wave-1 AND NOT state:RUNNING'];
  t.is((await drover(...run)).status, 2, 'nobody can be asked');
  const done = await drover(...run, '--yes');
  t.deepEqual([done.status, done.stderr], [0, 'drover: 2 tasks\n']);
  for (const [index, source] of sources.entries()) {
    assertSucceeded(t, await stack.untilEnded(`tasks/wave-${index}`));
    t.deepEqual(readdirSync(`${source}-copy`), readdirSync(source));
  }

  const file = path.join(folder, 'out.csv');
  const exported = await drover('tasks', 'export', '--filter', 'tags:samples', '--format', 'microsoft-csv', '--output', file); // oxfmt-ignore
  t.is(exported.status, 0);
  t.regex(exported.stderr, /has no tags, .*\n.*not all the settings/);
  const lines = readFileSync(file, 'utf8').trim().split('\r\n');
  t.deepEqual(lines.slice(1).toSorted(), [...sampleCsv.trim().split('\n').slice(1), sampleCsv.split('\n')[1]!.replace('SubFolderName', 'subfolder')].toSorted()); // oxfmt-ignore
  const deleted = await drover('tasks', 'delete', '--filter', 'tags:samples', '--yes');
  t.deepEqual([deleted.status, deleted.stderr], [0, 'drover: 3 tasks\n']);
});
