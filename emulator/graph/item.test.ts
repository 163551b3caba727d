// Items: reading, writing, renaming, deleting, and the tags that tell what changed.
import test from 'ava';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startGraph, type GraphServer } from './testing/graph-server.ts';

const drive = '/v1.0/sites/root:/sites/migration:/drive';
const onDisk = (server: GraphServer, name: string) =>
  path.join(server.dataFolder, 'content/sites/migration/Shared Documents', name);

const put = async (server: GraphServer, name: string, body = 'text', more = {}) =>
  server.call('PUT', `${drive}/root:/${name}:/content`, { body, ...more });

test('a small upload creates, then replaces, and keeps the version before', async (t) => {
  const server = await startGraph(t);
  const first = await put(server, 'a.txt', 'hello world');
  t.is(first.status, 201);
  t.is(first.json.file.hashes.quickXorHash, 'aCgDG9jwBhDc4Q1yawMZAAAAAAA=');
  t.is(first.json.file.mimeType, 'text/plain');
  t.is(first.json.createdDateTime, '2026-01-01T00:00:00Z');
  const second = await put(server, 'A.TXT', 'other');
  t.is(second.status, 200);
  t.is(second.json.name, 'a.txt');
  t.is(second.json.id, first.json.id);
  const item = `${drive}/items/${first.json.id}`;
  const versions = await server.call('GET', `${item}/versions`);
  t.deepEqual(versions.json.value.map((each: { id: string; size: number }) => [each.id, each.size]), [['2.0', 5], ['1.0', 11]]); // oxfmt-ignore
  const old = await server.call('GET', `${item}/versions/1.0/content`);
  t.is(old.status, 302);
  t.is((await server.call('GET', old.headers.get('location')!, { token: '' })).text, 'hello world');
  t.is((await server.call('POST', `${item}/versions/1.0/restoreVersion`)).status, 204);
  t.is(readFileSync(onDisk(server, 'a.txt'), 'utf8'), 'hello world');
  t.is((await server.call('GET', item)).json.size, 11);
  t.is((await server.call('DELETE', `${item}/versions/3.0`)).status, 400);
  t.is((await server.call('DELETE', `${item}/versions/2.0`)).status, 204);
  t.is((await server.call('GET', `${item}/versions`)).json.value.length, 2);
  t.is((await server.call('GET', `${item}/versions/2.0/content`)).status, 404);
});

test('conflict behaviour and If-Match hold for small uploads', async (t) => {
  const server = await startGraph(t);
  const first = await put(server, 'a.txt');
  const behave = (behavior: string) => server.call('PUT', `${drive}/root:/a.txt:/content?@microsoft.graph.conflictBehavior=${behavior}`, { body: 'x' }); // oxfmt-ignore
  t.is((await behave('fail')).status, 409);
  const renamed = await behave('rename');
  t.is(renamed.status, 201);
  t.is(renamed.json.name, 'a 1.txt');
  t.is((await behave('replace')).status, 200);
  const stale = await put(server, 'a.txt', 'y', { headers: { 'if-match': first.json.eTag } });
  t.is(stale.status, 412);
  t.is(stale.json.error.innerError.code, 'entityTagDoesNotMatch');
  t.is(
    (await put(server, 'a.txt', '')).json.file.hashes.quickXorHash,
    'AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  );
});

test('what is too large for one request is refused before it comes', async (t) => {
  const server = await startGraph(t);
  const { graph } = server;
  const { Readable } = await import('node:stream');
  const url = new URL(`${server.origin}${drive}/root:/a.bin:/content`);
  const reply = await graph.handle({ method: 'PUT', url, target: '', headers: { authorization: 'Bearer app', 'content-length': '262144001' }, body: Readable.from([]), effects: {} }); // oxfmt-ignore
  t.is(reply.status, 413);
});

test('names that SharePoint refuses are refused', async (t) => {
  const server = await startGraph(t);
  const bad = ['a*b', 'a:b', 'a"b', 'a|b', 'a?b', ' a', 'a ', 'a.', 'con', 'LPT1', '.lock', 'desktop.ini', '~$a', 'x_vti_y', 'forms', 'a&#12;b', 'a\u0001', 'x'.repeat(256)]; // oxfmt-ignore
  for (const name of bad) {
    const answer = await server.call('POST', `${drive}/root/children`, { body: { name, folder: {} } }); // oxfmt-ignore
    t.is(answer.status, 400, name);
    t.is(answer.json.error.code, 'invalidRequest', name);
  }
  for (const name of ['.hidden', '#1', '50%', 'con.txt', 'a&b', 'ä', '日本語'.repeat(60)])
    t.is((await put(server, encodeURIComponent(name))).status, 201, name);
  const folder = await server.call('POST', `${drive}/root/children`, { body: { name: '~a', folder: {} } }); // oxfmt-ignore
  t.is(folder.status, 400);
  const deep = `${'d'.repeat(180)}/${'e'.repeat(180)}`;
  t.is((await put(server, `${deep}/file.txt`)).json.error.innerError.code, 'pathIsTooLong');
});

test('names are the same whatever their case and however accents are composed', async (t) => {
  const server = await startGraph(t);
  const composed = await put(server, encodeURIComponent('Caf\u00e9.txt'));
  const decomposed = await put(server, encodeURIComponent('CAFE\u0301.TXT'), 'other');
  t.is(decomposed.status, 200);
  t.is(decomposed.json.id, composed.json.id);
});

test('folders: fail, rename, or take what is there; both spellings', async (t) => {
  const server = await startGraph(t);
  const make = (body: object) => server.call('POST', `${drive}/root/children`, { body: { name: 'a', folder: {}, ...body } }); // oxfmt-ignore
  const first = await make({});
  t.is(first.status, 201);
  t.is(first.json.folder.childCount, 0);
  t.is(first.json.cTag, undefined);
  const again = await make({ '@name.conflictBehavior': 'fail', folder: { childCount: 0 } });
  t.is(again.status, 409);
  t.is(again.json.error.code, 'nameAlreadyExists');
  t.is((await make({ '@microsoft.graph.conflictBehavior': 'rename' })).json.name, 'a 1');
  t.is((await make({ '@microsoft.graph.conflictBehavior': 'replace' })).json.id, first.json.id);
});

test('PATCH renames, moves and redates; tags and versions tell which', async (t) => {
  const server = await startGraph(t);
  const { json: item } = await put(server, 'a/x.txt');
  await put(server, 'b/y.txt');
  const folder = (await server.call('GET', `${drive}/root:/b`)).json;
  const patch = async (body: object) => server.call('PATCH', `${drive}/items/${item.id}`, { body });
  const upper = await patch({ name: 'X.TXT' });
  t.is(upper.json.name, 'X.TXT');
  t.is(upper.json.cTag, item.cTag);
  t.regex(upper.json.eTag, /,2"$/);
  const moved = await patch({ parentReference: { driveId: item.parentReference.driveId, id: folder.id, path: '', driveType: '' } }); // oxfmt-ignore
  t.is(moved.json.parentReference.id, folder.id);
  t.true(existsSync(onDisk(server, 'b/X.TXT')));
  t.is((await patch({ name: 'y.txt' })).status, 409);
  const times = { createdDateTime: '2001-01-01T00:00:00Z', lastModifiedDateTime: '2002-01-01T00:00:00Z' }; // oxfmt-ignore
  const redated = await patch({ fileSystemInfo: times });
  t.deepEqual(redated.json.fileSystemInfo, times);
  t.is(redated.json.cTag, item.cTag);
  t.is((await server.call('GET', `${drive}/items/${item.id}/versions`)).json.value.length, 2);
  t.is((await patch({ fileSystemInfo: { createdDateTime: 'yesterday' } })).status, 400);
  const into = await server.call('PATCH', `${drive}/root:/b`, { body: { parentReference: { id: folder.id } } }); // oxfmt-ignore
  t.is(into.status, 400);
  t.is((await server.call('GET', `${drive}/root`)).json.size, 8);
});

test('what is deleted can be restored, unless it was deleted for good', async (t) => {
  const server = await startGraph(t);
  await put(server, 'a/b/x.txt');
  const folder = (await server.call('GET', `${drive}/root:/a`)).json;
  t.is((await server.call('DELETE', `${drive}/root:/a`)).status, 204);
  t.is((await server.call('GET', `${drive}/root:/a/b/x.txt`)).status, 404);
  t.false(existsSync(onDisk(server, 'a')));
  await server.restart();
  t.is((await server.call('GET', `${drive}/root`)).json.size, 0);
  const restored = await server.call('POST', `${drive}/items/${folder.id}/restore`, { body: {} });
  t.is(restored.status, 200);
  t.is((await server.call('GET', `${drive}/root:/a/b/x.txt`)).json.size, 4);
  t.is((await server.call('GET', `${drive}/root`)).json.size, 4);
  t.is(readFileSync(onDisk(server, 'a/b/x.txt'), 'utf8'), 'text');
  t.is((await server.call('POST', `${drive}/items/${folder.id}/permanentDelete`)).status, 204);
  t.is(
    (await server.call('POST', `${drive}/items/${folder.id}/restore`, { body: {} })).status,
    404,
  );
});

test('contents are given out whole, in ranges, or not again', async (t) => {
  const server = await startGraph(t);
  const { json: item } = await put(server, 'a.txt', '0123456789');
  const redirect = await server.call('GET', `${drive}/items/${item.id}/content`);
  t.is(redirect.status, 302);
  const url = redirect.headers.get('location')!;
  t.regex(
    url,
    /^http:\/\/127\.0\.0\.1:\d+\/sites\/migration\/_layouts\/15\/download\.aspx\?UniqueId=/,
  );
  const get = (headers: Record<string, string> = {}) => server.call('GET', url, { token: '', headers }); // oxfmt-ignore
  t.is((await get()).text, '0123456789');
  const ranges: [string, number, string, string | null][] = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-1,3-4', 200, '0123456789', null],
  ];
  for (const [range, status, text, contentRange] of ranges) {
    const answer = await get({ range });
    t.is(answer.status, status, range);
    t.is(answer.text, text, range);
    t.is(answer.headers.get('content-range'), contentRange, range);
  }
  const beyond = await get({ range: 'bytes=10-' });
  t.is(beyond.status, 416);
  t.is(beyond.headers.get('content-range'), 'bytes */10');
  t.is((await get({ 'if-none-match': item.cTag })).status, 304);
  t.is((await server.call('GET', url)).status, 200);
  t.is(server.graph.stats().strayTokens, 1);
  server.nowMs += 3_600_000;
  t.is((await get()).status, 401);
});

test('only what is selected is told, and some of it only then', async (t) => {
  const server = await startGraph(t);
  const { json: item } = await put(server, 'a.txt');
  const get = async (select: string) => (await server.call('GET', `${drive}/items/${item.id}?$select=${select}`)).json; // oxfmt-ignore
  const some = await get('id,name');
  t.deepEqual(Object.keys(some).sort(), ['@odata.context', '@odata.etag', 'id', 'name']);
  t.regex((await get('id,@microsoft.graph.downloadUrl'))['@microsoft.graph.downloadUrl'], /^http/);
  t.regex((await get('sharepointIds')).sharepointIds.listItemUniqueId, /^[0-9a-f-]{36}$/);
  t.regex(item['@microsoft.graph.downloadUrl'], /^http/);
  server.effects = { omitHash: true };
  t.is((await server.call('GET', `${drive}/items/${item.id}`)).json.file.hashes, undefined);
});

test('a locked item refuses every change, and only that', async (t) => {
  const server = await startGraph(t);
  await put(server, 'a.txt');
  server.graph.lock('/sites/migration/Shared Documents/a.txt');
  const refusals = [
    await put(server, 'a.txt', 'x'),
    await server.call('PATCH', `${drive}/root:/a.txt`, { body: { name: 'b.txt' } }),
    await server.call('DELETE', `${drive}/root:/a.txt`),
    await server.call('POST', `${drive}/root:/a.txt:/createUploadSession`, { body: {} }),
  ];
  for (const refusal of refusals) {
    t.is(refusal.status, 423);
    t.is(refusal.json.error.code, 'notAllowed');
    t.is(refusal.json.error.innerError.code, 'resourceLocked');
    t.is(refusal.json.error.message, 'The resource you are attempting to access is locked');
  }
  t.is((await server.call('GET', `${drive}/root:/a.txt`)).status, 200);
  server.graph.unlock('/sites/migration/Shared Documents/a.txt');
  t.is((await put(server, 'a.txt', 'x')).status, 200);
});

test('a library that requires check-out hides what is not checked in', async (t) => {
  const server = await startGraph(t);
  const { json } = await server.call('GET', '/v1.0/sites/root:/sites/hr:/drives', { token: 'ann' });
  const records = `/v1.0/drives/${json.value[1].id}`;
  const upload = () => server.call('PUT', `${records}/root:/a.txt:/content`, { body: 'x', token: 'ann' }); // oxfmt-ignore
  const item = await upload();
  t.is(item.json.publication.level, 'checkout');
  const file = `${records}/items/${item.json.id}`;
  t.is((await server.call('GET', file, { token: 'ben' })).status, 404);
  t.deepEqual(
    (await server.call('GET', `${records}/root/children`, { token: 'ben' })).json.value,
    [],
  );
  t.is((await server.call('GET', file, { token: 'ann' })).status, 200);
  t.is((await server.call('POST', `${file}/checkin`, { body: { comment: '' }, token: 'ann' })).status, 204); // oxfmt-ignore
  const seen = await server.call('GET', file, { token: 'ben' });
  t.is(seen.json.publication.level, 'published');
  t.is((await server.call('POST', `${file}/checkout`, { token: 'ben' })).status, 204);
  t.is((await upload()).status, 423);
  t.is((await server.call('PUT', `${file}/content`, { body: 'long', token: 'ben' })).status, 200);
  t.is((await server.call('POST', `${file}/discardCheckout`, { token: 'ben' })).status, 204);
  t.is((await server.call('GET', file)).json.size, 1);
  t.is((await upload()).status, 200);
});

test('a library that requires check-out has files renamed, moved and dated only while they are checked out', async (t) => {
  const server = await startGraph(t);
  const ann = { token: 'ann' };
  const { json } = await server.call('GET', '/v1.0/sites/root:/sites/hr:/drives', ann);
  const records = `/v1.0/drives/${json.value[1].id}`;
  const item = await server.call('PUT', `${records}/root:/a.txt:/content`, { body: 'x', ...ann });
  const file = `${records}/items/${item.json.id}`;
  const fileSystemInfo = { lastModifiedDateTime: '2020-01-01T00:00:00Z' };
  const rename = (name: string) => server.call('PATCH', file, { body: { name, fileSystemInfo }, ...ann }); // oxfmt-ignore
  t.is((await rename('b.txt')).status, 200, 'it is still checked out');
  const checkIn = () => server.call('POST', `${file}/checkin`, { body: { comment: '' }, ...ann });
  t.is((await checkIn()).status, 204);
  const refused = await rename('c.txt');
  t.is(refused.status, 423);
  t.regex(refused.json.error.message, /^The file is not checked out\./);
  t.is((await server.call('GET', file, ann)).json.name, 'b.txt');
  t.is((await server.call('POST', `${file}/checkout`, ann)).status, 204);
  t.is((await rename('c.txt')).status, 200);
  t.is((await checkIn()).status, 204);
  const folder = await server.call('POST', `${records}/root/children`, { body: { name: 'd', folder: {} }, ...ann }); // oxfmt-ignore
  const dated = await server.call('PATCH', `${records}/items/${folder.json.id}`, { body: { fileSystemInfo }, ...ann }); // oxfmt-ignore
  t.is(dated.status, 200, 'a folder cannot be checked out');
});
