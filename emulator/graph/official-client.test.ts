// The official Graph client, as it is, against the drives.
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  FileUpload,
  LargeFileUploadTask,
  OneDriveLargeFileUploadTask,
  PageIterator,
  type PageCollection,
  type UploadResult,
} from '@microsoft/microsoft-graph-client';
import { randomBytes } from 'node:crypto';
import { setDefaultCACertificates } from 'node:tls';
import { quickXorHash } from '../../lib/quick-xor-hash.ts';
import { throwAwayCertificate } from './testing/certificate.ts';
import { startGraph } from './testing/graph-server.ts';

const test = anyTest as TestFn<{ key: string; cert: string }>;

test.before(async (t) => {
  t.context = await throwAwayCertificate();
  setDefaultCACertificates([t.context.cert]);
});

async function start(t: ExecutionContext<{ key: string; cert: string }>, token = 'ann') {
  const server = await startGraph(t, { tls: t.context });
  const client = Client.init({
    authProvider: (done) => done(null, token),
    baseUrl: server.origin,
    customHosts: new Set(['localhost']),
  });
  return { server, client };
}

const drive = '/sites/root:/sites/migration:/drive';
const hashOf = (bytes: Uint8Array) => Buffer.from(quickXorHash(bytes)).toString('base64');

/** A content as the client's upload tasks take it. */
function file(content: Buffer, name: string) {
  const bytes = Uint8Array.from(content);
  return new FileUpload(bytes.buffer, name, content.length);
}

test('LargeFileUploadTask uploads, and gives its token to nobody else', async (t) => {
  const { server, client } = await start(t);
  const content = randomBytes(1_500_000);
  const session = await LargeFileUploadTask.createUploadSession(
    client,
    `${drive}/root:/folder/big.bin:/createUploadSession`,
    { item: { '@microsoft.graph.conflictBehavior': 'replace' } },
  );
  const task = new LargeFileUploadTask(client, file(content, 'big.bin'), session, { rangeSize: 327_680 }); // oxfmt-ignore
  const result: UploadResult = await task.upload();
  const item = result.responseBody as { size: number; file: { hashes: { quickXorHash: string } } };
  t.is(item.size, content.length);
  t.is(item.file.hashes.quickXorHash, hashOf(content));
  t.is(server.graph.stats().strayTokens, 0);
});

test('LargeFileUploadTask resumes where it was, and cancels', async (t) => {
  const { server, client } = await start(t);
  const content = randomBytes(1_000_000);
  const create = (name: string) => LargeFileUploadTask.createUploadSession(client, `${drive}/root:/${name}:/createUploadSession`, {}); // oxfmt-ignore
  const session = await create('resumed.bin');
  const headers = { 'content-range': 'bytes 0-655359/1000000' };
  const first = await server.call('PUT', session.url, { body: content.subarray(0, 655_360), headers, token: '' }); // oxfmt-ignore
  t.is(first.status, 202);
  const task = new LargeFileUploadTask(client, file(content, 'resumed.bin'), session, { rangeSize: 327_680 }); // oxfmt-ignore
  const result = (await task.resume()) as UploadResult;
  t.is((result.responseBody as { file: { hashes: { quickXorHash: string } } }).file.hashes.quickXorHash, hashOf(content)); // oxfmt-ignore
  const cancelled = new LargeFileUploadTask(client, file(content, 'b.bin'), await create('b.bin'));
  await cancelled.cancel();
  t.is(server.graph.stats().openSessions, 0);
});

test('OneDriveLargeFileUploadTask uploads into a OneDrive', async (t) => {
  const { client } = await start(t);
  const content = randomBytes(400_000);
  const task = await OneDriveLargeFileUploadTask.createTaskWithFileObject(
    client,
    file(content, 'mine.bin'),
    { fileName: 'mine.bin', path: '/Reports', rangeSize: 320 * 1024 },
  );
  const { responseBody } = await task.upload();
  t.is((responseBody as { name: string }).name, 'mine.bin');
  const item = await client.api('/me/drive/root:/Reports/mine.bin').get();
  t.is(item.size, content.length);
});

test('PageIterator goes through a folder', async (t) => {
  const { client } = await start(t);
  for (let number = 0; number < 7; number++)
    await client.api(`${drive}/root:/file ${number}.txt:/content`).put('text');
  const first: PageCollection = await client.api(`${drive}/root/children`).top(3).select('id,name').get(); // oxfmt-ignore
  const names: string[] = [];
  const iterator = new PageIterator(client, first, (item: { name: string }) => {
    names.push(item.name);
    return true;
  });
  await iterator.iterate();
  t.deepEqual(
    names,
    [0, 1, 2, 3, 4, 5, 6].map((number) => `file ${number}.txt`),
  );
});

test('errors, downloads and batches are what the client expects', async (t) => {
  const { client } = await start(t);
  await client.api(`${drive}/root:/a.txt:/content`).put('hello');
  const error = await t.throwsAsync(() => client.api(`${drive}/root:/none`).get());
  t.like(error, { statusCode: 404, code: 'itemNotFound' });
  const response: Response = await client.api(`${drive}/root:/a.txt:/content`).responseType('raw' as never).get(); // oxfmt-ignore
  t.is(await response.text(), 'hello');
  const content = new BatchRequestContent([
    { id: '1', request: new Request('https://graph.microsoft.com/me/drive') },
    { id: '2', request: new Request('https://graph.microsoft.com/me/drive/root') },
  ]);
  const answer = new BatchResponseContent(await client.api('/$batch').post(await content.getContent())); // oxfmt-ignore
  t.is(answer.getResponseById('1').status, 200);
  t.is(((await answer.getResponseById('2').json()) as { name: string }).name, 'root');
});
