// The quick start as a person uses it: its exit status, what it says, the report it leaves, and that nothing of it stays behind.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { connectApi } from '../scripts/api-client.ts';
import { readConnection } from '../lib/connection.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { link, makeTree, migratable, readTree } from './harness/tree.ts';

const script = path.join(projectRoot, 'scripts', 'quick-start.ts');

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the quick start to its end. */
function quickStart(folder: string, ...args: string[]): Promise<Ended> {
  const environment = { ...process.env, INIT_CWD: folder };
  return new Promise((resolve) =>
    execFile(process.execPath, [script, ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    ),
  );
}

async function places(t: ExecutionContext) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const url = pathToFileURL(destination).href;
  const data = path.join(folder, 'data');
  const args = ['--source', source, '--destination', url, '--data', data];
  return { folder, source, destination, data, args };
}

/** Processes of the project whose command line names the folder. */
function processesOf(folder: string): number[] {
  return commandLines()
    .filter(
      ([pid, line]) => pid !== process.pid && line.includes('main.ts') && line.includes(folder),
    )
    .map(([pid]) => pid);
}

function commandLines(): [pid: number, line: string][] {
  if (process.platform !== 'linux') {
    const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' }).split('\n');
    return lines.map((line) => [Number.parseInt(line, 10), line]);
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid): [number, string][] => {
    try {
      return [[Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8')]];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

const ascending = (numbers: number[]) => numbers.toSorted((one, other) => one - other);

async function untilGone(folder: string): Promise<void> {
  while (processesOf(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

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
    const second = await quickStart(folder, '--source', 'source', '--destination', 'destination', '--data', 'data'); // prettier-ignore
    t.is(second.status, 0, second.stdout + second.stderr);
    t.deepEqual(readTree(destination), migratable(readTree(source)));

    const third = await quickStart(folder, ...args);
    t.is(third.status, 0, third.stdout + third.stderr);
    t.regex(third.stdout, /migrated\s+0 items/);
    t.deepEqual(processesOf(folder), []);
  },
);

test.serial('items that fail are listed with reason and advice, with status 1', async (t) => {
  const { folder, source, destination, args } = await places(t);
  await makeTree(source, { mine: '1', other: '2', aside: link('mine') });
  await makeTree(destination, { mine: 'not from here' });
  const { status, stdout, stderr } = await quickStart(folder, ...args);
  t.is(status, 1, stdout + stderr);
  t.regex(stdout, /migrated\s+1 items/);
  t.regex(stdout, /skipped\s+1 items/);
  t.regex(stdout, /failed\s+1 items/);
  t.regex(stdout, /\bmine: .*\(DESTINATION_CONFLICT\)\n\s+Compare the two/);
});

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
  const cloud = ['--source', source, '--destination', 'https://contoso.sharepoint.com/sites/x'];
  await assertRefused(
    await quickStart(folder, ...cloud, '--data', data),
    /DESTINATION_UNSUPPORTED/,
  );
  await assertRefused(await quickStart(folder, '--source', source), /--destination/);
  await assertRefused(await quickStart(folder, '--no-such-option'), /unknown option/);
  await writeFile(path.join(folder, 'file'), '');
  const wrongData = ['--source', source, '--destination', destination, '--data', 'file'];
  await assertRefused(await quickStart(folder, ...wrongData), /cannot be made/);
  t.deepEqual(processesOf(folder), []);
});

test.serial('with --keep both stay, can be reached, and lock the data folder', async (t) => {
  const { folder, source, data, args } = await places(t);
  await makeTree(source, { file: '1' });
  const { status, stdout, stderr } = await quickStart(folder, ...args, '--keep');
  const [, agent, coordinator] = /kill (\d+) (\d+)/.exec(stdout) ?? [];
  t.teardown(async () => {
    for (const pid of processesOf(folder)) process.kill(pid, 'SIGTERM');
    await untilGone(folder);
  });
  t.is(status, 0, stdout + stderr);
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
});

test.serial('the first interrupt drains both and says so; the same command goes on', async (t) => {
  const { folder, source, destination, args } = await places(t);
  await makeTree(source, { small: '1' });
  for (const name of ['a', 'b', 'c']) {
    await writeFile(path.join(source, name), '');
    await truncate(path.join(source, name), 256 * 1024 * 1024);
  }
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (/runs\/1 running/.test(output) && !output.includes('Stopping')) child.kill('SIGINT');
  }
  t.deepEqual(await exited, [130, null], output);
  t.regex(output, /Stopping: [^]*Stopped/);
  t.deepEqual(processesOf(folder), []);
  const again = await quickStart(folder, ...args);
  t.is(again.status, 0, again.stdout + again.stderr);
  t.deepEqual(readTree(destination), migratable(readTree(source)));
});

test.serial('a quick start that is killed leaves no process behind', async (t) => {
  const { folder, source, args } = await places(t);
  await makeTree(source, { large: '' });
  await truncate(path.join(source, 'large'), 1024 ** 3);
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (output.includes('runs/1')) child.kill('SIGKILL');
  }
  await untilGone(folder);
  t.pass();
});
