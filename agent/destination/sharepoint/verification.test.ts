// A file counts as arrived when it was proved to be what was sent; what was not does not stay.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import { begin, contentOf, expectedOf, reasonOf, uploadOptions } from '../contract.ts';
import { Hasher } from '../../pool/hasher.ts';
import { compoundFile } from './testing/compound.ts';
import { officeFile, officeParts } from './testing/office.ts';
import { contentOfBytes, openTestPlace, quickClock, send } from './testing/place.ts';
import { TestTenant, type WireRequest } from './testing/tenant.ts';

const tenant = await TestTenant.start('--strict');
test.after.always(() => tenant[Symbol.asyncDispose]());

const content = contentOfBytes(50_000);
const { HASH, REWRITTEN_BY_SHAREPOINT } = ItemVerification;

/** Turns a bit in what is sent, the first so many times. */
function damaging(times: number) {
  let left = times;
  return ({ method, path }: WireRequest, body: Uint8Array) => {
    if (method !== 'PUT' || !path.includes('uploadSession') || left-- <= 0) return undefined;
    const damaged = Buffer.from(body);
    damaged[damaged.length - 1]! ^= 1;
    return damaged;
  };
}

test('a file that was damaged on the way is deleted, and sent again', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open({ client: tenant.client({ change: damaging(1) }) });
  const failed = send(destination, 'file.bin', content);
  t.is(await reasonOf(failed), ErrorReason.VERIFICATION_FAILED);
  t.deepEqual(await place.list(), []);
  const { verification, rewritten: isRewritten } = await send(destination, 'file.bin', content);
  t.deepEqual([verification, isRewritten], [HASH, undefined]);
});

test('an update that was damaged on the way is undone, and sent again', async (t) => {
  const place = await openTestPlace(tenant);
  const old = Buffer.from('old');
  const expected = expectedOf(old, await send(await place.open(), 'file.bin', old));
  await using destination = await place.open({ client: tenant.client({ change: damaging(1) }) });
  const failed = send(destination, 'file.bin', content, { expected });
  t.is(await reasonOf(failed), ErrorReason.VERIFICATION_FAILED);
  t.is((await place.readBack('file.bin'))?.toString(), 'old');
  await send(destination, 'file.bin', content, { expected });
  t.true((await place.readBack('file.bin'))!.equals(content));
});

test('an update that was damaged is undone where the library requires check-out, too, and not left checked out', async (t) => {
  const place = await openTestPlace(tenant, 'https://contoso.sharepoint.com/sites/hr/Records');
  const old = Buffer.from('old');
  const expected = expectedOf(old, await send(await place.open(), 'file.bin', old));
  const level = async () =>
    ((await place.item('file.bin')) as unknown as { publication: { level: string } }).publication.level; // oxfmt-ignore
  await using destination = await place.open({ client: tenant.client({ change: damaging(1) }) });
  const failed = send(destination, 'file.bin', content, { expected });
  t.is(await reasonOf(failed), ErrorReason.VERIFICATION_FAILED);
  t.is((await place.readBack('file.bin'))?.toString(), 'old');
  t.is(await level(), 'published');
  await send(destination, 'file.bin', content, { expected });
  t.true((await place.readBack('file.bin'))!.equals(content));
  t.is(await level(), 'published');
});

test('what can be neither proved nor deleted may be replaced by the next attempt', async (t) => {
  // In a library of its own, because the fault knows the file only by its number.
  const place = await openTestPlace(tenant, 'https://contoso.sharepoint.com/sites/hr/HRPolicies');
  const deletes = { kind: 'status', status: 403 };
  await tenant.fault({ name: 'no-delete', path: place.driveId, method: 'DELETE', times: 1, fault: deletes }); // oxfmt-ignore
  await using destination = await place.open({ client: tenant.client({ change: damaging(1) }) });
  const failed = send(destination, 'file.bin', content);
  t.is(await reasonOf(failed), ErrorReason.VERIFICATION_FAILED);
  await send(destination, 'file.bin', content);
  t.true((await place.readBack('file.bin'))!.equals(content));
});

test('an Office file that SharePoint rewrites is proved by what is in it', async (t) => {
  const place = await openTestPlace(tenant);
  const document = await officeFile(officeParts);
  const name = 'rewritten.docx';
  await tenant.fault({ name, path: name, method: 'PUT', fault: { kind: 'rewriteOffice' } });
  await using destination = await place.open();
  const file = await send(destination, name, document);
  t.is(file.verification, REWRITTEN_BY_SHAREPOINT);
  const { size } = (await place.item(name))!;
  t.not(size, document.length);
  const quickXorHash = new Hasher().whole((await place.readBack(name))!).quickXorHash;
  t.is(file.rewritten?.size, size);
  t.deepEqual(Buffer.from(file.rewritten!.quickXorHash), Buffer.from(quickXorHash));

  // A later run that knows nothing of it finds it to be the same.
  const found = await destination.openUpload(uploadOptions(name, document));
  if (found.kind !== 'existing') throw new Error('it is not there');
  t.true(found.mayEqual(document.length));
  const proof = await found.prove(new Hasher().whole(document), contentOf(document));
  t.deepEqual(proof, file);
  const other = await officeFile({ ...officeParts, 'word/document.xml': 'another text' });
  t.is(await found.prove(new Hasher().whole(other), contentOf(other)), undefined);
  // And one that knows of it replaces it.
  await send(destination, name, other, { expected: expectedOf(document, file) });
});

test('an Office file that was damaged on the way is not taken for a rewritten one', async (t) => {
  const place = await openTestPlace(tenant);
  const document = await officeFile(officeParts);
  const name = 'damaged.docx';
  await tenant.fault({ name, path: name, method: 'PUT', fault: { kind: 'rewriteOffice' } });
  const other = await officeFile({ ...officeParts, 'word/media/image1.png': 'pictura' });
  const change = ({ path }: WireRequest) => (path.includes('uploadSession') ? other : undefined);
  t.is(other.length, document.length);
  await using destination = await place.open({ client: tenant.client({ change }) });
  t.is(await reasonOf(send(destination, name, document)), ErrorReason.VERIFICATION_FAILED);
  t.deepEqual(await place.list(), []);
});

test('where the service tells no hash, the content is read back, through whatever goes wrong', async (t) => {
  const place = await openTestPlace(tenant, 'https://contoso.sharepoint.com/Shared Documents');
  const wire: WireRequest[] = [];
  const clock = quickClock();
  await using destination = await place.open({ client: tenant.client({ wire, clock }) });
  // By number, and that is of this library only.
  await tenant.fault({ name: 'no-hash', path: `(no-hash.bin|${place.driveId}/items)`, fault: { kind: 'missingHash' } }); // oxfmt-ignore
  const isDownload = '^/_layouts/15/download';
  await tenant.fault({ name: 'down-1', path: isDownload, nth: 1, fault: { kind: 'unavailable', retryAfter: 0 } }); // oxfmt-ignore
  await tenant.fault({ name: 'down-2', path: isDownload, nth: 2, fault: { kind: 'status', status: 502 } }); // oxfmt-ignore
  await tenant.fault({ name: 'down-3', path: isDownload, nth: 3, fault: { kind: 'reset' } });
  const large = contentOfBytes(6_000_000);
  t.is((await send(destination, 'no-hash.bin', large)).verification, HASH);
  const downloads = wire.filter(({ path }) => path.includes('download.aspx'));
  t.is(downloads.length, 5, 'two blocks, three of them again');
  for (const { headers } of downloads) t.false('authorization' in headers);
  t.deepEqual(clock.pauses.slice(0, 3), [500, 1000, 2000], 'the hash is given time first');

  const change = damaging(1);
  const damaged = await place.open({ client: tenant.client({ change, clock }) });
  const failed = send(damaged, 'no-hash.bin2', content);
  t.is(await reasonOf(failed), ErrorReason.VERIFICATION_FAILED);
  t.deepEqual(await place.list(), ['no-hash.bin']);
});

test('what is listed late is looked at all the same', async (t) => {
  const place = await openTestPlace(tenant);
  const marker = encodeURIComponent(place.address.split('/').at(-1)!);
  await tenant.fault({ name: 'late', path: `${marker}.*children`, fault: { kind: 'lateListing', ms: 60_000 } }); // oxfmt-ignore
  await using destination = await place.open();
  const first = await send(destination, 'late.bin', content);
  await send(destination, 'late.bin', Buffer.from('new'), { expected: expectedOf(content, first) });
  t.is((await place.readBack('late.bin'))?.toString(), 'new');
});

test('dates are whole seconds with a Z, those from before SharePoint included', async (t) => {
  const place = await openTestPlace(tenant);
  await using destination = await place.open();
  const createdNs = -2_208_988_800_000_000_000n - 5_000_000_000n;
  const options = uploadOptions('old.bin', content, { createdNs, modifiedNs: 1_999_999_999n });
  const upload = await begin(destination, options);
  await upload.write(content);
  const file = await upload.commit(new Hasher().whole(content), contentOf(content));
  const { fileSystemInfo } = (await place.item('old.bin'))!;
  t.is(fileSystemInfo.lastModifiedDateTime, '1970-01-01T00:00:01Z');
  t.is(fileSystemInfo.createdDateTime, '1900-01-01T00:00:00Z');
  t.is(file.modifiedNs, 1_000_000_000n);
});

const page = '<html><head></head><body>text</body></html>';
const block = '<!--[if gte mso 9]><xml><mso:CustomDocumentProperties/></xml><![endif]-->';
const rewritten: [name: string, source: Buffer, arrived: Buffer, other: Buffer][] = [
  [
    'old.doc',
    compoundFile({ '/WordDocument': content }),
    compoundFile({ '/WordDocument': content, '/\u0005DocumentSummaryInformation': 'library' }),
    compoundFile({ '/WordDocument': contentOfBytes(content.length, 2) }),
  ],
  [
    'page.html',
    Buffer.from(page),
    Buffer.from(page.replace('<head>', `<head>${block.replace('/>', '></mso:CustomDocumentProperties>')}`)), // oxfmt-ignore
    Buffer.from(page.replace('text', 'test')),
  ],
];
for (const [name, source, arrived, other] of rewritten)
  test(`${name}, as SharePoint rewrites it, is found to be the same`, async (t) => {
    const place = await openTestPlace(tenant);
    await place.put(name, arrived);
    await using destination = await place.open();
    const found = await destination.openUpload(uploadOptions(name, source));
    if (found.kind !== 'existing') throw new Error('it is not there');
    t.true(found.mayEqual(source.length));
    const proof = await found.prove(new Hasher().whole(source), contentOf(source));
    t.is(proof?.verification, REWRITTEN_BY_SHAREPOINT);
    t.is(await found.prove(new Hasher().whole(other), contentOf(other)), undefined);
  });
