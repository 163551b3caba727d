// Going on inside a file, and stopping in the middle of one.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { begin, contentOf, expectedOf, reasonOf, uploadOptions } from '../contract.ts';
import { Hasher } from '../../pool/hasher.ts';
import { StoppedError } from '../../pool/stopped-error.ts';
import { contentOfBytes, openTestPlace, quickClock, send, sendChunks, type TestPlace } from './testing/place.ts'; // oxfmt-ignore
import { TestTenant, type WireRequest } from './testing/tenant.ts';

const tenant = await TestTenant.start('--strict');
test.after.always(() => tenant[Symbol.asyncDispose]());

/** A chunk of 5 MiB, and a rest that is not sent before the commit. */
const content = contentOfBytes(12_000_000);
const firstChunkBytes = 5 * 1024 * 1024;

/** Begins a file and leaves it in the middle, as a process that dies; answers with what it remembered. */
async function abandon(place: TestPlace, name: string, more = {}): Promise<{ url: string }> {
  const destination = await place.open();
  let open: { url: string } | undefined;
  const remember = async (opened: { url: string }) => {
    open = opened;
  };
  const upload = await begin(destination, uploadOptions(name, content, { remember, ...more }));
  await upload.write(content.subarray(0, firstChunkBytes));
  return open!;
}

const bytesSent = (wire: WireRequest[]) =>
  wire.filter(({ method }) => method === 'PUT').reduce((sum, { bytes }) => sum + bytes, 0);

test('a file that was left in the middle is gone on with there', async (t) => {
  const place = await openTestPlace(tenant);
  const open = await abandon(place, 'file.bin');
  const wire: WireRequest[] = [];
  await using destination = await place.open({ client: tenant.client({ wire }) });
  const upload = await begin(destination, uploadOptions('file.bin', content, { open }));
  t.is(upload.acceptedBytes, firstChunkBytes);
  await sendChunks(upload, content);
  await upload.commit(new Hasher().whole(content), contentOf(content));
  t.is(bytesSent(wire), content.length - firstChunkBytes);
  t.true((await place.readBack('file.bin'))!.equals(content));
  t.is(await place.versions('file.bin'), 1);
});

test('an update that was left in the middle replaces what it was begun for', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const old = Buffer.from('old');
  const expected = expectedOf(old, await send(destination, 'file.bin', old));
  const open = await abandon(place, 'file.bin', { expected });
  await send(destination, 'file.bin', content, { expected, open });
  t.true((await place.readBack('file.bin'))!.equals(content));
  t.is(await place.versions('file.bin'), 2);
});

test('what was edited since an update was left in the middle is shown, and the session closed', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const old = Buffer.from('old');
  const expected = expectedOf(old, await send(destination, 'file.bin', old));
  const open = await abandon(place, 'file.bin', { expected });
  await place.put('file.bin', Buffer.from('edited'));
  const found = await destination.openUpload(uploadOptions('file.bin', content, { expected, open })); // oxfmt-ignore
  t.is(found.kind, 'existing');
  t.false(await place.isOpen(open.url));
  t.is((await place.readBack('file.bin'))?.toString(), 'edited');
});

test('a session that is gone is begun anew', async (t) => {
  const place = await openTestPlace(tenant);
  const open = await abandon(place, 'file.bin');
  await tenant.graph('DELETE', open.url);
  await using destination = await place.open();
  await send(destination, 'file.bin', content, { open });
  t.true((await place.readBack('file.bin'))!.equals(content));
});

test('a session that holds more than the file has is cancelled and begun anew', async (t) => {
  const place = await openTestPlace(tenant);
  const open = await abandon(place, 'file.bin');
  const small = contentOfBytes(1000);
  await using destination = await place.open();
  await send(destination, 'file.bin', small, { open });
  t.true((await place.readBack('file.bin'))!.equals(small));
  t.false(await place.isOpen(open.url));
});

test('a session that somebody else goes on with is not written into at the wrong place', async (t) => {
  const place = await openTestPlace(tenant);
  const open = await abandon(place, 'file.bin');
  await using destination = await place.open({ client: tenant.client({ clock: quickClock() }) });
  const upload = await begin(destination, uploadOptions('file.bin', content, { open }));
  const next = content.subarray(firstChunkBytes, firstChunkBytes + 640 * 1024);
  const range = `bytes ${firstChunkBytes}-${firstChunkBytes + next.length - 1}/${content.length}`;
  await tenant.graph('PUT', open.url, next, { 'content-range': range });
  const write = upload.write(content.subarray(firstChunkBytes, firstChunkBytes + 320 * 1024));
  t.is(await reasonOf(write), ErrorReason.DESTINATION_WRITE_FAILED);
  t.deepEqual(await place.list(), []);
});

test('what will not be gone on with is cancelled, once', async (t) => {
  const place = await openTestPlace(tenant);
  const open = await abandon(place, 'file.bin');
  await using destination = await place.open();
  t.true(await destination.cancelUpload(open));
  t.true(await destination.cancelUpload(open), 'it is certainly gone');
  t.false(await place.isOpen(open.url));
});

test('a stop while a chunk is on its way is quick, and leaves nothing', async (t) => {
  const place = await openTestPlace(tenant);
  const name = 'stopped.bin';
  await tenant.fault({ name, path: name, method: 'PUT', fault: { kind: 'slowDrip', on: 'request', bytesPerSecond: 100_000 } }); // oxfmt-ignore
  const stop = new AbortController();
  const onWire = Promise.withResolvers<void>();
  const change = ({ method }: WireRequest) => {
    if (method === 'PUT') onWire.resolve();
    return undefined;
  };
  await using destination = await place.open({
    client: tenant.client({ change }),
    signal: stop.signal,
  });
  let url = '';
  const remember = async (opened: { url: string }) => {
    ({ url } = opened);
  };
  const upload = await begin(destination, uploadOptions(name, content, { remember }));
  const writing = upload.write(content.subarray(0, firstChunkBytes));
  await onWire.promise;
  const stoppedAt = Date.now();
  stop.abort(new StoppedError());
  await t.throwsAsync(writing, { instanceOf: StoppedError });
  await upload.abort();
  t.true(Date.now() - stoppedAt < 5000);
  t.false(await place.isOpen(url));
  t.deepEqual(await place.list(), []);
});

test.serial(
  'a stop while an upload is being opened leaves nothing open that others would have to wait for',
  async (t) => {
    const place = await openTestPlace(tenant);
    const name = 'stopped-early.bin';
    await tenant.fault({ name, path: `${name}.*createUploadSession`, fault: { kind: 'slowDrip', on: 'reply', bytesPerSecond: 4000 } }); // oxfmt-ignore
    const open = async () =>
      ((await tenant.stats()) as { graph: { openSessions: number } }).graph.openSessions;
    const before = await open();
    const stop = new AbortController();
    await using destination = await place.open({ client: tenant.client(), signal: stop.signal });
    const opening = begin(destination, uploadOptions(name, content));
    const stopped = t.throwsAsync(opening, { instanceOf: StoppedError });
    // The service has opened it, and its answer is on the way.
    while ((await open()) === before) continue;
    stop.abort(new StoppedError());
    await stopped;
    t.is(await open(), before);
  },
);

test('a stop ends the wait for a sign-in and for somebody else', async (t) => {
  const place = await openTestPlace(tenant);
  await place.openSession('file.txt');
  const stop = new AbortController();
  const getToken = () => new Promise<string>(() => setImmediate(() => stop.abort(new StoppedError()))); // oxfmt-ignore
  const signing = await place.open({ client: tenant.client({ getToken }), signal: stop.signal });
  await t.throwsAsync(signing.makeFolder('a'), { instanceOf: StoppedError });

  const second = new AbortController();
  const clock = quickClock((count) => {
    if (count === 2) second.abort(new StoppedError());
  });
  const waiting = await place.open({ client: tenant.client({ clock }), signal: second.signal });
  await t.throwsAsync(waiting.openUpload(uploadOptions('file.txt', content)), {
    instanceOf: StoppedError,
  });
});
