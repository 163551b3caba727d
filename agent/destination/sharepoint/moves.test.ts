// What only SharePoint does with files that are moved and recycled: ids, tags, locks, lost answers, and what others do meanwhile.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { expectedOf, reasonOf } from '../contract.ts';
import type { Destination, ExpectedFile } from '../destination.ts';
import {
  contentOfBytes,
  openTestPlace,
  quickClock,
  send,
  type TestPlace,
} from './testing/place.ts';
import { TestTenant, type FaultRule, type WireRequest } from './testing/tenant.ts';

const tenant = await TestTenant.start('--strict');
test.after.always(() => tenant[Symbol.asyncDispose]());

const content = contentOfBytes(1000);
const createdNs = 1_400_000_000_000_000_000n;
const { DESTINATION_LOCKED, DESTINATION_WRITE_FAILED, DESTINATION_ACCESS_DENIED } = ErrorReason;

interface Scene {
  place: TestPlace;
  destination: Destination;
  expected: ExpectedFile;
  /** Every request, since the file was written. */
  wire: WireRequest[];
}

/** A place with a file that an earlier run wrote at `from`; `library` is the address of another library than the usual one. */
async function scene(from: string, library?: string): Promise<Scene> {
  const place = await openTestPlace(tenant, library);
  const written = await send(await place.open(), from, content, { createdNs });
  const wire: WireRequest[] = [];
  const destination = await place.open({ client: tenant.client({ clock: quickClock(), wire }) });
  return { place, destination, expected: expectedOf(content, written), wire };
}

const move = ({ destination, expected }: Scene, from: string, to: string) =>
  destination.moveFile({ from, to, expected, isUnreported: () => false });

const recycle = ({ destination, expected }: Scene, path: string) =>
  destination.recycle({ path, kind: 'file', expected, runTag: 'task-1' });

const calls = ({ wire }: Scene, method: string) =>
  wire.filter((one) => one.method === method).length;

test('a moved file is the same item, with its dates, versions and whoever it is shared with', async (t) => {
  const one = await scene('a/old');
  const { place, expected } = one;
  await send(one.destination, 'a/old', contentOfBytes(500), { expected });
  const item = `/drives/${place.driveId}/items/${expected.id}`;
  const invitation = { recipients: [{ email: 'alex@contoso.com' }], roles: ['read'], requireSignIn: true }; // oxfmt-ignore
  await tenant.graph('POST', `${item}/invite`, invitation);
  const permissions = async () =>
    ((await tenant.graph('GET', `${item}/permissions`)).json() as { value: object[] }).value.length;
  const before = await place.item('a/old');
  const shared = await permissions();
  one.expected = { ...expected, version: before!.cTag };
  t.is((await move(one, 'a/old', 'b/new')).kind, 'moved');
  const after = await place.item('b/new');
  t.is(after?.id, expected.id);
  t.is(after?.cTag, before?.cTag);
  t.deepEqual(after?.fileSystemInfo, before!.fileSystemInfo);
  t.true((await place.versions('b/new')) >= 2);
  t.is(await permissions(), shared);
});

test('a move makes no version, and a date that the service changes meanwhile is set again', async (t) => {
  const one = await scene('old');
  t.is((await move(one, 'old', 'a/new')).kind, 'moved');
  t.is(await one.place.versions('a/new'), 1);
  const item = `/drives/${one.place.driveId}/items/${one.expected.id}`;
  const answer = (await tenant.graph('GET', item)).json() as { fileSystemInfo: object };
  const now = { ...answer, fileSystemInfo: { lastModifiedDateTime: '2026-01-01T00:00:00Z' } };
  const fault = { kind: 'status', status: 200, body: now };
  await tenant.fault({ method: 'PATCH', path: one.expected.id, times: 1, fault });
  one.wire.length = 0;
  t.is((await move(one, 'a/new', 'a/newer')).kind, 'moved');
  t.is(calls(one, 'PATCH'), 2);
  t.is(await one.place.versions('a/new'), 2, 'the second one set the date');
  t.is((await one.place.modifiedNs('a/new')) / 1_000_000_000n, one.expected.modifiedNs / 1_000_000_000n); // oxfmt-ignore
  // As after a death between the two.
  const redated = { fileSystemInfo: { lastModifiedDateTime: '2026-01-01T00:00:00Z' } };
  await tenant.graph('PATCH', item, redated);
  t.is((await move(one, 'old', 'a/new')).kind, 'moved');
  t.is(await one.place.modifiedNs('a/new'), one.expected.modifiedNs);
});

test('a new name costs two calls, and a new folder is asked for once', async (t) => {
  const one = await scene('a/1');
  await move(one, 'a/1', 'a/one');
  t.deepEqual(
    one.wire.map(({ method }) => method),
    ['GET', 'PATCH'],
  );
  const second = expectedOf(content, await send(one.destination, 'a/2', content));
  one.wire.length = 0;
  await move(one, 'a/one', 'b/one');
  const first = calls(one, 'GET');
  await move({ ...one, expected: second }, 'a/2', 'b/two');
  t.deepEqual([first, calls(one, 'GET'), calls(one, 'PATCH'), calls(one, 'POST')], [2, 3, 2, 1]);
  t.deepEqual(await one.place.list(), ['a', 'b', 'b/one', 'b/two']);
});

const passing: [what: string, fault: FaultRule['fault']][] = [
  ['whose answer is lost', { kind: 'gatewayTimeoutAfterStore' }],
  ['whose connection is cut', { kind: 'reset' }],
  ['that is refused because of its tag once', { kind: 'etagMismatch' }],
  ['that comes while somebody else writes to the folder', { kind: 'status', status: 409, code: 'resourceModified' }], // oxfmt-ignore
];
for (const [what, fault] of passing) {
  test(`a move ${what} is done all the same`, async (t) => {
    const one = await scene('old');
    await tenant.fault({ method: 'PATCH', path: one.expected.id, times: 1, fault });
    t.is((await move(one, 'old', 'a/new')).kind, 'moved');
    t.deepEqual(await one.place.list(), ['a', 'a/new']);
    t.is((await one.place.item('a/new'))?.id, one.expected.id);
  });

  test(`a recycling ${what} is done all the same`, async (t) => {
    const one = await scene('old');
    await tenant.fault({ method: 'DELETE', path: one.expected.id, times: 1, fault });
    t.true(['recycled', 'gone'].includes((await recycle(one, 'old')).kind));
    t.deepEqual(await one.place.list(), []);
    t.true((await one.place.bringBack('old', one.expected.id))?.equals(content));
  });
}

const words = (status: number, message: string) => ({ kind: 'status', status, message });
const lasting: [what: string, fault: FaultRule['fault'], reason: ErrorReason][] = [
  ['is locked', { kind: 'locked' }, DESTINATION_LOCKED],
  ['is kept by a rule', words(403, 'The item cannot be changed because it is on hold or under a retention policy.'), DESTINATION_LOCKED], // oxfmt-ignore
  ['may not be touched', words(403, 'Access denied'), DESTINATION_ACCESS_DENIED],
  ['somebody changes all the time', { kind: 'etagMismatch' }, DESTINATION_WRITE_FAILED],
];
for (const [what, fault, reason] of lasting)
  test(`a file that ${what} stays where it is, and that is said`, async (t) => {
    const one = await scene('old');
    await tenant.fault({ path: `${one.expected.id}(\\?|$)`, method: 'PATCH,DELETE', fault });
    t.is(await reasonOf(move(one, 'old', 'new')), reason);
    t.is(await reasonOf(recycle(one, 'old')), reason);
    await t.throwsAsync(move(one, 'old', 'new'), { message: /"new" was not moved: / });
    await t.throwsAsync(recycle(one, 'old'), { message: /"old" was not recycled: / });
    t.deepEqual(await one.place.list(), ['old']);
  });

/** A library that requires check-out. */
const records = 'https://contoso.sharepoint.com/sites/hr/Records';

const level = async ({ place }: Scene, path: string) =>
  ((await place.item(path)) as unknown as { publication: { level: string } }).publication.level;

test('in a library that requires check-out a file is checked out to be moved, and checked in again', async (t) => {
  const one = await scene('a/old', records);
  const answer = await move(one, 'a/old', 'b/new');
  t.is(answer.kind, 'moved');
  t.deepEqual(await one.place.list(), ['a', 'b', 'b/new']);
  const item = await one.place.item('b/new');
  t.is(item?.id, one.expected.id);
  t.is(await level(one, 'b/new'), 'published');
  t.is(await one.place.modifiedNs('b/new') / 1_000_000_000n, one.expected.modifiedNs / 1_000_000_000n); // oxfmt-ignore
  if (answer.kind === 'moved') t.is(answer.file.version, item!.cTag);
  const changes = one.wire.filter(({ method }) => method !== 'GET');
  t.deepEqual(
    changes.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`),
    ['POST children', `PATCH ${item!.id}`, 'POST checkout', `PATCH ${item!.id}`, 'POST checkin'],
  );
});

test('a move that died between check-out and check-in is finished by the next attempt', async (t) => {
  const one = await scene('old', records);
  const item = `/drives/${one.place.driveId}/items/${one.expected.id}`;
  await tenant.graph('POST', `${item}/checkout`);
  t.is((await move(one, 'old', 'new')).kind, 'moved');
  t.is(await level(one, 'new'), 'published');
  await tenant.graph('POST', `${item}/checkout`);
  t.is((await move(one, 'old', 'new')).kind, 'moved', 'it was moved before');
  t.is(await level(one, 'new'), 'published');
});

test('a file that cannot be moved is not left checked out', async (t) => {
  const one = await scene('old', records);
  await send(one.destination, 'new', contentOfBytes(10));
  t.is((await move(one, 'old', 'new')).kind, 'existing');
  t.is(await level(one, 'old'), 'published');
  t.is(await level(one, 'new'), 'published');
});

/** The same place for a client with which something happens from the side before its `nth` request. */
async function disturbed(one: Scene, nth: number, happen: () => Promise<unknown>): Promise<Scene> {
  let requests = 0;
  const getToken = async (forceRefresh: boolean) => {
    if (++requests === nth) await happen();
    return await tenant.token(forceRefresh);
  };
  const client = tenant.client({ clock: quickClock(), wire: one.wire, getToken });
  const destination = await one.place.open({ client });
  requests = 0;
  return { ...one, destination };
}

test('a file that somebody edits before it is checked out is moved with the edit, which is noticed later', async (t) => {
  const one = await scene('old', records);
  const edited = contentOfBytes(1000, 2);
  const item = `/drives/${one.place.driveId}/items/${one.expected.id}`;
  const other = await disturbed(one, 3, async () => {
    await tenant.graph('PUT', `${item}/content`, edited);
    await tenant.graph('POST', `${item}/checkin`, { comment: '' });
  });
  const answer = await move(other, 'old', 'new');
  if (answer.kind !== 'moved') return t.fail(answer.kind);
  t.is(answer.file.version, one.expected.version, 'what it was before the edit');
  t.not((await one.place.item('new'))?.cTag, one.expected.version);
  t.true((await one.place.readBack('new'))?.equals(edited));
  t.is(await level(one, 'new'), 'published');
  t.is(one.wire.filter(({ path }) => path.endsWith('/discardCheckout')).length, 1);
});

test('where a move checks a file out by itself, that is noticed and it is checked in', async (t) => {
  const one = await scene('old', records);
  const item = `/drives/${one.place.driveId}/items/${one.expected.id}`;
  const other = await disturbed(one, 2, async () => {
    const { publication: _, ...body } = (await tenant.graph('GET', item)).json() as { publication: object }; // oxfmt-ignore
    await tenant.graph('POST', `${item}/checkout`);
    await tenant.graph('PATCH', item, { name: 'new' });
    await tenant.fault({ method: 'PATCH', path: one.expected.id, times: 1, fault: { kind: 'status', status: 200, body: { ...body, name: 'new' } } }); // oxfmt-ignore
  });
  t.is((await move(other, 'old', 'new')).kind, 'moved');
  t.is(calls(one, 'PATCH'), 1);
  t.is(await level(one, 'new'), 'published');
});

test('what the service does not move is left for an upload', async (t) => {
  const one = await scene('old');
  const fault = { kind: 'status', status: 400, code: 'notSupported' };
  await tenant.fault({ path: one.expected.id, method: 'PATCH', fault });
  t.deepEqual(await move(one, 'old', 'new'), { kind: 'not-moved' });
});

test('what somebody moved elsewhere is not brought back', async (t) => {
  const one = await scene('old');
  await tenant.graph('PATCH', one.place.below('old'), { name: 'theirs' });
  t.deepEqual(await move(one, 'old', 'new'), { kind: 'not-moved' });
  t.deepEqual(await recycle(one, 'old'), { kind: 'gone' });
  await send(one.destination, 'old', content);
  t.deepEqual(await move(one, 'old', 'new'), { kind: 'not-moved' });
  t.is((await recycle(one, 'old')).kind, 'existing', 'it is another item');
  t.deepEqual(await one.place.list(), ['old', 'theirs']);
});

test('a folder that is deleted after files were moved into it is made again', async (t) => {
  const one = await scene('1');
  const second = expectedOf(content, await send(one.destination, '2', content));
  await move(one, '1', 'a/b/one');
  await tenant.graph('DELETE', one.place.below('a'));
  t.is((await move({ ...one, expected: second }, '2', 'a/b/two')).kind, 'moved');
  t.deepEqual(await one.place.list(), ['a', 'a/b', 'a/b/two']);
});

test('a file that only got another date or lock since is recycled, an edited one is not', async (t) => {
  const one = await scene('old');
  const fileSystemInfo = { lastModifiedDateTime: '2020-01-01T00:00:00Z' };
  await tenant.graph('PATCH', one.place.below('old'), { fileSystemInfo });
  t.is((await recycle(one, 'old')).kind, 'recycled');
  const two = await scene('old');
  await two.place.put('old', contentOfBytes(1000, 2));
  t.is((await recycle(two, 'old')).kind, 'existing');
});

test('a folder that somebody deleted and made anew is not the one that was migrated', async (t) => {
  const { place, destination } = await scene('file');
  await destination.makeFolder('a');
  const { id } = (await place.item('a'))!;
  const folder = { path: 'a', kind: 'folder', runTag: 'task-1' } as const;
  const other = { size: 0, modifiedNs: 0n, id: 'another', version: '' };
  t.is((await destination.recycle({ ...folder, expected: other })).kind, 'existing');
  t.is((await destination.recycle({ ...folder, expected: { ...other, id } })).kind, 'recycled');
});
