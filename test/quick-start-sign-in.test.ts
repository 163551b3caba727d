// The quick start with destinations in a tenant of one's own, which an emulator stands for: by a secret, by a person with a code, and
// without either.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { LocalProcess } from '../scripts/local-process.ts';
import { startEmulator, type EmulatorReady } from '../scripts/local-stack.ts';
import { temporaryFolder } from './harness/folders.ts';
import { processesOf, quickStart, quickStartScript, type Ended } from './harness/quick-start.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
/** An emulator that stands for a tenant of one's own. */
let emulator: LocalProcess<EmulatorReady>;

test.before(async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  stops.push(() => rm(data, { recursive: true, force: true }));
  emulator = await startEmulator({ data });
  stops.push(() => emulator.stop());
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** A share, and how to reach a library of the tenant. */
async function ownTenant(t: ExecutionContext, library: string) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, 'source'));
  await writeFile(path.join(folder, 'source', 'file.txt'), 'content');
  const { tenant, clientId, authority, graph, ca, content } = emulator.ready;
  const args = [
    ...[
      '--source',
      'source',
      '--destination',
      `https://contoso.sharepoint.com/sites/hr/${library}`,
    ],
    ...['--data', 'data', '--tenant', tenant, '--client-id', clientId],
    ...['--authority', authority, '--graph', graph, '--ca-file', ca],
  ];
  return {
    folder,
    args,
    ready: emulator.ready,
    arrived: path.join(content, 'sites/hr', library),
  };
}

test.serial(
  'a tenant of one’s own by the secret; a wrong one is refused with the words of sign-in',
  async (t) => {
    const { folder, args, ready, arrived } = await ownTenant(t, 'HRPolicies');
    const secretFile = path.join(folder, 'secret');
    await writeFile(secretFile, 'wrong');
    const wrong = await quickStart(folder, ...args, '--client-secret-file', 'secret');
    assertRefused(t, wrong, /AADSTS7000215[^]*SIGN_IN_FAILED/);
    t.false((wrong.stdout + wrong.stderr).includes('in the emulator'));

    await writeFile(secretFile, `${ready.clientSecret}\n`);
    const right = await quickStart(folder, ...args, '--client-secret-file', 'secret');
    t.is(right.status, 0, right.stdout + right.stderr);
    t.notRegex(right.stdout, /emulat/);
    t.is(await readFile(path.join(arrived, 'file.txt'), 'utf8'), 'content');
  },
);

test.serial('a person signs in by the code that is shown', async (t) => {
  const { folder, args, ready, arrived } = await ownTenant(t, 'Shared Documents');
  const child = spawn(process.execPath, [quickStartScript, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, INIT_CWD: folder, DROVER_CLIENT_SECRET: '' },
  });
  const exited = once(child, 'exit');
  let output = '';
  let typed = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    const [, page, code] = /open the page https:\/\/[^/]+(\S+) and enter the code (\S+)/.exec(output) ?? []; // oxfmt-ignore
    if (code === undefined || code === typed) continue;
    typed = code;
    const body = new URLSearchParams({
      user_code: code,
      user: 'ann@contoso.com',
      action: 'approve',
    });
    const answer = await fetch(`${ready.http}${page}`, { method: 'POST', body });
    t.is(answer.status, 200, await answer.text());
  }
  t.deepEqual(await exited, [0, null], output);
  t.is(await readFile(path.join(arrived, 'file.txt'), 'utf8'), 'content');
});

test.serial('another tenant is not emulated: without a sign-in it is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const args = ['--source', '.', '--destination', 'https://fabrikam.sharepoint.com/sites/x'];
  const ended = await quickStart(folder, ...args, '--data', 'data');
  assertRefused(
    t,
    ended,
    /a sign-in is needed for .*--tenant and --client-id.*--client-secret-file/,
  );
  t.deepEqual(processesOf(folder), []);
});

function assertRefused(t: ExecutionContext, ended: Ended, words: RegExp): void {
  t.is(ended.status, 2, ended.stdout + ended.stderr);
  t.regex(ended.stderr, words);
  t.notRegex(ended.stderr, /^\s+at /m);
}
