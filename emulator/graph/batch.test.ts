// Batches, copies and permissions: calls that are made of others, or that go on behind their answer.
import test from 'ava';
import { setImmediate } from 'node:timers/promises';
import { startGraph, type Answer, type GraphServer } from './testing/graph-server.ts';

const drive = '/v1.0/sites/root:/sites/migration:/drive';
const inner = '/sites/root:/sites/migration:/drive';

const batch = (server: GraphServer, requests: object[]) =>
  server.call('POST', '/v1.0/$batch', { body: { requests } });

test('a batch answers each request as if it had come alone', async (t) => {
  const server = await startGraph(t);
  const json = { 'Content-Type': 'application/json' };
  const answer = await batch(server, [
    { id: '2', method: 'GET', url: `${inner}/root:/a`, dependsOn: ['1'] },
    { id: '1', method: 'POST', url: `${inner}/root/children`, headers: json, body: { name: 'a', folder: {} } }, // oxfmt-ignore
    { id: '3', method: 'GET', url: `${inner}/root:/none` },
    { id: '4', method: 'GET', url: `${inner}/root`, dependsOn: ['3'] },
    { id: '5', method: 'PUT', url: `${inner}/root:/b.txt:/content`, headers: { 'content-type': 'text/plain' }, body: Buffer.from('hello').toString('base64') }, // oxfmt-ignore
    { id: '6', method: 'GET', url: `${inner}/root:/b.txt:/content`, dependsOn: ['5'] },
  ]);
  t.is(answer.status, 200);
  const byId = new Map<
    string,
    { status: number; body: Record<string, unknown>; headers: Record<string, string> }
  >();
  for (const response of answer.json.responses) byId.set(response.id, response);
  const statuses = ['1', '2', '3', '4', '5', '6'].map((id) => byId.get(id)?.status);
  t.deepEqual(statuses, [201, 200, 404, 424, 201, 302]);
  t.is(byId.get('2')!.body['name'], 'a');
  t.is(byId.get('5')!.body['size'], 5);
  t.regex(byId.get('6')!.headers['Location']!, /download\.aspx/);
});

test('batches that cannot be are refused as a whole', async (t) => {
  const server = await startGraph(t);
  const get = (id: string, more = {}) => ({ id, method: 'GET', url: `${inner}/root`, ...more });
  const many = Array.from({ length: 21 }, (_, index) => get(String(index)));
  const bad = [
    [],
    many,
    [get('1'), get('1')],
    [get('1', { dependsOn: ['2'] })],
    [get('1', { dependsOn: ['2'] }), get('2', { dependsOn: ['1'] })],
    [{ id: '1' }],
    [get('1', { url: '/$batch' })],
  ];
  for (const requests of bad) t.is((await batch(server, requests)).status, 400);
  t.is((await batch(server, many.slice(1))).json.responses.length, 20);
});

async function copied(server: GraphServer, started: Answer) {
  const monitor = started.headers.get('location')!;
  for (;;) {
    const { status, json } = await server.call('GET', monitor, { token: '' });
    if (status !== 202) return json;
    await setImmediate();
  }
}

test('copies of files and folders run behind their answer', async (t) => {
  const server = await startGraph(t);
  await server.call('PUT', `${drive}/root:/a/b/x.txt:/content`, { body: 'text' });
  const source = (await server.call('GET', `${drive}/root:/a/b/x.txt`)).json;
  const target = (await server.call('GET', '/v1.0/sites/root/drive')).json;
  const copy = (path: string, body: object) => server.call('POST', `${drive}/root:/${path}:/copy`, { body }); // oxfmt-ignore
  const started = await copy('a', {
    parentReference: { driveId: target.id, id: 'root' },
    name: 'copy',
  });
  t.is(started.status, 202);
  t.regex(started.headers.get('location')!, /^http:\/\/127\.0\.0\.1:\d+\/_api\/v2\.0\/monitor\//);
  const done = await copied(server, started);
  t.is(done.status, 'completed');
  const folder = (await server.call('GET', `/v1.0/sites/root/drive/items/${done.resourceId}`)).json;
  t.is(folder.name, 'copy');
  t.is(folder.size, 4);
  const item = (await server.call('GET', '/v1.0/sites/root/drive/root:/copy/b/x.txt')).json;
  t.is(item.file.hashes.quickXorHash, source.file.hashes.quickXorHash);
  t.deepEqual(item.fileSystemInfo, source.fileSystemInfo);
  t.is((await copy('a/b/x.txt', { name: 'x.txt' })).status, 409);
  t.is((await copied(server, await copy('a/b/x.txt', { name: 'y.txt' }))).status, 'completed');
  t.is((await server.call('GET', `${drive}/root:/a/b/y.txt`)).json.size, 4);
});

test('permissions are granted, changed and taken away; inherited ones are told apart', async (t) => {
  const server = await startGraph(t);
  await server.call('PUT', `${drive}/root:/a/x.txt:/content`, { body: 'text' });
  const invited = await server.call('POST', `${drive}/root:/a:/invite`, {
    body: {
      recipients: [{ email: 'ben@contoso.com' }, { objectId: server.tenant.users[2]!.id }, { email: 'nobody@x' }], // oxfmt-ignore
      roles: ['write'],
      requireSignIn: true,
      sendInvitation: false,
    },
  });
  t.is(invited.status, 200);
  const [ben, , nobody] = invited.json.value;
  t.is(ben.grantedToV2.user.email, 'ben@contoso.com');
  t.is(nobody.error.code, 'usersCannotBeResolved');
  const own = `${drive}/root:/a:/permissions`;
  t.is((await server.call('PATCH', `${own}/${ben.id}`, { body: { roles: ['read'] } })).json.roles[0], 'read'); // oxfmt-ignore
  await server.restart();
  const below = (await server.call('GET', `${drive}/root:/a/x.txt:/permissions`)).json.value;
  t.is(below.length, 3);
  t.true(below.every((each: { inheritedFrom?: object }) => each.inheritedFrom !== undefined));
  t.is((await server.call('DELETE', `${drive}/root:/a/x.txt:/permissions/${ben.id}`)).status, 400);
  t.is((await server.call('DELETE', `${own}/${ben.id}`)).status, 204);
  t.is((await server.call('DELETE', `${own}/${ben.id}`)).status, 404);
});

test('permissions of the caller decide', async (t) => {
  const server = await startGraph(t);
  const content = (path: string, token: string) => server.call('PUT', `/v1.0/sites/root:${path}:/drive/root:/a.txt:/content`, { body: 'x', token }); // oxfmt-ignore
  t.is((await content('/sites/hr', 'app')).status, 201);
  t.is((await content('/sites/readonly', 'app')).json.error.code, 'accessDenied');
  t.is((await content('/sites/hr', 'reader')).status, 403);
  t.is((await content('/sites/hr', 'selected')).status, 403);
  t.is((await server.call('GET', '/v1.0/sites/root:/sites/hr', { token: 'nobody' })).status, 403);
  t.is((await server.call('GET', '/v1.0/sites/root:/sites/hr', { token: 'reader' })).status, 200);
  t.is((await server.call('GET', '/v1.0/sites/root:/sites/none', { token: 'nobody' })).status, 403);
  const refused = await server.call('GET', '/v1.0/sites/root', { token: 'stranger' });
  t.is(refused.status, 401);
  t.is(refused.json.error.code, 'InvalidAuthenticationToken');
  const body = { roles: ['write'], grantedToIdentities: [{ application: { id: 'selected', displayName: 'S' } }] }; // oxfmt-ignore
  const grant = (token: string) => server.call('POST', '/v1.0/sites/root:/sites/hr:/permissions', { body, token }); // oxfmt-ignore
  t.is((await grant('app')).status, 403);
  t.is((await grant('full')).status, 201);
  t.is((await content('/sites/hr', 'selected')).status, 200);
  t.is((await content('/sites/migration', 'selected')).status, 403);
});

test('tokens are checked for the API that is asked', async (t) => {
  const server = await startGraph(t);
  const graph = 'app@https://graph.microsoft.com';
  const sharepoint = 'app@https://contoso.sharepoint.com';
  t.is((await server.call('GET', `${drive}/root`, { token: graph })).status, 200);
  t.is((await server.call('GET', `${drive}/root`, { token: sharepoint })).status, 401);
  t.is((await server.call('GET', '/sites/hr/_api/v2.0/drive', { token: sharepoint })).status, 200);
  const wrong = await server.call('GET', '/sites/hr/_api/v2.0/drive', { token: graph });
  t.is(wrong.status, 401);
  t.truthy(wrong.json.error.innererror);
  const personal = 'app@https://contoso-my.sharepoint.com';
  t.is((await server.call('GET', '/personal/ann_contoso_com/_api/v2.0/drive', { token: personal })).status, 200); // oxfmt-ignore
});

test('sites are found by their titles', async (t) => {
  const server = await startGraph(t);
  const search = async (text: string) => (await server.call('GET', `/v1.0/sites?search=${text}`)).json.value; // oxfmt-ignore
  t.deepEqual(
    (await search('human')).map((site: { name: string }) => site.name),
    ['hr'],
  );
  t.is((await search('*')).length, 4);
});
