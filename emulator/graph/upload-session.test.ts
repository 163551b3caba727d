// Upload sessions: what comes in order becomes a file, and everything else is refused as the service refuses it.
import test from 'ava';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { quickXorHash } from '../../lib/quick-xor-hash.ts';
import { startGraph, type GraphServer } from './testing/graph-server.ts';

const site = '/v1.0/sites/contoso.sharepoint.com:/sites/migration:/drive/root:';

async function open(server: GraphServer, name: string, body: unknown = {}, more = {}) {
  return server.call('POST', `${site}/${name}:/createUploadSession`, { body, ...more });
}

/** Sends bytes to an upload address, without any token. */
async function put(
  server: GraphServer,
  url: string,
  bytes: Uint8Array,
  start: number,
  total: number,
) {
  // oxfmt-ignore
  const range = `bytes ${start}-${start + bytes.length - 1}/${total}`;
  return server.call('PUT', url, { body: bytes, headers: { 'content-range': range }, token: '' });
}

const hashOf = (bytes: Uint8Array) => Buffer.from(quickXorHash(bytes)).toString('base64');

test('fragments of any length become a file with the hash of its content', async (t) => {
  const server = await startGraph(t);
  const content = randomBytes(1_000_003);
  const times = { createdDateTime: '2020-01-02T03:04:05Z', lastModifiedDateTime: '2021-02-03T04:05:06Z' }; // oxfmt-ignore
  const session = await open(server, 'a/b/big file.bin', { item: { fileSystemInfo: times } });
  t.is(session.status, 200);
  t.deepEqual(session.json.nextExpectedRanges, ['0-']);
  const url: string = session.json.uploadUrl;
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/sites\/migration\/_api\/v2\.0\/drives\/b![\w-]{64}\/items\/01[A-Z2-7]{32}\/uploadSession\?guid='[\w-]{36}'&path='~tmp\w\w_big%20file\.bin'&overwrite=True&rename=False&dc=0&tempauth=/); // oxfmt-ignore
  for (const [start, end] of [
    [0, 7],
    [7, 327_680],
    [327_680, 900_000],
  ] as const) {
    // oxfmt-ignore
    const answer = await put(server, url, content.subarray(start, end), start, content.length);
    t.is(answer.status, 202);
    t.deepEqual(answer.json.nextExpectedRanges, [`${end}-`]);
  }
  const last = await put(server, url, content.subarray(900_000), 900_000, content.length);
  t.is(last.status, 201);
  t.is(last.json.name, 'big file.bin');
  t.is(last.json.size, content.length);
  t.is(last.json.file.hashes.quickXorHash, hashOf(content));
  t.deepEqual(last.json.fileSystemInfo, times);
  t.regex(last.json.eTag, /^"\{[0-9A-F-]{36}\},1"$/);
  t.regex(last.json.cTag, /^"c:\{[0-9A-F-]{36}\},1"$/);
  const place = path.join(server.dataFolder, 'content/sites/migration/Shared Documents/a/b/big file.bin'); // oxfmt-ignore
  t.true(readFileSync(place).equals(content));
  t.is((await server.call('GET', url, { token: '' })).status, 404);
});

test('a second session for the same file is refused until the first ends', async (t) => {
  const server = await startGraph(t);
  const first = await open(server, 'Name.txt');
  const second = await open(server, 'nAME.TXT', { item: { '@microsoft.graph.conflictBehavior': 'replace' } }); // oxfmt-ignore
  t.is(second.status, 409);
  t.is(second.json.error.code, 'nameAlreadyExists');
  t.is((await server.call('DELETE', first.json.uploadUrl, { token: '' })).status, 204);
  t.is((await server.call('DELETE', first.json.uploadUrl, { token: '' })).status, 404);
  t.is((await open(server, 'Name.txt')).status, 200);
  server.nowMs += 15 * 60_000;
  t.is((await open(server, 'Name.txt')).status, 200);
});

test('fragments out of turn are refused with the bodies that clients know', async (t) => {
  const server = await startGraph(t);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  const bytes = randomBytes(20);
  t.is((await put(server, uploadUrl, bytes.subarray(0, 10), 0, 20)).status, 202);
  const again = await put(server, uploadUrl, bytes.subarray(0, 10), 0, 20);
  t.is(again.status, 416);
  t.is(again.json.error.code, 'invalidRange');
  t.is(again.json.error.message, 'Uploaded fragment overlaps with existing data.');
  t.is(again.json.error.innererror.code, 'fragmentOverlap');
  const ahead = await put(server, uploadUrl, bytes.subarray(15), 15, 20);
  t.is(ahead.status, 416);
  t.is(ahead.json.error.innererror.code, 'fragmentOutOfOrder');
  const other = await put(server, uploadUrl, bytes.subarray(10), 10, 21);
  t.is(other.status, 400);
  t.is(other.json.error.innererror.code, 'fragmentLengthMismatch');
  const status = await server.call('GET', uploadUrl);
  t.is(status.status, 200);
  t.deepEqual(status.json.nextExpectedRanges, ['10-']);
  const done = await put(server, uploadUrl, bytes.subarray(10), 10, 20);
  t.is(done.status, 201);
  t.is(done.json.file.hashes.quickXorHash, hashOf(bytes));
});

test('headers that make no sense are refused', async (t) => {
  const server = await startGraph(t);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  const bad: [range: string | undefined, body: string, message: RegExp][] = [
    [undefined, 'abc', /Content-Range header is missing or malformed/],
    ['bytes 0-2', 'abc', /missing or malformed/],
    ['bytes 2-0/3', 'abc', /missing or malformed/],
    ['bytes 0-3/3', 'abcd', /missing or malformed/],
    ['bytes 0--1/0', '', /missing or malformed/],
    ['bytes 0-3/9', 'abc', /does not match the provided number of bytes/],
  ];
  for (const [range, body, message] of bad) {
    const headers: Record<string, string> = range === undefined ? {} : { 'content-range': range };
    const answer = await server.call('PUT', uploadUrl, { body, headers, token: '' });
    t.is(answer.status, 400, range);
    t.is(answer.json.error.code, 'invalidRequest');
    t.regex(answer.json.error.message, message);
  }
  const long = await server.call('PUT', uploadUrl, { body: 'a', headers: { 'content-range': 'bytes 0-62914560/99999999' } }); // oxfmt-ignore
  t.is(long.status, 413);
});

test('a session outlives a restart, and so does what had arrived', async (t) => {
  const server = await startGraph(t);
  const content = randomBytes(700_000);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  t.is((await put(server, uploadUrl, content.subarray(0, 327_680), 0, content.length)).status, 202);
  await server.restart();
  t.is((await open(server, 'a.bin')).status, 409);
  t.deepEqual((await server.call('GET', uploadUrl)).json.nextExpectedRanges, ['327680-']);
  const done = await put(server, uploadUrl, content.subarray(327_680), 327_680, content.length);
  t.is(done.status, 201);
  t.is(done.json.file.hashes.quickXorHash, hashOf(content));
});

test('an upload replaces by default, renames or fails when it is told so', async (t) => {
  const server = await startGraph(t);
  const upload = async (behavior?: string) => {
    const item = behavior === undefined ? {} : { '@microsoft.graph.conflictBehavior': behavior };
    const session = await open(server, 'a.txt', { item });
    if (session.status !== 200) return session;
    return put(server, session.json.uploadUrl, Buffer.from('text'), 0, 4);
  };
  t.is((await upload()).status, 201);
  const replaced = await upload();
  t.is(replaced.status, 200);
  t.regex(replaced.json.cTag, /,2"$/);
  const renamed = await upload('rename');
  t.is(renamed.status, 201);
  t.is(renamed.json.name, 'a 1.txt');
  t.is((await upload('fail')).status, 409);
});

test('a commit that fails keeps its bytes for another name', async (t) => {
  const server = await startGraph(t);
  const item = { '@microsoft.graph.conflictBehavior': 'fail' };
  const { uploadUrl } = (await open(server, 'a.txt', { item })).json;
  t.is((await server.call('PUT', `${site}/a.txt:/content`, { body: 'first' })).status, 201);
  const refused = await put(server, uploadUrl, Buffer.from('second'), 0, 6);
  t.is(refused.status, 409);
  t.is(refused.json.error.code, 'nameAlreadyExists');
  const body = { name: 'b.txt', '@microsoft.graph.sourceUrl': uploadUrl };
  const done = await server.call('PUT', `${site}/b.txt`, { body });
  t.is(done.status, 201);
  t.is(done.json.name, 'b.txt');
  t.is(done.json.size, 6);
});

test('a deferred commit waits for a POST', async (t) => {
  const server = await startGraph(t);
  const { uploadUrl } = (await open(server, 'a.txt', { deferCommit: true })).json;
  t.is(
    (await server.call('POST', uploadUrl)).json.error.innererror.code,
    'uploadSessionIncomplete',
  );
  t.is((await put(server, uploadUrl, Buffer.from('text'), 0, 4)).status, 202);
  t.is((await server.call('GET', `${site}/a.txt`)).status, 404);
  await server.restart();
  t.is((await server.call('POST', uploadUrl)).status, 201);
  t.is((await server.call('GET', `${site}/a.txt`)).json.size, 4);
});

test('If-Match is held against the file at the begin and at the end', async (t) => {
  const server = await startGraph(t);
  const first = await server.call('PUT', `${site}/a.txt:/content`, { body: 'first' });
  const match = (tag: string) => ({ headers: { 'if-match': tag } });
  t.is((await open(server, 'a.txt', {}, match('"{x},9"'))).status, 412);
  t.is((await open(server, 'a.txt', {}, match('unquoted'))).status, 400);
  const { uploadUrl } = (await open(server, 'a.txt', {}, match(first.json.cTag))).json;
  await server.call('PUT', `${site}/a.txt:/content`, { body: 'between' });
  const late = await put(server, uploadUrl, Buffer.from('late'), 0, 4);
  t.is(late.status, 412);
  t.is(late.json.error.innererror.code, 'entityTagDoesNotMatch');
});

test('bodies of sessions are checked', async (t) => {
  const server = await startGraph(t);
  const bad = [
    { item: { fileSystemInfo: { lastModifiedDateTime: '2020-01-02T03:04:05.1234567Z' } } },
    { item: { fileSystemInfo: { lastModifiedDateTime: '2020-01-02T03:04:05+01:00' } } },
    { item: { '@microsoft.graph.conflictBehavior': 'perhaps' } },
    { item: 'a' },
    { item: { name: 'b.txt' } },
  ];
  for (const body of bad)
    t.is((await open(server, 'a.txt', body)).status, 400, JSON.stringify(body));
  const folder = await server.call('POST', `${site.slice(0, -1)}/createUploadSession`, {
    body: {},
  });
  t.is(folder.status, 400);
  t.is(folder.json.error.message, 'File name not provided in url.');
});

test('a drive that is full says so', async (t) => {
  const { defaultTenant } = await import('../drive/tenant.ts');
  const tenant = defaultTenant();
  tenant.sites[1]!.libraries[0] = {
    title: 'Documents',
    urlName: 'Shared Documents',
    quotaBytes: 10,
  };
  const server = await startGraph(t, { tenant });
  t.is((await open(server, 'a.bin', { item: { fileSize: 11 } })).status, 507);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  const full = await put(server, uploadUrl, randomBytes(11), 0, 11);
  t.is(full.status, 507);
  t.is(full.json.error.code, 'quotaLimitReached');
});

test('an address for an upload is good for that only, and for a day', async (t) => {
  const server = await startGraph(t, { uploadSessionTtlMs: 48 * 3_600_000 });
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  t.is((await server.call('GET', uploadUrl.slice(0, -3) + 'AAA')).status, 401);
  const other = (await open(server, 'b.bin')).json.uploadUrl as string;
  const guid = /guid='(.*?)'/.exec(other)![1]!;
  t.is((await server.call('GET', uploadUrl.replace(/guid='.*?'/, `guid='${guid}'`))).status, 401);
  server.nowMs += 24 * 3_600_000;
  const late = await server.call('GET', uploadUrl);
  t.is(late.status, 401);
  t.is(late.json.error.innererror.code, 'expiredToken');
});

test('a fragment that breaks off leaves nothing behind', async (t) => {
  const server = await startGraph(t);
  const content = randomBytes(200_000);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  const { request } = await import('node:http');
  const headers = { 'content-range': `bytes 0-199999/200000`, 'content-length': '200000' };
  const broken = request(uploadUrl, { method: 'PUT', headers });
  const failed = new Promise((resolve) => broken.once('error', resolve));
  broken.write(content.subarray(0, 100_000), () => broken.destroy(new Error('broken off')));
  await failed;
  let answer = await put(server, uploadUrl, content, 0, content.length);
  // The server may not have seen yet that the first is gone.
  while (answer.status === 416) answer = await put(server, uploadUrl, content, 0, content.length);
  t.is(answer.status, 201);
  t.is(answer.json.file.hashes.quickXorHash, hashOf(content));
});

test('Office files are rewritten when that is wanted, and keep their parts', async (t) => {
  const { default: yazl } = await import('yazl');
  const { default: yauzl } = await import('yauzl');
  const { buffer } = await import('node:stream/consumers');
  const server = await startGraph(t);
  const zip = new yazl.ZipFile();
  zip.addBuffer(Buffer.from('<Types></Types>'), '[Content_Types].xml');
  zip.addBuffer(Buffer.from('<w:document>text</w:document>'), 'word/document.xml');
  zip.end();
  const content = await buffer(zip.outputStream);
  server.effects = { rewriteOffice: true };
  const { uploadUrl } = (await open(server, 'a.docx')).json;
  const done = await put(server, uploadUrl, content, 0, content.length);
  t.is(done.status, 201);
  t.not(done.json.size, content.length);
  const place = path.join(server.dataFolder, 'content/sites/migration/Shared Documents/a.docx');
  const kept = readFileSync(place);
  t.is(done.json.file.hashes.quickXorHash, hashOf(kept));
  const names: string[] = [];
  const opened = await yauzl.fromBufferPromise(kept);
  for await (const entry of opened.eachEntry()) {
    names.push(entry.fileName);
    if (entry.fileName === 'word/document.xml')
      t.is(String(await buffer(await opened.openReadStreamPromise(entry))), '<w:document>text</w:document>'); // oxfmt-ignore
  }
  t.deepEqual(names.sort(), ['[Content_Types].xml', 'docProps/custom.xml', 'word/document.xml']);
  const plain = await server.call('PUT', `${site}/no.docx:/content`, { body: 'no zip' });
  t.is(plain.json.size, 6);
});

test('a session can be lost', async (t) => {
  const server = await startGraph(t);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  server.effects = { loseSession: true };
  const lost = await put(server, uploadUrl, Buffer.from('a'), 0, 1);
  t.is(lost.status, 404);
  t.is(lost.json.error.innererror.code, 'uploadSessionNotFound');
  server.effects = {};
  t.is((await open(server, 'a.bin')).status, 200);
});

test('a strict service refuses what a lenient one lets pass', async (t) => {
  const server = await startGraph(t, { refuseStrayTokens: true, unalignedFragments: 'refuse' });
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  t.is((await server.call('GET', uploadUrl)).status, 401);
  t.is((await server.call('GET', uploadUrl, { token: '' })).status, 200);
  const odd = await put(server, uploadUrl, randomBytes(10), 0, 20);
  t.is(odd.status, 400);
  t.is(odd.json.error.code, 'invalidRange');
  t.is((await put(server, uploadUrl, randomBytes(20), 0, 20)).status, 201);
});

test('a session can be given up while a fragment is under way', async (t) => {
  const server = await startGraph(t);
  const { uploadUrl } = (await open(server, 'a.bin')).json;
  const { request } = await import('node:http');
  const { once } = await import('node:events');
  const headers = { 'content-range': 'bytes 0-9/10', 'content-length': '10' };
  const half = request(uploadUrl, { method: 'PUT', headers });
  half.write('01234');
  const answered = once(half, 'response') as Promise<[{ statusCode: number }]>;
  // It has begun once nobody else may send the same.
  const folder = path.join(server.dataFolder, 'system/sites/migration/Shared Documents/sessions');
  while (readdirSync(folder).length === 0) await setImmediate();
  t.is((await put(server, uploadUrl, Buffer.from('0123456789'), 0, 10)).status, 416);
  t.is((await server.call('DELETE', uploadUrl, { token: '' })).status, 204);
  half.end('56789');
  t.is((await answered)[0].statusCode, 404);
  t.deepEqual(readdirSync(folder), []);
  t.is((await server.call('GET', `${site}/a.bin`)).status, 404);
  t.is((await open(server, 'a.bin')).status, 200);
});
