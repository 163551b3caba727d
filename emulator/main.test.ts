// The emulator as a process: what it prints, how it refuses to start, how it ends.
import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { compileCacheVariable } from '../lib/compile-cache-variable.ts';
import { ask, createClient, temporaryFolder } from './front/test-door.ts';

const main = path.join(import.meta.dirname, 'main.ts');

function start(t: ExecutionContext, args: string[], environment: Record<string, string> = {}) {
  const usual = { PATH: '/usr/bin:/bin', HOME: temporaryFolder(t), ...compileCacheVariable() };
  const env = { ...usual, ...environment };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: 'pipe' });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/** Runs an emulator to its end. */
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
  return { child, ready: JSON.parse(line.toString()) as Record<string, string> };
}

test('it says in one line that it is ready, answers, and ends in order with connections open', async (t) => {
  const folder = path.join(temporaryFolder(t), 'deep', 'data');
  const { child, ready } = await startReady(t, folder);
  t.like(ready, {
    ready: true,
    tenantDomain: 'contoso.com',
    ca: path.join(folder, 'ca.pem'),
    content: path.join(folder, 'content'),
    authority: ready['url'],
    graph: ready['url'],
    control: `${ready['url']}/_emulator/`,
    pid: child.pid,
  } as never);
  t.regex(ready['url']!, /^https:\/\/localhost:\d+$/);
  t.regex(ready['http']!, /^http:\/\/127\.0\.0\.1:\d+$/);
  t.regex(ready['proxy']!, /^http:\/\/127\.0\.0\.1:\d+$/);
  const client = createClient(t, readFileSync(ready['ca']!, 'utf8'));
  const discovery = `${ready['authority']}/contoso.com/v2.0/.well-known/openid-configuration`;
  t.is((await ask(discovery, { dispatcher: client })).status, 200);
  const idle = connect(Number(new URL(ready['http']!).port), '127.0.0.1').on('error', () => {});
  await once(idle, 'connect');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [0, null]);
});

test('a folder in use and a port that is taken are refused; a killed emulator leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  const { child, ready } = await startReady(t, folder);
  const second = await run(t, ['--data', folder, '--listen', '127.0.0.1:0']);
  t.is(second.status, 2);
  t.regex(second.stderr, /in use by another emulator \(DATA_FOLDER_LOCKED\)\n.*--data/);
  const { port } = new URL(ready['url']!);
  const third = await run(t, ['--data', temporaryFolder(t), '--listen', `127.0.0.1:${port}`]);
  t.is(third.status, 2);
  t.regex(third.stderr, /--listen: .*taken by another process \(ADDRESS_IN_USE\)\n/);
  for (const { stdout, stderr } of [second, third]) {
    t.is(stdout, '');
    t.notRegex(stderr, /^\s+at /m);
  }
  child.kill('SIGKILL');
  await once(child, 'close');
  const fourth = await startReady(t, folder);
  t.is(fourth.ready['clientId'], ready['clientId']);
  t.not(fourth.child.pid, child.pid);
});

test('bad values are refused by name, from flags and from the environment', async (t) => {
  const flag = await run(t, ['--latency', 'slow']);
  t.is(flag.status, 2);
  t.regex(flag.stderr, /--latency <ms>' argument 'slow' is invalid.*whole number/);
  const variable = await run(t, [], { DROVER_EMULATOR_RESOURCE_UNITS_PER_MINUTE: 'x' });
  t.is(variable.status, 2);
  t.regex(variable.stderr, /DROVER_EMULATOR_RESOURCE_UNITS_PER_MINUTE.*invalid/);
  const data = await run(t, ['--data', '/proc/nothing']);
  t.is(data.status, 2);
  t.regex(data.stderr, /--data: \/proc\/nothing cannot be used/);
});

test('to a person it says how to point a client at it', async (t) => {
  const child = start(t, ['--data', temporaryFolder(t), '--listen', '127.0.0.1:0']);
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  for (const word of [/listens on https:\/\/localhost/, /NODE_EXTRA_CA_CERTS=/, /HTTPS_PROXY=http/])
    t.regex(output.toString(), word);
});
