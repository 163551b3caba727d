// The coordinator as a process: what it prints, how it refuses to start, how it ends.
import test, { type ExecutionContext } from 'ava';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { compileCacheVariable } from '../lib/compile-cache-variable.ts';
import { readConnection } from '../lib/connection.ts';

const main = path.join(import.meta.dirname, 'main.ts');

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-main-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function start(t: ExecutionContext, args: string[], environment: Record<string, string> = {}) {
  const usual = { PATH: '/usr/bin:/bin', HOME: temporaryFolder(t), ...compileCacheVariable() };
  const env = { ...usual, ...environment };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: 'pipe' });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/** Runs a coordinator to its end. */
async function run(t: ExecutionContext, args: string[], environment?: Record<string, string>) {
  const child = start(t, args, environment);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { stdout, stderr, status };
}

async function startReady(t: ExecutionContext, folder: string) {
  const child = start(t, ['--data', folder, '--listen', '127.0.0.1:0', '--json']);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, ready: JSON.parse(line.toString()) as Record<string, unknown> };
}

async function endOf(child: ChildProcess): Promise<unknown[]> {
  return once(child, 'close');
}

test('it says in one line that it is ready, and ends in order at the first signal', async (t) => {
  const folder = path.join(temporaryFolder(t), 'deep', 'data');
  const { child, ready } = await startReady(t, folder);
  t.like(ready, { ready: true, data: folder, pid: child.pid });
  t.deepEqual(ready['agentAddresses'], [new URL(ready['address'] as string).host]);
  t.deepEqual({ ...readConnection(folder) }, {
    address: ready['address'],
    authorityFile: ready['authorityFile'],
    tokenFile: ready['tokenFile'],
  } as never);
  t.is(statSync(ready['tokenFile'] as string).mode & 0o777, 0o600);
  t.is(statSync(folder).mode & 0o777, 0o700);
  t.regex(readFileSync(ready['authorityFile'] as string, 'utf8'), /BEGIN CERTIFICATE/);
  child.kill('SIGTERM');
  t.deepEqual(await endOf(child), [0, null]);
  t.false(existsSync(ready['connectionFile'] as string));
});

test('a data folder that is in use and a port that is taken are refused', async (t) => {
  const folder = temporaryFolder(t);
  const { child, ready } = await startReady(t, folder);
  const second = await run(t, ['--data', folder, '--listen', '127.0.0.1:0']);
  t.is(second.status, 2);
  t.regex(second.stderr, /in use by another coordinator \(DATA_FOLDER_LOCKED\)\n.*--data/);
  const { host } = new URL(ready['address'] as string);
  const third = await run(t, ['--data', temporaryFolder(t), '--listen', host]);
  t.is(third.status, 2);
  t.regex(third.stderr, /taken by another process \(ADDRESS_IN_USE\)\n.*--listen/);
  for (const { stdout, stderr } of [second, third]) {
    t.is(stdout, '');
    t.notRegex(stderr, /^\s+at /m);
  }
  t.truthy(readConnection(folder), 'the first is still there');
  child.kill('SIGINT');
  t.deepEqual(await endOf(child), [0, null]);
});

const refused: [args: string[], environment: Record<string, string>, name: RegExp][] = [
  [['--lease-ttl', '1'], {}, /--lease-ttl/],
  [['--heartbeat-interval', '20'], {}, /--heartbeat-interval.*--lease-ttl/],
  [['--listen', '192.0.2.1:0'], {}, /--listen/],
  [['--data', '/proc/none/data'], {}, /--data/],
  [['check', '--data', '/proc/none/data'], {}, /--data: there is no store/],
  [[], { DROVER_COORDINATOR_LISTEN: 'x' }, /DROVER_COORDINATOR_LISTEN/],
];

test('a bad value is refused by name, from the command line and from the environment', async (t) => {
  for (const [args, environment, name] of refused) {
    const { status, stdout, stderr } = await run(t, args, environment);
    t.is(status, 2);
    t.is(stdout, '');
    t.regex(stderr, name);
    t.notRegex(stderr, /^\s+at /m);
  }
});

test('a file in the place of the data folder is refused', async (t) => {
  const file = path.join(temporaryFolder(t), 'file');
  writeFileSync(file, 'x');
  const { status, stderr } = await run(t, ['--data', file]);
  t.is(status, 2);
  t.regex(stderr, /--data/);
  t.is(readFileSync(file, 'utf8'), 'x');
});

test('help shows every option with its environment variable; version is one line', async (t) => {
  const { status, stdout } = await run(t, ['--help']);
  t.is(status, 0);
  const words = stdout.replaceAll(/\s+/g, ' ');
  const options = words
    .match(/--[a-z-]+(?= [<A-Za-z])/g)!
    .filter((option) => !/version|help/.test(option));
  for (const option of new Set(options)) {
    const variable = `DROVER_COORDINATOR_${option.slice(2).replaceAll('-', '_').toUpperCase()}`;
    t.true(words.includes(variable), option);
  }
  t.regex(words, /Commands: backup .* restore .* check /);
  t.regex((await run(t, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});
