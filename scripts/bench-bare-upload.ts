// The least that uploading a large file can be: a loop that puts one chunk after another out of memory, over the same way and to the
// same tenant, without reading, hashing or proving anything.
import { readFileSync } from 'node:fs';
import { ProxyAgent, request, type Dispatcher } from 'undici';
import type { EmulatorReady } from './local-stack.ts';

const mebibyte = 1024 * 1024;
/** The sizes that an agent comes to when every chunk is taken quickly; the last one stays. */
const chunkBytes = [5 * mebibyte, 10 * mebibyte, 20 * mebibyte];

/** Uploads so many bytes; answers with the milliseconds that it took. */
export async function putBare(
  emulator: EmulatorReady,
  name: string,
  bytes: number,
): Promise<number> {
  const dispatcher = new ProxyAgent({
    uri: emulator.proxy,
    requestTls: { ca: readFileSync(emulator.ca) },
  });
  const token = await signIn(emulator, dispatcher);
  const buffer = Buffer.alloc(chunkBytes.at(-1)!, 'drover');
  const startMs = performance.now();
  const url = await createSession(dispatcher, token, name);
  for (let at = 0, turn = 0; at < bytes; turn++) {
    const size = Math.min(chunkBytes[Math.min(turn, chunkBytes.length - 1)]!, bytes - at);
    const response = await request(url, {
      method: 'PUT',
      dispatcher,
      headers: { 'content-range': `bytes ${at}-${at + size - 1}/${bytes}` },
      body: buffer.subarray(0, size),
    });
    await expect(response);
    at += size;
  }
  const elapsedMs = performance.now() - startMs;
  await dispatcher.close();
  return elapsedMs;
}

async function signIn(emulator: EmulatorReady, dispatcher: Dispatcher): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: emulator.clientId,
    client_secret: emulator.clientSecret,
    scope: 'https://graph.microsoft.com/.default',
  });
  const answer = await request(
    `https://login.microsoftonline.com/${emulator.tenant}/oauth2/v2.0/token`,
    {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    },
  );
  return ((await expect(answer)) as { access_token: string }).access_token;
}

async function createSession(dispatcher: Dispatcher, token: string, name: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const graph = 'https://graph.microsoft.com/v1.0';
  const site = `${graph}/sites/contoso.sharepoint.com:/sites/migration:/drive`;
  const drive = (await expect(await request(site, { dispatcher, headers }))) as { id: string };
  const address = `${graph}/drives/${drive.id}/root:/${encodeURIComponent(name)}:/createUploadSession`;
  const answer = await request(address, { method: 'POST', dispatcher, headers, body: '{}' });
  return ((await expect(answer)) as { uploadUrl: string }).uploadUrl;
}

async function expect(response: Dispatcher.ResponseData): Promise<unknown> {
  const text = await response.body.text();
  if (response.statusCode < 300) return text === '' ? undefined : JSON.parse(text);
  throw new Error(`the emulator answered ${response.statusCode}: ${text}`);
}
