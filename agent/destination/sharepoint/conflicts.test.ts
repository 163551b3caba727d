// What others do at the destination meanwhile: nothing of theirs is overwritten, and nobody waits for ever.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { begin, contentOf, expectedOf, modifiedNs, reasonOf, uploadOptions } from '../contract.ts';
import { DroverError } from '../../../lib/error.ts';
import { failedCallKey } from '../failed-call.ts';
import { Hasher } from '../../pool/hasher.ts';
import { contentOfBytes, openTestPlace, quickClock, send, sendChunks } from './testing/place.ts';
import { TestTenant, type WireRequest } from './testing/tenant.ts';

const tenant = await TestTenant.start('--strict');
test.after.always(() => tenant[Symbol.asyncDispose]());

const content = contentOfBytes(1000);
/** Two chunks. */
const large = contentOfBytes(6_000_000);

test('an upload of somebody else is waited for until it is gone', async (t) => {
  const place = await openTestPlace(tenant);
  const foreign = await place.openSession('file.txt');
  const clock = quickClock(async (count) => {
    if (count === 3) await tenant.graph('DELETE', foreign);
  });
  await using destination = await place.open({ client: tenant.client({ clock }) });
  await send(destination, 'file.txt', content);
  t.deepEqual(clock.pauses, [5000, 10_000, 20_000]);
  t.true((await place.readBack('file.txt'))!.equals(content));
});

test('an upload of somebody else that stays open is given up after twenty minutes', async (t) => {
  const place = await openTestPlace(tenant);
  const foreign = await place.openSession('file.txt');
  const clock = quickClock();
  const wire: WireRequest[] = [];
  await using destination = await place.open({ client: tenant.client({ clock, wire }) });
  const error = await t.throwsAsync<DroverError>(send(destination, 'file.txt', content), { instanceOf: DroverError }); // oxfmt-ignore
  t.is(error?.reason, ErrorReason.DESTINATION_LOCKED);
  const refused = wire.findLast(({ path }) => path.endsWith('/createUploadSession'));
  t.is(error?.metadata[failedCallKey], refused?.headers['client-request-id']);
  const waitedMs = clock.pauses.reduce((sum, pauseMs) => sum + pauseMs, 0);
  t.true(waitedMs > 19 * 60_000 && waitedMs < 25 * 60_000, `${waitedMs}`);
  t.true(await place.isOpen(foreign), 'it is left alone');
});

test('a file that somebody finishes while he is waited for is shown', async (t) => {
  const place = await openTestPlace(tenant);
  const foreign = await place.openSession('file.txt');
  const clock = quickClock(async (count) => {
    if (count !== 2) return;
    const headers = { 'content-range': 'bytes 0-2/3' };
    await tenant.graph('PUT', foreign, Buffer.from('new'), headers);
  });
  await using destination = await place.open({ client: tenant.client({ clock }) });
  const found = await destination.openUpload(uploadOptions('file.txt', content));
  t.true(found.kind === 'existing' && found.isFile && found.size === 3);
  t.is((await place.readBack('file.txt'))?.toString(), 'new');
});

test('an update makes one version more, however many chunks it has', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const first = await send(destination, 'file.bin', content);
  const second = await send(destination, 'file.bin', large, { expected: expectedOf(content, first) }); // oxfmt-ignore
  t.is(await place.versions('file.bin'), 2);
  t.is(second.id, first.id);
  t.not(second.version, first.version);
  t.is(await place.modifiedNs('file.bin'), (modifiedNs / 1_000_000_000n) * 1_000_000_000n);
});

test('another date, a share or a lock that came and went is no edit', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const expected = expectedOf(content, await send(destination, 'file.bin', content));
  const times = { fileSystemInfo: { lastModifiedDateTime: '2001-01-01T00:00:00Z' } };
  await tenant.graph('PATCH', place.below('file.bin'), times);
  await send(destination, 'file.bin', large, { expected });
  t.true((await place.readBack('file.bin'))!.equals(large));
});

test('an edit while a long update is sent is kept', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const first = await send(destination, 'file.bin', content);
  let url = '';
  const remember = async (open: { url: string }) => {
    ({ url } = open);
  };
  const expected = expectedOf(content, first);
  const upload = await begin(destination, uploadOptions('file.bin', large, { expected, remember }));
  await sendChunks(upload, large);
  await place.put('file.bin', Buffer.from('edited'));
  const commit = upload.commit(new Hasher().whole(large), contentOf(large));
  t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
  t.is((await place.readBack('file.bin'))?.toString(), 'edited');
  t.false(await place.isOpen(url));
});

test('what is replaced as it was seen becomes a version of the same item', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const theirs = await place.put('file.bin', Buffer.from('theirs'));
  for (const [ours, versions] of [
    [large, 2],
    [Buffer.alloc(0), 4],
  ] as const) {
    // oxfmt-ignore
    const found = await destination.openUpload(uploadOptions('file.bin', ours));
    if (found.kind !== 'existing') throw new Error('it is not there');
    const replaced = await send(destination, 'file.bin', ours, { expected: found.asExpected });
    t.is(replaced.id, theirs.id);
    t.is(await place.versions('file.bin'), versions);
  }
});

test('a file that appears while another is sent is kept', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const upload = await begin(destination, uploadOptions('file.bin', large));
  await sendChunks(upload, large);
  await place.put('file.bin', Buffer.from('theirs'));
  const commit = upload.commit(new Hasher().whole(large), contentOf(large));
  t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
  t.is((await place.readBack('file.bin'))?.toString(), 'theirs');
  // The next attempt looks first, and says so without sending anything.
  t.is((await destination.openUpload(uploadOptions('file.bin', large))).kind, 'existing');
});

test('an update whose last answer is lost without effect does not take the old file for the new', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open({ client: tenant.client({ clock: quickClock() }) });
  const other = contentOfBytes(large.length, 2);
  const older = await send(destination, 'lost.bin', content);
  const old = await send(destination, 'lost.bin', other, { expected: expectedOf(content, older) });
  const name = 'lost.bin';
  await tenant.fault({ name, path: name, method: 'PUT', nth: 2, fault: { kind: 'sessionLost' } });
  const update = send(destination, 'lost.bin', large, { expected: expectedOf(other, old) });
  t.is(await reasonOf(update), ErrorReason.DESTINATION_WRITE_FAILED);
  t.true((await place.readBack('lost.bin'))!.equals(other), 'neither deleted nor set back');
  t.is(await place.versions('lost.bin'), 2);
});

test('an edit while the file becomes an empty one is kept', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const expected = expectedOf(content, await send(destination, 'file.bin', content));
  const empty = Buffer.alloc(0);
  const upload = await begin(destination, uploadOptions('file.bin', empty, { expected }));
  await place.put('file.bin', Buffer.from('edited'));
  const commit = upload.commit(new Hasher().whole(empty), contentOf(empty));
  t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
  t.is((await place.readBack('file.bin'))?.toString(), 'edited');
});

test('a file that is locked fails, and is replaced once it is not', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const expected = expectedOf(content, await send(destination, 'file.docx', content));
  const itemPath = new URL(`${place.address}/file.docx`).pathname;
  const lock = `${tenant.ready.control}locks?path=${itemPath}`;
  t.is((await tenant.graph('POST', lock)).status, 204);
  const update = send(destination, 'file.docx', large, { expected });
  t.is(await reasonOf(update), ErrorReason.DESTINATION_LOCKED);
  await tenant.graph('DELETE', lock);
  await send(destination, 'file.docx', large, { expected });
  t.true((await place.readBack('file.docx'))!.equals(large));
});

test('a folder that vanishes in the middle of a run is made again', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  await send(destination, 'a/b/one.txt', content);
  await tenant.graph('DELETE', place.below('a'));
  await send(destination, 'a/b/two.txt', content);
  await tenant.graph('DELETE', place.below('a'));
  await destination.makeFolder('a/b/c');
  await tenant.graph('DELETE', place.below('a'));
  t.true(await destination.finishFolder('a/b/c', { modifiedNs, createdNs: 0n }, true));
  t.deepEqual(await place.list(), ['a', 'a/b', 'a/b/c']);
});

test('folders are made through races with others', async (t) => {
  const place = await openTestPlace(tenant);
  const fault = { kind: 'status', status: 409, code: 'resourceModified' };
  await tenant.fault({ name: 'race', path: encodeURIComponent(place.address.split('/').at(-1)!), method: 'POST', times: 4, fault }); // oxfmt-ignore
  const clock = quickClock();
  await using destination = await place.open({ client: tenant.client({ clock }) });
  await Promise.all([destination.makeFolder('raced-folder/a'), destination.makeFolder('raced-folder/b')]); // oxfmt-ignore
  t.deepEqual(await place.list(), ['raced-folder', 'raced-folder/a', 'raced-folder/b']);
  t.true(clock.pauses.length > 0);
});

test('a notebook in the place of a file or folder is shown as what it is', async (t) => {
  const place = await openTestPlace(tenant);
  const item = { id: 'X', name: 'notes-pkg', size: 9, package: { type: 'oneNote' }, folder: {} };
  await tenant.fault({ name: 'pkg', path: 'notes-pkg', method: 'GET', fault: { kind: 'status', status: 200, body: item } }); // oxfmt-ignore
  await tenant.fault({ name: 'pkg-post', path: 'notes-pkg', method: 'POST', fault: { kind: 'status', status: 409 } }); // oxfmt-ignore
  await using destination = await place.open();
  const found = await destination.openUpload(uploadOptions('notes-pkg', content));
  t.true(found.kind === 'existing' && !found.isFile && !found.mayEqual(content.length));
  const times = { modifiedNs, createdNs: 0n };
  const finish = destination.finishFolder('notes-pkg', times, false);
  t.is(await reasonOf(finish), ErrorReason.DESTINATION_CONFLICT);
});

test('names that differ in letters only are one file', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  await send(destination, 'File.txt', content);
  t.is((await destination.openUpload(uploadOptions('fILE.TXT', content))).kind, 'existing');
});

for (const name of ['~$temp.docx', 'bad|name', 'trailing.', '.lock', '_vti_x'])
  test(`the name ${name} is refused by the service, and said so`, async (t) => {
    const place = await openTestPlace(tenant);
    await using destination = await place.open();
    const reason = await reasonOf(send(destination, name, content));
    t.true(reason === ErrorReason.NAME_INVALID || reason === ErrorReason.DESTINATION_REFUSED);
  });

test('empty files arrive by one request, whatever answers are lost', async (t) => {
  const place = await openTestPlace(tenant);
  const wire: WireRequest[] = [];
  const client = tenant.client({ clock: quickClock(), wire });
  await using destination = await place.open({ client });
  const empty = Buffer.alloc(0);
  await tenant.fault({ name: 'empty', path: 'empty.txt', method: 'PUT', nth: 1, fault: { kind: 'gatewayTimeoutAfterStore' } }); // oxfmt-ignore
  const first = await send(destination, 'empty.txt', empty);
  t.is((await place.item('empty.txt'))!.size, 0);
  t.is(await place.modifiedNs('empty.txt'), (modifiedNs / 1_000_000_000n) * 1_000_000_000n);
  t.is(first.modifiedNs, await place.modifiedNs('empty.txt'));
  t.false(wire.some(({ path }) => path.includes('createUploadSession')));
  const full = await send(destination, 'empty.txt', content, { expected: expectedOf(empty, first) }); // oxfmt-ignore
  await send(destination, 'empty.txt', empty, { expected: expectedOf(content, full) });
  t.is((await place.item('empty.txt'))!.size, 0);
});

test('an empty file does not take the place of another', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const upload = await begin(destination, uploadOptions('file.txt', Buffer.alloc(0)));
  await place.put('file.txt', Buffer.from('theirs'));
  const commit = upload.commit(new Hasher().whole(Buffer.alloc(0)), contentOf(Buffer.alloc(0)));
  t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
  t.is((await place.readBack('file.txt'))?.toString(), 'theirs');
});

test('a library that requires check-out shows what was sent to it, or it is said that it does not', async (t) => {
  const place = await openTestPlace(tenant, 'https://contoso.sharepoint.com/sites/hr/Records');
  await using destination = await place.open();
  const level = async (name: string) =>
    ((await place.item(name)) as unknown as { publication: { level: string } }).publication.level;
  for (const name of ['one.txt', 'two.txt']) {
    const file = await send(destination, name, content);
    const item = (await place.item(name)) as unknown as { publication: { level: string }; cTag: string }; // oxfmt-ignore
    t.is(item.publication.level, 'published');
    t.is(item.cTag, file.version);
  }
  const file = await send(destination, 'empty.txt', Buffer.alloc(0));
  t.is((await place.item('empty.txt'))!.cTag, file.version);

  // Here as well, because the fault knows the file only by its number.
  await tenant.fault({ name: 'checkin', path: 'checkin$', times: 1, fault: { kind: 'status', status: 403 } }); // oxfmt-ignore
  const stuck = send(destination, 'stuck.txt', content);
  const error = await t.throwsAsync<DroverError>(stuck, { instanceOf: DroverError });
  t.is(error?.reason, ErrorReason.DESTINATION_CHECKED_OUT);
  t.true(error?.message.includes(`request ${error.metadata[failedCallKey]})`));
  const found = await destination.openUpload(uploadOptions('stuck.txt', content));
  if (found.kind !== 'existing') throw new Error('it is not there');
  t.truthy(await found.prove(new Hasher().whole(content), contentOf(content)));
  t.is(await level('stuck.txt'), 'published', 'the next attempt checks it in');
});

test('a file that has another date only gets its own in a library that requires check-out, and is checked in again', async (t) => {
  const place = await openTestPlace(tenant, 'https://contoso.sharepoint.com/sites/hr/Records');
  await using destination = await place.open();
  await send(destination, 'file.txt', content);
  const modifiedNs = 1_500_000_000_000_000_000n;
  const found = await destination.openUpload(uploadOptions('file.txt', content, { expected: undefined })); // oxfmt-ignore
  if (found.kind !== 'existing') throw new Error('it is not there');
  t.truthy(await found.prove(new Hasher().whole(content), contentOf(content), { modifiedNs, createdNs: 0n })); // oxfmt-ignore
  t.is(await place.modifiedNs('file.txt'), modifiedNs);
  const item = (await place.item('file.txt')) as unknown as { publication: { level: string } };
  t.is(item.publication.level, 'published');
});
