// Every way to address a site, a drive or an item leads to the same one.
import test from 'ava';
import { parseAddress } from './address.ts';
import { startGraph } from './testing/graph-server.ts';

test('addresses are taken apart', (t) => {
  const word = (text: string) => ({ kind: 'word', text });
  const path = (...names: string[]) => ({ kind: 'path', names });
  const table: [string, string, unknown[]][] = [
    ['/v1.0/drives/b!x/root', '/v1.0', [word('drives'), word('b!x'), word('root')]],
    ['/beta/drives/b!x/root:/a%20b/c', '/beta', [word('drives'), word('b!x'), word('root'), path('a b', 'c')]], // oxfmt-ignore
    ['/v1.0/drives/D/items/I:/n:', '/v1.0', [word('drives'), word('D'), word('items'), word('I'), path('n')]], // oxfmt-ignore
    ['/v1.0/drives/D/root:/a:/content', '/v1.0', [word('drives'), word('D'), word('root'), path('a'), word('content')]], // oxfmt-ignore
    ['/v1.0/drives/D/root:/:/children', '/v1.0', [word('drives'), word('D'), word('root'), path(), word('children')]], // oxfmt-ignore
    ['/v1.0/sites/h:/sites/hr:/drive/root:/a', '/v1.0', [word('sites'), word('h'), path('sites', 'hr'), word('drive'), word('root'), path('a')]], // oxfmt-ignore
    [
      "/v1.0/drives('D')/items('I')",
      '/v1.0',
      [word('drives'), word('D'), word('items'), word('I')],
    ],
    ['/sites/a b/_api/v2.0/drive', '/sites/a b/_api/v2.0', [word('drive')]],
    ['/v1.0/drives/D/items/root%3A%2Fa%20b%2Fc%3A/content', '/v1.0', [word('drives'), word('D'), word('items'), word('root'), path('a b', 'c'), word('content')]], // oxfmt-ignore
    ['/_api/v2.1/drives', '/_api/v2.1', [word('drives')]],
    ['/v1.0/me/drive/microsoft.graph.delta', '/v1.0', [word('me'), word('drive'), word('delta')]],
  ];
  for (const [text, prefix, parts] of table) {
    const address = parseAddress(text);
    t.is(address?.prefix, prefix, text);
    t.deepEqual(address?.parts as unknown[], parts, text);
  }
  t.is(parseAddress('/v1.00/drives'), undefined);
  t.is(parseAddress('/common/oauth2'), undefined);
  t.throws(() => parseAddress('/v1.0/drives/%E0'));
});

test('all ways lead to the same item', async (t) => {
  const server = await startGraph(t);
  const get = async (target: string, token = 'app') => (await server.call('GET', target, { token })).json; // oxfmt-ignore
  const site = await get('/v1.0/sites/contoso.sharepoint.com:/sites/hr');
  t.regex(site.id, /^contoso\.sharepoint\.com,[0-9a-f-]{36},[0-9a-f-]{36}$/);
  for (const target of [
    '/v1.0/sites/root:/sites/HR',
    '/v1.0/sites/contoso.sharepoint.com:/sites/hr:',
    `/v1.0/sites/${site.id}`,
    `/beta/sites/${site.id.split(',')[1]}`,
  ])
    // oxfmt-ignore
    t.is((await get(target)).id, site.id, target);
  t.is((await get('/v1.0/sites/root')).webUrl, 'https://contoso.sharepoint.com');
  const { value: drives } = await get('/v1.0/sites/contoso.sharepoint.com:/sites/hr:/drives');
  t.deepEqual(drives.map((drive: { name: string }) => drive.name), ['Documents', 'Records', 'Policies']); // oxfmt-ignore
  t.is(drives[0].webUrl, 'https://contoso.sharepoint.com/sites/hr/Shared%20Documents');
  t.is(drives[2].webUrl, 'https://contoso.sharepoint.com/sites/hr/HRPolicies');
  t.regex(drives[0].id, /^b![\w-]{64}$/);
  const driveId = drives[0].id;
  t.is((await get(`/v1.0/sites/${site.id}/drive`)).id, driveId);
  const { value: lists } = await get(
    `/v1.0/sites/${site.id}/lists?$select=id,displayName,list,drive`,
  );
  t.is(lists[0].list.template, 'documentLibrary');
  t.is(lists[0].drive.id, driveId);
  t.is((await get(`/v1.0/sites/${site.id}/lists/${lists[0].id}/drive`)).id, driveId);
  t.is((await get(`/v1.0/sites/${site.id}/lists/Documents/drive`)).id, driveId);

  const root = await get(`/v1.0/drives/${driveId}/root`);
  t.true(root.id.endsWith('V6Y2GOVW7725BZO354PWSELRRZ'));
  t.is(root.parentReference.path, undefined);
  const folder = await server.call('POST', `/v1.0/drives/${driveId}/root/children`, { body: { name: "It's (50%) #1+2", folder: {} } }); // oxfmt-ignore
  t.is(folder.status, 201);
  const name = encodeURIComponent("It's (50%) #1+2");
  const put = await server.call('PUT', `/v1.0/drives/${driveId}/root:/${name}/a.txt:/content`, { body: 'text' }); // oxfmt-ignore
  t.is(put.status, 201);
  const { id } = put.json;
  t.regex(id, /^01[A-Z2-7]{32}$/);
  const ways = [
    `/v1.0/drives/${driveId}/items/${id}`,
    `/v1.0/drives/${driveId}/root:/${name}/a.txt`,
    `/v1.0/drives/${driveId}/root:/${name}/A.TXT:`,
    `/v1.0/drives/${driveId}/root:/${name}/a.txt:/`,
    `/v1.0/drives/${driveId}/items/${folder.json.id}:/a.txt:`,
    `/v1.0/drives/${driveId}/items/root:/${name}/a.txt`,
    `/v1.0/drives/${driveId}/items/${encodeURIComponent(`root:/${decodeURIComponent(name)}/a.txt:`)}`,
    `/v1.0/sites/contoso.sharepoint.com:/sites/hr:/drive/root:/${name}/a.txt`,
    `/v1.0/sites/${site.id}/drives/${driveId}/items/${id}`,
    `/v1.0/shares/u!${Buffer.from(put.json.webUrl).toString('base64url')}/driveItem`,
    `/sites/hr/_api/v2.0/drive/root:/${name}/a.txt`,
    `/_api/v2.1/drives/${driveId}/items/${id}`,
  ];
  for (const way of ways) t.is((await get(way)).id, id, way);
  t.is(put.json.parentReference.path, `/drives/${driveId}/root:/${name}`);
});

test('a user has a OneDrive', async (t) => {
  const server = await startGraph(t);
  const get = async (target: string, token = 'ann') => server.call('GET', target, { token });
  const mine = await get('/v1.0/me/drive');
  t.is(mine.json.driveType, 'business');
  t.is(mine.json.webUrl, 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents');
  t.is(mine.json.owner.user.email, 'ann@contoso.com');
  t.true(mine.json.quota.remaining > 0);
  const { id } = server.tenant.users[0]!;
  for (const way of [
    '/v1.0/me/drives',
    '/v1.0/users/ann@contoso.com/drive',
    `/v1.0/users/${id}/drive`,
  ]) {
    const answer = await get(way);
    t.is((answer.json.value?.[0] ?? answer.json).id, mine.json.id, way);
  }
  t.is((await get('/v1.0/me')).json.userPrincipalName, 'ann@contoso.com');
  t.is((await get(`/v1.0/users/${id}`, 'app')).json.mail, 'ann@contoso.com');
  t.is((await get('/v1.0/me/drive', 'app')).status, 400);
  t.is((await get('/v1.0/users/nobody@contoso.com/drive')).status, 404);
  await server.call('PUT', '/v1.0/me/drive/root:/a/b.txt:/content', { body: 'x', token: 'ann' });
  const item = await get('/v1.0/me/drive/root:/a/b.txt');
  t.is(item.json.parentReference.path, '/drive/root:/a');
  t.is(item.json.createdBy.user.email, 'ann@contoso.com');
});

test('what is not there, not offered or not understood is answered so', async (t) => {
  const server = await startGraph(t);
  const drive = '/v1.0/sites/root/drive';
  const table: [method: string, target: string, status: number, code: string][] = [
    ['GET', '/v1.0/sites/contoso.sharepoint.com:/sites/none', 404, 'itemNotFound'],
    ['GET', '/v1.0/drives/nonsense', 400, 'invalidRequest'],
    ['GET', `/v1.0/drives/b!${'a'.repeat(64)}`, 404, 'itemNotFound'],
    ['GET', `${drive}/root:/none`, 404, 'itemNotFound'],
    ['GET', `${drive}/root:/none/below`, 404, 'itemNotFound'],
    ['GET', `${drive}/items/01AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`, 404, 'itemNotFound'],
    ['GET', `${drive}/root/nonsense`, 501, 'notSupported'],
    ['POST', `${drive}/root/versions`, 405, 'notAllowed'],
    ['DELETE', '/v1.0/sites/root', 405, 'notAllowed'],
    ['GET', '/v1.0/nonsense', 400, 'invalidRequest'],
    ['GET', '/nonsense', 501, 'notSupported'],
    ['DELETE', `${drive}/root`, 400, 'invalidRequest'],
    ['GET', `${drive}/root/children?$top=-1`, 400, 'invalidRequest'],
    ['GET', `${drive}/root/children?$filter=a`, 501, 'notSupported'],
    ['POST', `${drive}/root/children`, 400, 'invalidRequest'],
  ];
  for (const [method, target, status, code] of table) {
    const answer = await server.call(method, target, { headers: { 'client-request-id': 'mine' } });
    t.is(answer.status, status, `${method} ${target}`);
    t.is(answer.json.error.code, code, `${method} ${target}`);
    t.is(answer.json.error.innerError['client-request-id'], 'mine');
    t.is(answer.json.error.innerError['request-id'], answer.headers.get('request-id'));
    t.is(answer.headers.get('client-request-id'), 'mine');
  }
  t.is((await server.call('POST', `${drive}/root/children`, { body: '{"name"' })).status, 400);
});

test('addresses without a header are on another host, and say who they are for', async (t) => {
  const server = await startGraph(t);
  const { graph } = server;
  const { Readable } = await import('node:stream');
  const ask = async (url: string) => {
    const reply = await graph.handle({ method: 'POST', url: new URL(url), target: '', headers: { authorization: 'Bearer app' }, body: Readable.from(['{}']), effects: {} }); // oxfmt-ignore
    return new URL((JSON.parse(reply.body as string) as { uploadUrl: string }).uploadUrl).origin;
  };
  const path = (name: string, site = '') => `/v1.0/sites/root${site}/drive/root:/${name}:/createUploadSession`; // oxfmt-ignore
  t.is(await ask(`https://graph.microsoft.com${path('a')}`), 'https://contoso.sharepoint.com');
  t.is(await ask(`https://graph.microsoft.com:8443${path('b')}`), 'https://contoso.sharepoint.com:8443'); // oxfmt-ignore
  t.is(await ask('https://graph.microsoft.com/v1.0/users/ann@contoso.com/drive/root:/a:/createUploadSession'), 'https://contoso-my.sharepoint.com'); // oxfmt-ignore
  t.is(await ask(`http://localhost:8080${path('c')}`), 'http://127.0.0.1:8080');
  t.is(await ask(`http://127.0.0.1:8080${path('d')}`), 'http://localhost:8080');
});
