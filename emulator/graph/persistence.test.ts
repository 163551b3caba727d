// What was answered is there after the process is gone, and strangers cannot do harm.
import test from 'ava';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, linkSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import path from 'node:path';
import { defaultTenant } from '../drive/tenant.ts';
import { startGraph, type GraphServer } from './testing/graph-server.ts';

const drive = '/v1.0/sites/root:/sites/migration:/drive';
const systemOf = (server: GraphServer) =>
  path.join(server.dataFolder, 'system/sites/migration/Shared Documents');

/** Everything of a drive that clients see and that must outlive a restart. */
async function snapshot(server: GraphServer) {
  const { json } = await server.call('GET', `${drive}/root/delta`);
  const whole = await server.call('GET', `${drive}?$select=quota,id,webUrl`);
  const items = json.value.map((item: Record<string, unknown>) => ({
    ...item,
    '@microsoft.graph.downloadUrl': undefined,
  }));
  return { items, drive: whole.json };
}

test('items, versions, the recycle bin and tags outlive a restart', async (t) => {
  const server = await startGraph(t);
  const put = (name: string, body: string) => server.call('PUT', `${drive}/root:/${name}:/content`, { body }); // oxfmt-ignore
  for (const name of ['a/b/x.txt', 'a/y.txt', 'z.txt', 'gone/w.txt']) await put(name, name);
  await put('a/y.txt', 'second');
  await server.call('PATCH', `${drive}/root:/z.txt`, { body: { name: 'Z.TXT', fileSystemInfo: { createdDateTime: '1999-12-31T23:59:59Z' } } }); // oxfmt-ignore
  await server.call('DELETE', `${drive}/root:/gone`);
  const before = await snapshot(server);
  await server.restart();
  t.deepEqual(await snapshot(server), before);
  await server.restart();
  t.deepEqual(await snapshot(server), before);
  const versions = await server.call('GET', `${drive}/root:/a/y.txt:/versions`);
  t.is(versions.json.value.length, 2);
});

test('content that was being replaced when the process was killed is as it was', async (t) => {
  const server = await startGraph(t);
  const { json } = await server.call('PUT', `${drive}/root:/a.txt:/content`, { body: 'first' });
  await server.call('PUT', `${drive}/root:/b.txt:/content`, { body: 'other' });
  const guidOf = (name: string) => readdirSync(path.join(systemOf(server), 'versions')).find((guid) => existsSync(path.join(systemOf(server), 'versions', guid, name)))!; // oxfmt-ignore
  await server.call('PUT', `${drive}/root:/a.txt:/content`, { body: 'second' });
  const kept = path.join(systemOf(server), 'versions', guidOf('1.0'), '2.0');
  const place = path.join(server.dataFolder, 'content/sites/migration/Shared Documents/a.txt');
  for (const harm of [
    () => renameSync(place, kept),
    () => {
      renameSync(place, kept);
      writeFileSync(place, 'third, of which nobody was told');
    },
    () => linkSync(place, kept),
  ]) {
    await server.graph.close();
    harm();
    await server.restart();
    t.false(existsSync(kept));
    t.is(readFileSync(place, 'utf8'), 'second');
  }
  t.is((await server.call('PUT', `${drive}/root:/a.txt:/content`, { body: 'third' })).json.id, json.id); // oxfmt-ignore
  t.is(readFileSync(kept, 'utf8'), 'second');
});

test('a line that was cut off by a kill is passed over, other damage is not', async (t) => {
  const server = await startGraph(t);
  await server.call('PUT', `${drive}/root:/a.txt:/content`, { body: 'text' });
  const log = path.join(systemOf(server), 'items.jsonl');
  await server.graph.close();
  appendFileSync(log, '{"kind":"item","item":{"gu');
  await server.restart();
  t.is((await server.call('GET', `${drive}/root:/a.txt`)).json.size, 4);
  await server.graph.close();
  writeFileSync(log, `{"kind":\n${readFileSync(log, 'utf8')}`);
  await t.throwsAsync(() => server.restart(), { message: /items\.jsonl is damaged/ });
  writeFileSync(log, readFileSync(log, 'utf8').replace('{"kind":\n', ''));
  await server.restart();
});

test('what nobody can ask for any more takes no room', async (t) => {
  const server = await startGraph(t);
  const open = (name: string) => server.call('POST', `${drive}/root:/${name}:/createUploadSession`, { body: {} }); // oxfmt-ignore
  const { uploadUrl } = (await open('a.bin')).json;
  const headers = { 'content-range': 'bytes 0-1/4' };
  await server.call('PUT', uploadUrl, { body: 'ab', headers, token: '' });
  await server.call('PUT', `${drive}/root:/b.txt:/content`, { body: 'text' });
  await server.call('DELETE', `${drive}/root:/b.txt`);
  const count = (folder: string) => readdirSync(path.join(systemOf(server), folder)).length;
  t.deepEqual([count('sessions'), count('deleted'), count('incoming')], [1, 1, 0]);
  server.nowMs += 16 * 60_000;
  t.is((await server.call('GET', uploadUrl)).status, 404);
  t.is(count('sessions'), 0);
  writeFileSync(path.join(systemOf(server), 'sessions', 'left'), 'x');
  server.nowMs += 94 * 24 * 3_600_000;
  await server.restart();
  t.deepEqual([count('sessions'), count('deleted')], [0, 0]);
});

test('names that the local file system cannot hold are kept under others', async (t) => {
  const server = await startGraph(t);
  const long = '漢'.repeat(200);
  const names = [`${long}1.txt`, `${long}2.txt`];
  for (const name of names) {
    const answer = await server.call('PUT', `${drive}/root:/${encodeURIComponent(name)}:/content`, { body: name }); // oxfmt-ignore
    t.is(answer.status, 201);
  }
  await server.restart();
  for (const name of names) {
    const content = await server.call('GET', `${drive}/root:/${encodeURIComponent(name)}:/content`);
    t.is((await server.call('GET', content.headers.get('location')!)).text, name);
  }
});

test('uploads at the same time do not get in each other’s way', async (t) => {
  const server = await startGraph(t);
  const one = async (number: number) => {
    const target = `${drive}/root:/folder ${number % 5}/file ${number}.bin`;
    const { uploadUrl } = (await server.call('POST', `${target}:/createUploadSession`, { body: {} })).json; // oxfmt-ignore
    const headers = { 'content-range': 'bytes 0-9/10' };
    return (await server.call('PUT', uploadUrl, { body: '0123456789', headers, token: '' })).status;
  };
  const statuses = await Promise.all(Array.from({ length: 100 }, (_, number) => one(number)));
  t.deepEqual([...new Set(statuses)], [201]);
  t.is((await server.call('GET', `${drive}/root`)).json.size, 1000);
  // The same name from many sides: one after the other is the newest.
  const same = () => server.call('PUT', `${drive}/root:/same.txt:/content`, { body: 'x' });
  const answers = await Promise.all(Array.from({ length: 20 }, same));
  t.is(answers.filter(({ status }) => status === 201).length, 1);
  t.is((await server.call('GET', `${drive}/root:/same.txt:/versions`)).json.value.length, 20);
});

test('nothing leads out of the data folder, and nothing strange is a fault of the server', async (t) => {
  const server = await startGraph(t);
  await server.call('PUT', `${drive}/root:/a.txt:/content`, { body: 'text' });
  const { id } = (await server.call('GET', `${drive}/root:/a.txt`)).json;
  const paths = [
    '..',
    '%2e%2e',
    '..%2f..%2fx',
    'a%00b',
    'a/../b',
    '%',
    '%ff',
    '%ED%A0%80',
    'a:b',
    '.',
    '$',
    "('",
    '*',
    '%2F',
  ];
  const bodies = ['', '{', '[]', 'null', '1', '{"name":1}', '{"item":[]}', '{"parentReference":"x"}', '{"recipients":[1]}', '{"requests":{}}', '{"name":"..","folder":{}}', '{"name":"../x","folder":{}}', '{"fileSystemInfo":1}']; // oxfmt-ignore
  const rests = ['', ':/content', ':/children', ':/createUploadSession', ':/copy', ':/invite', ':/versions/x', ':/restoreVersion']; // oxfmt-ignore
  const targets = [
    ...paths.flatMap((name) => rests.map((rest) => `${drive}/root:/${name}${rest}`)),
    ...rests.map((rest) => `${drive}/items/${id}${rest.replace(':', '')}`),
    '/v1.0/$batch',
    `/sites/hr/_layouts/15/download.aspx?tempauth=${randomBytes(9).toString('base64url')}.a.b`,
    "/_api/v2.0/drives/b!x/items/01/uploadSession?guid='x'&tempauth=..",
  ];
  for (const [index, target] of targets.entries()) {
    const ask = async (method: string) => {
      const body = /GET|DELETE/.test(method) ? undefined : bodies[index % bodies.length];
      const { status, text } = await server.call(method, target, { body });
      t.true(status < 500 || status === 501, `${method} ${target} ${text}`);
    };
    await Promise.all(['GET', 'POST', 'PATCH', 'PUT', 'DELETE'].map(ask));
  }
  const outside = readdirSync(server.dataFolder).sort();
  t.deepEqual(outside, ['content', 'system']);
  t.false(existsSync(path.join(server.dataFolder, '../x')));
});

test('a tenant that leads out of the data folder is refused', async (t) => {
  const bad: [change: (tenant: ReturnType<typeof defaultTenant>) => void, message: RegExp][] = [
    [(tenant) => (tenant.sites[1]!.path = '/sites/..'), /sites\[1\]\.path/],
    [(tenant) => (tenant.sites[1]!.path = '/etc'), /not like \/sites\/hr/],
    [(tenant) => (tenant.sites[2]!.path = '/sites/Migration'), /stands there twice/],
    [(tenant) => (tenant.sites[2]!.libraries[1]!.urlName = '../x'), /libraries\[1\]\.urlName/],
    [(tenant) => (tenant.sites.at(-1)!.owner = 'x'), /not among the users/],
    [(tenant) => (tenant.name = 'a.b'), /host name/],
  ];
  for (const [change, message] of bad) {
    const tenant = defaultTenant();
    change(tenant);
    await t.throwsAsync(() => startGraph(t, { tenant }), { message });
  }
});
