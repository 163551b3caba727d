// The quick start as a person uses it with folders: its exit status, what it says, the report it leaves, and that nothing of it stays behind.
import { readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { connectApi } from '../scripts/api-client.ts';
import { readConnection } from '../lib/connection.ts';
import { temporaryFolder } from './harness/folders.ts';
import { endProcessesOf, processesOf, quickStart, type Ended } from './harness/quick-start.ts'; // oxfmt-ignore
import { link, makeTree, migratable, readTree } from './harness/tree.ts';

async function places(t: ExecutionContext) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const url = pathToFileURL(destination).href;
  const data = path.join(folder, 'data');
  const args = ['--source', source, '--destination', url, '--data', data];
  return { folder, source, destination, data, args };
}

const ascending = (numbers: number[]) => numbers.toSorted((one, other) => one - other);

test.serial(
  'a share is migrated with status 0, and the same command moves only what changed',
  async (t) => {
    const { folder, source, destination, data, args } = await places(t);
    await makeTree(source, { '=danger()': '1', 'a,b "c"': '2', folder: { inner: '3', empty: {} } });
    const first = await quickStart(folder, ...args);
    t.is(first.status, 0, first.stdout + first.stderr);
    t.deepEqual(readTree(destination), migratable(readTree(source)));
    t.regex(first.stdout, /migrated\s+5 items/);
    t.regex(first.stdout, /bytes\s+3 /);
    const reports = readdirSync(path.join(data, 'reports'));
    t.is(reports.length, 1);
    const report = await readFile(path.join(data, 'reports', reports[0]!), 'utf8');
    t.is(report.trimEnd().split('\r\n').length, 6);
    t.true(report.includes('"a,b ""c"""'));
    // A spreadsheet must not take a name for a formula.
    t.true(report.includes("'=danger()"), report);

    await writeFile(path.join(source, 'folder', 'inner'), 'changed');
    const second = await quickStart(folder, '--source', 'source', '--destination', 'destination', '--data', 'data'); // oxfmt-ignore
    t.is(second.status, 0, second.stdout + second.stderr);
    // The file, and the folder in which it was written anew, for the folder's date.
    t.regex(second.stdout, /migrated\s+2 items/);
    t.regex(second.stdout, /skipped\s+3 items/);
    t.deepEqual(readTree(destination), migratable(readTree(source)));
    t.deepEqual(processesOf(folder), []);
  },
);

test.serial('what cannot start says why, with status 2', async (t) => {
  const { folder, source, destination, data, args } = await places(t);
  const assertRefused = async (ended: Ended, words: RegExp) => {
    t.is(ended.status, 2, ended.stdout + ended.stderr);
    t.regex(ended.stderr, words);
    t.notRegex(ended.stderr, /^\s+at /m);
  };
  await assertRefused(await quickStart(folder, ...args), /does not exist.*SOURCE_NOT_FOUND/);
  await mkdir(source);
  const inside = pathToFileURL(path.join(source, 'inside')).href;
  const overlap = ['--source', source, '--destination', inside, '--data', data];
  await assertRefused(await quickStart(folder, ...overlap), /LOCATIONS_OVERLAP/);
  await assertRefused(await quickStart(folder, ...args, '--small'), /--small is for the sample/);
  await writeFile(path.join(folder, 'file'), '');
  const wrongData = ['--source', source, '--destination', destination, '--data', 'file'];
  await assertRefused(await quickStart(folder, ...wrongData), /cannot be made/);
  t.deepEqual(processesOf(folder), []);
});

test.serial(
  'items that fail are listed with status 1; with --keep both stay all the same, can be reached, and lock the data folder',
  async (t) => {
    const { folder, source, destination, data, args } = await places(t);
    await makeTree(source, { mine: '1', other: '2', aside: link('mine') });
    await makeTree(destination, { mine: 'not from here' });
    const { status, stdout, stderr } = await quickStart(folder, ...args, '--keep');
    const [, agent, coordinator] = /kill (\d+) (\d+)/.exec(stdout) ?? [];
    t.teardown(() => endProcessesOf(folder));
    t.is(status, 1, stdout + stderr);
    t.regex(stdout, /migrated\s+1 items/);
    t.regex(stdout, /skipped\s+1 items/);
    t.regex(stdout, /failed\s+1 items/);
    t.regex(stdout, /\bmine: .*\(DESTINATION_CONFLICT\)\n\s+Compare the two/);
    t.deepEqual(ascending(processesOf(folder)), ascending([Number(agent), Number(coordinator)]));
    const api = connectApi(readConnection(data));
    const [task] = (await api.tasks.listTasks({})).tasks;
    t.is(task!.source, source);
    // They go on working without the one who started them.
    await api.tasks.runTask({ name: task!.name });
    const states = await Array.fromAsync(api.tasks.watchTask({ name: task!.name }));
    t.is(states.at(-1)!.run!.name, `${task!.name}/runs/2`);
    const again = await quickStart(folder, ...args);
    t.is(again.status, 2);
    t.regex(again.stderr, /DATA_FOLDER_LOCKED/);
  },
);
