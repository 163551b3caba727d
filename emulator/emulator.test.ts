// The emulator as a whole: what it keeps, what it tells, what it refuses, and the official clients at work on it.
import test, { type ExecutionContext } from 'ava';
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Dispatcher } from 'undici';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import type { DroverError } from '../lib/error.ts';
import { startEmulator, type EmulatorDescription, type EmulatorParts } from './emulator.ts';
import { ask, createClient, temporaryFolder } from './front/test-door.ts';
import type { EmulatorOptions } from './options.ts';

const anyPort = { host: '127.0.0.1', port: 0 };

async function start(
  t: ExecutionContext,
  options: EmulatorOptions = {},
  parts: EmulatorParts = {},
) {
  const dataFolder = options.dataFolder ?? temporaryFolder(t);
  const emulator = await startEmulator({ ...options, dataFolder, listen: anyPort }, parts);
  t.teardown(() => emulator.close());
  const { description } = emulator;
  const client = createClient(t, readFileSync(description.ca, 'utf8'));
  return { emulator, description, client, dataFolder };
}

/** A call to the control address; the answer as JSON. */
async function control(
  { control: address }: { control: string },
  client: Dispatcher,
  name: string,
  method: Dispatcher.HttpMethod = 'GET',
  body?: unknown,
) {
  const answer = await ask(address + name, {
    dispatcher: client,
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, json: JSON.parse(answer.text || 'null') };
}

test('the official clients sign in and upload, by the proxy and the real host names', async (t) => {
  const { description, client } = await start(t);
  const { tenant, clientId, clientSecret, proxy, ca, content } = description;
  const program = path.join(import.meta.dirname, 'front', 'official-clients.ts');
  const site = 'contoso.sharepoint.com:/sites/migration';
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, tenant, clientId, clientSecret, site],
    { env: { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: ca } },
  );
  t.deepEqual(JSON.parse(stdout), {
    site: 'https://contoso.sharepoint.com/sites/migration',
    uploadHost: 'contoso.sharepoint.com',
    size: 700_000,
    webUrl:
      'https://contoso.sharepoint.com/sites/migration/Shared%20Documents/From%20a%20client/large.bin',
    names: ['large.bin', 'small.txt'],
    same: true,
  });
  const small = path.join(content, 'sites/migration/Shared Documents/From a client/small.txt');
  t.is(readFileSync(small, 'utf8'), 'small');
  const { json } = await control(description, client, 'stats');
  t.like(json, {
    classes: { token: 1, createUploadSession: 1, uploadSession: 3 },
    resourceUnits: { throttled: 0, apps: [{ app: clientId }] },
    graph: { strayTokens: 0, openSessions: 0 },
  });
});

test('everything that is made at first start is there at the next', async (t) => {
  const first = await start(t);
  await first.emulator.close();
  const second = await start(t, { dataFolder: first.dataFolder });
  const kept = ({ description }: typeof first) => {
    const { ca, tenant, clientId, clientSecret, users, sites } = description;
    return { certificate: readFileSync(ca, 'utf8'), tenant, clientId, clientSecret, users, sites };
  };
  t.deepEqual(kept(second), kept(first));
  for (const name of ['ca-key.pem', 'tenant.json'])
    t.is(statSync(path.join(first.dataFolder, name)).mode & 0o777, 0o600, name);
});

test('what a person writes into tenant.json is what is there', async (t) => {
  const { emulator, dataFolder } = await start(t);
  await emulator.close();
  const file = path.join(dataFolder, 'tenant.json');
  const tenant = JSON.parse(readFileSync(file, 'utf8'));
  tenant.sites.push({
    path: '/sites/new',
    title: 'New',
    libraries: [{ title: 'Plans', urlName: 'All Plans' }],
  });
  writeFileSync(file, JSON.stringify(tenant));
  const { description, emulator: second } = await start(t, { dataFolder });
  t.deepEqual(description.sites.at(-1), {
    url: 'https://contoso.sharepoint.com/sites/new',
    libraries: [
      {
        title: 'Plans',
        url: 'https://contoso.sharepoint.com/sites/new/All%20Plans',
        folder: path.join(description.content, 'sites/new/All Plans'),
      },
    ],
  });
  await second.close();
  for (const [content, message] of [
    ['{', /tenant\.json: is not JSON/],
    ['[]', /tenant\.json: the whole must be an object/],
    [JSON.stringify({ ...tenant, id: 7 }), /tenant\.json: id must be text/],
    [JSON.stringify({ ...tenant, sits: [] }), /tenant\.json: sits is not a field; there are id, /],
    [JSON.stringify({ ...tenant, apps: [{}] }), /tenant\.json: apps\[0\]\.clientId must be text/],
    [
      JSON.stringify({ ...tenant, sites: [{ path: '', title: 'a', libraries: [{ title: 'x' }] }] }),
      /sites\[0\]\.libraries\[0\]\.urlName must be text/,
    ],
  ] as const) {
    writeFileSync(file, content);
    await t.throwsAsync(startEmulator({ dataFolder, listen: anyPort }), { message });
  }
});

test('damaged keys, a folder in use and a port that is taken are refused, and nothing stays open', async (t) => {
  const { dataFolder, emulator } = await start(t);
  const reason = async (options: EmulatorOptions) =>
    (
      (await t.throwsAsync(
        startEmulator({ dataFolder, listen: anyPort, ...options }),
      )) as DroverError
    ).reason;
  t.is(await reason({}), ErrorReason.DATA_FOLDER_LOCKED);
  await emulator.close();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  for (const option of ['listen', 'httpListen', 'proxyListen'])
    t.is(await reason({ [option]: { host: '127.0.0.1', port } }), ErrorReason.ADDRESS_IN_USE);
  t.is(
    await reason({ listen: { host: 'no.such.host.invalid', port: 0 } }),
    ErrorReason.INVALID_ARGUMENT,
  );
  writeFileSync(path.join(dataFolder, 'ca-key.pem'), 'no key');
  t.is(await reason({}), ErrorReason.INVALID_ARGUMENT);
});

test('fault rules come from a file and are changed while it runs', async (t) => {
  const faultsFile = path.join(temporaryFolder(t), 'faults.json');
  writeFileSync(faultsFile, '[{"name":"a","fault":{"kind":"locked"}}]');
  const { description, client } = await start(t, { faultsFile });
  const status = async () =>
    (await ask(`${description.graph}/v1.0/me`, { dispatcher: client })).status;
  t.is(await status(), 423);
  const added = await control(description, client, 'faults', 'POST', {
    name: 'b',
    fault: { kind: 'status', status: 503 },
  });
  t.like(added, { status: 200, json: { rules: [{ name: 'a', hits: 1 }, { name: 'b' }] } });
  const wrong = await control(description, client, 'faults', 'PUT', [
    { name: 'c', fault: { kind: 'locked' } },
    { name: 'd', fault: { kind: 'unknown' } },
  ]);
  t.is(wrong.status, 400);
  t.regex(wrong.json.error.message, /rule 2 \("d"\): fault\.kind must be one of/);
  t.is((await control(description, client, 'faults', 'POST', '{')).status, 400);
  t.like((await control(description, client, 'faults')).json, {
    rules: [{ name: 'a' }, { name: 'b' }],
  });
  t.is((await control(description, client, 'faults?name=a', 'DELETE')).status, 200);
  t.is((await control(description, client, 'faults?name=a', 'DELETE')).status, 404);
  t.is(await status(), 503);
  const { json: counts } = await control(description, client, 'stats');
  t.like(counts, { statuses: { 423: 1, 503: 1 }, rules: [{ name: 'b', matches: 1, hits: 1 }] });
  t.true(counts.openConnections > 0);
  t.is((await control(description, client, 'stats', 'DELETE')).status, 204);
  t.like((await control(description, client, 'stats')).json, { requests: 0, rules: [{ hits: 0 }] });
  await control(description, client, 'faults', 'DELETE');
  t.is(await status(), 401);
});

test('a file with fault rules that is missing or wrong is refused by name', async (t) => {
  const faultsFile = path.join(temporaryFolder(t), 'faults.json');
  const dataFolder = temporaryFolder(t);
  const refused = async (message: RegExp) =>
    t.throwsAsync(startEmulator({ dataFolder, listen: anyPort, faultsFile }), { message });
  await refused(/^--faults: .*faults\.json cannot be used: ENOENT/);
  writeFileSync(faultsFile, '[');
  await refused(/^--faults: .*faults\.json cannot be used: /);
  writeFileSync(faultsFile, '[{"fault":{"kind":"stall"},"nth":"1"}]');
  await refused(/^--faults .*faults\.json: rule 1: nth must be a whole number/);
});

test('the control address explains itself', async (t) => {
  const { description, client } = await start(t);
  const help = await control(description, client, '');
  t.truthy(help.json.addresses['GET /_emulator/stats']);
  t.deepEqual((await control(description, client, 'description')).json, description);
  t.is((await control(description, client, 'nothing')).status, 404);
  t.is((await control(description, client, 'constructor')).status, 404);
  t.is((await control(description, client, 'stats', 'PUT', {})).status, 405);
  t.is((await control(description, client, 'locks?path=/sites/hr/Records/no', 'POST')).status, 404);
  t.is((await control(description, client, 'locks', 'POST')).status, 400);
  t.is((await control(description, client, 'certificates', 'POST', 'no PEM')).status, 400);
  const certificate = readFileSync(description.ca, 'utf8');
  const registered = await control(description, client, 'certificates', 'POST', certificate);
  t.deepEqual(registered.json, { clientId: description.clientId, certificates: 1 });
  t.is(
    (await control(description, client, 'certificates?clientId=no', 'POST', certificate)).status,
    404,
  );
});

test('a secret of an application is made and taken away while it runs', async (t) => {
  const { description, client } = await start(t);
  const { clientId } = description;
  const set = (method: 'POST' | 'DELETE', secret: string, app = clientId) =>
    control(description, client, `secrets?clientId=${app}`, method, secret);
  const signedIn = async (clientSecret: string) =>
    (await signIn({ ...description, clientSecret }, client)).access_token !== undefined;
  t.false(await signedIn('the second'));
  t.deepEqual((await set('POST', 'the second')).json, { clientId, secrets: 2 });
  t.true(await signedIn('the second'));
  t.deepEqual((await set('DELETE', 'the second')).json, { clientId, secrets: 1 });
  t.false(await signedIn('the second'));
  t.true(await signedIn(description.clientSecret));
  t.is((await set('DELETE', 'the second')).status, 404);
  t.is((await set('POST', '')).status, 400);
  t.is((await set('POST', 'the second', 'nobody')).status, 404);
});

test('throttling holds for the whole', async (t) => {
  const { description, client } = await start(t, { resourceUnitsPerMinute: 3 });
  const status = async () =>
    (await ask(`${description.graph}/v1.0/drives`, { dispatcher: client })).status;
  t.deepEqual([await status(), await status()], [401, 429]);
  t.like((await control(description, client, 'stats')).json, {
    resourceUnits: { throttled: 1, unitsThisMinute: 4 },
  });
});

/** A token for Graph and how long it is good for. */
async function signIn(description: EmulatorDescription, client: Dispatcher) {
  const { authority, tenant, clientId, clientSecret } = description;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: 'https://graph.microsoft.com/.default',
  });
  const answer = await ask(`${authority}/${tenant}/oauth2/v2.0/token`, {
    dispatcher: client,
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  return JSON.parse(answer.text) as { access_token: string; expires_in: number };
}

test('tokens and upload sessions end when they are told to, and strict is strict', async (t) => {
  let now = Date.now();
  const { description, client } = await start(
    t,
    { tokenLifetimeMs: 120_000, sessionExpiryMs: 60_000, strict: true },
    { now: () => now },
  );
  const { access_token, expires_in } = await signIn(description, client);
  t.is(expires_in, 120);
  const authorization = `Bearer ${access_token}`;
  const drive = `${description.graph}/v1.0/sites/root/drive`;
  const created = await ask(`${drive}/root:/a.bin:/createUploadSession`, {
    dispatcher: client,
    method: 'POST',
    headers: { authorization },
  });
  const { uploadUrl } = JSON.parse(created.text) as { uploadUrl: string };
  t.is(new URL(uploadUrl).hostname, '127.0.0.1');
  const status = async (headers = {}) =>
    (await ask(uploadUrl, { dispatcher: client, headers })).status;
  t.is(await status(), 200);
  t.is(await status({ authorization }), 401);
  now += 61_000;
  t.is(await status(), 404);
  t.is((await ask(drive, { dispatcher: client, headers: { authorization } })).status, 200);
  now += 60_000;
  t.is((await ask(drive, { dispatcher: client, headers: { authorization } })).status, 401);
});

test('a lost session, a late listing and a lock, as a client meets them', async (t) => {
  const { description, client } = await start(t);
  const { access_token } = await signIn(description, client);
  const headers = { authorization: `Bearer ${access_token}` };
  const root = `${description.graph}/v1.0/sites/root/drive/root`;
  const call = async (address: string, method: Dispatcher.HttpMethod = 'GET', body?: string) => {
    const options = { dispatcher: client, method, headers };
    const answer = await ask(address, body === undefined ? options : { ...options, body });
    return { status: answer.status, json: JSON.parse(answer.text || 'null') };
  };
  await control(description, client, 'faults', 'PUT', [
    { name: 'late', path: '/children', times: 1, fault: { kind: 'lateListing', ms: 60_000 } },
    { name: 'lost', path: '/uploadSession', fault: { kind: 'sessionLost' } },
  ]);
  t.is((await call(`${root}:/a.txt:/content`, 'PUT', 'text')).status, 201);
  t.deepEqual((await call(`${root}/children`)).json.value, []);
  t.is((await call(`${root}/children`)).json.value.length, 1);
  const { json } = await call(`${root}:/b.txt:/createUploadSession`, 'POST', '{}');
  t.like(await call(json.uploadUrl), {
    status: 404,
    json: { error: { innererror: { code: 'uploadSessionNotFound' } } },
  });
  const lock = 'locks?path=/Shared Documents/a.txt';
  t.is((await control(description, client, lock, 'POST')).status, 204);
  t.is((await call(`${root}:/a.txt:/content`, 'PUT', 'new')).status, 423);
  t.is((await control(description, client, lock, 'DELETE')).status, 204);
  t.is((await call(`${root}:/a.txt:/content`, 'PUT', 'new')).status, 200);
});

test('the calls of a batch are throttled, and meet faults, each by itself', async (t) => {
  const { description, client } = await start(t, { resourceUnitsPerMinute: 3 });
  const { access_token } = await signIn(description, client);
  await control(description, client, 'faults', 'PUT', [
    { path: '/drive$', nth: 2, fault: { kind: 'locked' } },
  ]);
  const requests = ['1', '2', '3', '4'].map((id) => ({
    id,
    method: 'GET',
    url: '/sites/root/drive',
  }));
  const answer = await ask(`${description.graph}/v1.0/$batch`, {
    dispatcher: client,
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
  t.is(answer.status, 200);
  const { responses } = JSON.parse(answer.text) as { responses: { id: string; status: number }[] };
  t.deepEqual(
    responses.map(({ id, status }) => [id, status]),
    [
      ['1', 200],
      ['2', 423],
      ['3', 200],
      ['4', 429],
    ],
  );
});
