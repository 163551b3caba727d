// rclone, Debian's package of that name, as the tool to compare with: it is signed in to the emulated tenant as a person by device
// code, and reaches it under Microsoft's own host names by the emulator's proxy.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Agent, request, type Dispatcher } from 'undici';
import type { EmulatorReady } from './local-stack.ts';

const execute = promisify(execFile);

export interface RcloneCopy {
  source: string;
  /** Below the library's root. */
  folder: string;
  /** A folder for rclone's own files. */
  scratch: string;
  /** Files at once. */
  transfers: number;
}

/** Copies a folder into the library of the site "migration"; answers with the milliseconds that it took. */
export async function copyWithRclone(emulator: EmulatorReady, copy: RcloneCopy): Promise<number> {
  const config = path.join(copy.scratch, 'rclone.conf');
  writeFileSync(config, await configOf(emulator), { mode: 0o600 });
  const startMs = performance.now();
  await execute(
    'rclone',
    [
      'copy',
      copy.source,
      `tenant:${copy.folder}`,
      ...['--config', config, '--ca-cert', emulator.ca],
      ...['--transfers', String(copy.transfers), '--quiet'],
    ],
    { env: { ...process.env, HTTPS_PROXY: emulator.proxy } },
  );
  return performance.now() - startMs;
}

async function configOf(emulator: EmulatorReady): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: readFileSync(emulator.ca) } });
  const token = await signIn(emulator, dispatcher);
  const site = `${emulator.graph}/v1.0/sites/contoso.sharepoint.com:/sites/migration:/drive`;
  const headers = { authorization: `Bearer ${token.access_token}` };
  const drive = await json(await request(site, { dispatcher, headers }));
  const authority = `https://login.microsoftonline.com/${emulator.tenant}/oauth2/v2.0`;
  await dispatcher.close();
  return [
    '[tenant]',
    'type = onedrive',
    `client_id = ${emulator.clientId}`,
    `client_secret = ${emulator.clientSecret}`,
    `token = ${JSON.stringify({ ...token, expiry: new Date(Date.now() + 3_000_000).toISOString() })}`,
    `drive_id = ${drive['id']}`,
    'drive_type = documentLibrary',
    `auth_url = ${authority}/authorize`,
    `token_url = ${authority}/token`,
    '',
  ].join('\n');
}

async function signIn(emulator: EmulatorReady, dispatcher: Dispatcher) {
  const authority = `${emulator.authority}/${emulator.tenant}/oauth2/v2.0`;
  const client = { client_id: emulator.clientId };
  const scope = 'https://graph.microsoft.com/.default offline_access';
  const code = await post(dispatcher, `${authority}/devicecode`, { ...client, scope });
  await post(dispatcher, `${emulator.authority}/devicelogin`, {
    user_code: code['user_code']!,
    user: 'ann@contoso.com',
    action: 'approve',
  });
  const grant = { grant_type: 'device_code', device_code: code['device_code']! };
  const answer = await post(dispatcher, `${authority}/token`, { ...client, ...grant });
  const { access_token, refresh_token } = answer;
  return { access_token, refresh_token, token_type: 'Bearer' };
}

async function post(
  dispatcher: Dispatcher,
  address: string,
  form: Record<string, string>,
): Promise<Record<string, string>> {
  const answer = await request(address, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  return await json(answer);
}

async function json(answer: Dispatcher.ResponseData): Promise<Record<string, string>> {
  const text = await answer.body.text();
  if (answer.statusCode >= 300)
    throw new Error(`the emulator answered ${answer.statusCode}: ${text}`);
  return text.startsWith('{') ? (JSON.parse(text) as Record<string, string>) : {};
}
