// A person signs in to a real coordinator on the command line, with the emulated tenant, and may do what the tenant's role allows.
import test from 'ava';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent, request } from 'undici';
import { startCoordinator, startEmulator } from '../scripts/local-stack.ts';

const drover = path.join(import.meta.dirname, '..', 'admin', 'cli', 'main.ts');

test('a person signs in by a code, has the role of the tenant, and signs out', async (t) => {
  t.timeout(180_000);
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const emulator = await startEmulator({ data: path.join(folder, 'tenant') });
  t.teardown(() => emulator.stop());
  const { authority, ca, coordinatorClientId, tenantDomain } = emulator.ready;
  const coordinator = await startCoordinator({
    data: path.join(folder, 'coordinator'),
    arguments: [
      ...['--entra-tenant', tenantDomain, '--entra-client-id', coordinatorClientId],
      ...['--entra-authority', authority, '--entra-ca-file', ca],
    ],
  });
  t.teardown(() => coordinator.stop());
  const { address, authorityFile } = coordinator.ready;

  const run = async (words: string[], onError: (text: string) => void = () => {}) => {
    const child = spawn(process.execPath, [drover, ...words, '--coordinator', address], {
      env: { HOME: folder, USERPROFILE: folder },
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (texts.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => onError((texts.stderr += data.toString())));
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { status, ...texts };
  };
  const dispatcher = new Agent({ connect: { ca: await readFile(ca) } });
  t.teardown(() => dispatcher.close());
  let typed = '';
  const typeCode = (shown: string) => {
    const code = /enter the code (\w+) to/.exec(shown)?.[1];
    if (code === undefined || typed !== '') return;
    typed = code;
    const form = new URLSearchParams({ user_code: code, user: 'ben@contoso.com', action: 'approve' }); // oxfmt-ignore
    void request(`${authority}/devicelogin`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      dispatcher,
    }).then(({ body }) => body.dump());
  };

  const login = ['login', '--authority-file', authorityFile, '--ca-file', ca];
  const signedIn = await run(login, typeCode);
  t.is(signedIn.status, 0, signedIn.stderr);
  t.is(signedIn.stdout, `Signed in to ${address} as ben@contoso.com, with the role operator.\n`);
  // The coordinator's authority is remembered with the sign-in.
  const create = ['tasks', 'create', '--task-id', 'a', '--source', '/srv/a', '--destination', '/srv/b']; // oxfmt-ignore
  t.is((await run(create)).status, 0);
  const invite = await run(['agents', 'invite']);
  t.is(invite.status, 6);
  t.regex(
    invite.stderr,
    /^drover: ben@contoso\.com has the role operator; .* needs the role admin/,
  );
  t.is((await run(['logout'])).stdout, `Signed out of ${address}.\n`);
  t.is((await run(['whoami', '--authority-file', authorityFile])).status, 6);
});
