// From what people paste to the drive and folder it means, and whether it can be written to.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import { checkPlace } from './check-place.ts';
import { quickClock } from './testing/place.ts';
import { TestTenant, type FaultRule } from './testing/tenant.ts';

const contoso = 'https://contoso.sharepoint.com';
const documents = { title: 'Documents', urlName: 'Shared Documents' };
const full = { title: 'Full', urlName: 'Full', quotaBytes: 1 };
const tenant = await TestTenant.startWith((described) => ({
  ...described,
  sites: [
    ...described.sites,
    { path: '/sites/migration/team', title: 'A subsite', libraries: [documents] },
    { path: '/sites/quota', title: 'No room', libraries: [documents, full] },
  ],
}));
test.after.always(() => tenant[Symbol.asyncDispose]());

const policies = `${contoso}/sites/hr/HRPolicies`;
const shared = `${contoso}/sites/hr/Shared%20Documents`;
const places: [address: string, library: string, folder: string][] = [
  [`${contoso}/sites/hr/Shared Documents`, shared, ''],
  [`${contoso}/sites/hr/Shared%20Documents/a/b%23c/100%25`, shared, 'a/b#c/100%'],
  [`${contoso}/sites/hr/Documents/by title`, shared, 'by title'],
  [`${contoso}/sites/hr/Policies/a`, policies, 'a'],
  [`${contoso}/sites/hr/hrpolicies`, policies, ''],
  [`${contoso}/sites/hr/HRPolicies/Forms/AllItems.aspx?id=%2Fsites%2Fhr%2FHRPolicies%2Fdeep%20down`, policies, 'deep down'], // oxfmt-ignore
  [`${contoso}/sites/hr`, shared, ''],
  [`${contoso}/SITES/HR/Shared Documents/Ünï 日本`, shared, 'Ünï 日本'],
  [contoso, `${contoso}/Shared%20Documents`, ''],
  [`${contoso}/Shared Documents/a`, `${contoso}/Shared%20Documents`, 'a'],
  [`${contoso}/sites/migration/team/Shared Documents/a`, `${contoso}/sites/migration/team/Shared%20Documents`, 'a'], // oxfmt-ignore
  ['Ann@contoso.com', 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents', ''],
  ['Ann@contoso.com/A/b c', 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents', 'A/b c'], // oxfmt-ignore
  ['https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents/a/b', 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents', 'a/b'], // oxfmt-ignore
  ['https://contoso-my.sharepoint.com/personal/ann_contoso_com', 'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents', ''], // oxfmt-ignore
];
for (const [address, library, folder] of places)
  test(`${address} is found`, async (t) => {
    const place = await tenant.resolve(address);
    t.is(place.libraryUrl, library);
    t.is(place.folder, folder);
    const root = await tenant.graph('GET', `/drives/${place.driveId}/root?$select=webUrl`);
    t.is((root.json() as { webUrl: string }).webUrl, library);
  });

const refused: [address: string, reason: ErrorReason, words: RegExp][] = [
  [`${contoso}/sites/nowhere/Shared Documents`, ErrorReason.DESTINATION_NOT_FOUND, /the site https:\/\/contoso\.sharepoint\.com\/sites\/nowhere: not found/], // oxfmt-ignore
  [`${contoso}/sites/hr/Nothing/a`, ErrorReason.DESTINATION_NOT_FOUND, /there are: Documents \(.*Records \(.*Policies \(/], // oxfmt-ignore
  [`${contoso}/sites`, ErrorReason.DESTINATION_NOT_FOUND, /names no site/],
  ['nobody@contoso.com', ErrorReason.DESTINATION_NOT_FOUND, /the OneDrive of nobody@contoso\.com/],
  ['https://fabrikam.sharepoint.com/sites/hr', ErrorReason.DESTINATION_NOT_FOUND, /fabrikam/],
];
for (const [address, reason, words] of refused)
  test(`${address} is refused, and it is said what was tried`, async (t) => {
    const error = await t.throwsAsync(tenant.resolve(address), { instanceOf: DroverError });
    t.is(error.reason, reason);
    t.regex(error.message, words);
  });

test('an application without permissions is told so', async (t) => {
  const client = tenant.client({ getToken: (forceRefresh) => tenant.token(forceRefresh, 1) });
  for (const address of [`${contoso}/sites/hr/Shared Documents`, 'ann@contoso.com']) {
    const error = await t.throwsAsync(tenant.resolve(address, client), { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.DESTINATION_ACCESS_DENIED);
    t.regex(error.message, /the account or application that the agent signs in with/);
  }
});

test('a token for something else than Graph is refused once more after a fresh one, and then for good', async (t) => {
  const asked: boolean[] = [];
  const getToken = async (forceRefresh: boolean) => {
    asked.push(forceRefresh);
    return 'eyJhbGciOiJub25lIn0.eyJhdWQiOiJvdGhlciJ9.';
  };
  const found = tenant.resolve(`${contoso}/sites/hr`, tenant.client({ getToken }));
  const error = await t.throwsAsync(found, { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.DESTINATION_ACCESS_DENIED);
  t.deepEqual(asked, [false, true]);
});

test('a token that was refreshed is not refreshed again for each further attempt', async (t) => {
  const asked: boolean[] = [];
  const getToken = (forceRefresh: boolean) => {
    asked.push(forceRefresh);
    return tenant.token();
  };
  const path = 'refresh-once';
  await tenant.fault({ name: 'refresh-1', path, nth: 1, fault: { kind: 'expiredToken' } });
  await tenant.fault({ name: 'refresh-2', path, nth: 2, fault: { kind: 'status', status: 502 } });
  const client = tenant.client({ getToken, clock: quickClock() });
  const error = await t.throwsAsync(tenant.resolve(`${contoso}/sites/refresh-once`, client), {
    instanceOf: DroverError,
  });
  t.is(error.reason, ErrorReason.DESTINATION_NOT_FOUND);
  t.deepEqual(asked, [false, true, false]);
});

test.serial('a place that can be written to passes, and nothing is left there', async (t) => {
  const client = tenant.client();
  const place = await tenant.resolve(`${contoso}/Shared Documents/not/there/yet`);
  await checkPlace(client, place, AbortSignal.timeout(20_000));
  const children = await tenant.graph('GET', `/drives/${place.driveId}/root/children`);
  t.deepEqual((children.json() as { value: unknown[] }).value, []);
  const { graph } = (await tenant.stats()) as { graph: { openSessions: number } };
  t.is(graph.openSessions, 0);
});

const unwritable: [
  what: string,
  address: string,
  rule: Omit<FaultRule, 'path'> | undefined,
  reason: ErrorReason,
][] = [
  // oxfmt-ignore
  ['a site whose every change is refused', `${contoso}/sites/readonly/Shared Documents`, undefined, ErrorReason.DESTINATION_ACCESS_DENIED], // oxfmt-ignore
  ['a site that says it is read-only', `${contoso}/sites/hr/HRPolicies`, { method: 'POST', times: 1, fault: { kind: 'status', status: 403, message: 'The site is read-only' } }, ErrorReason.DESTINATION_READ_ONLY], // oxfmt-ignore
  ['a library that says it has no room', `${contoso}/sites/quota/Full`, { method: 'POST', times: 1, fault: { kind: 'quotaExceeded' } }, ErrorReason.DESTINATION_FULL], // oxfmt-ignore
  ['a service that is busy without end', `${contoso}/sites/migration/team`, { method: 'POST', fault: { kind: 'status', status: 500 } }, ErrorReason.DESTINATION_BUSY], // oxfmt-ignore
];
for (const [what, address, rule, reason] of unwritable)
  test(`${what} does not pass`, async (t) => {
    const place = await tenant.resolve(address);
    if (rule !== undefined) await tenant.fault({ ...rule, name: what, path: place.driveId });
    const client = tenant.client({ clock: quickClock() });
    const checked = checkPlace(client, place, AbortSignal.timeout(20_000));
    const error = await t.throwsAsync(checked, { instanceOf: DroverError });
    t.is(error.reason, reason);
    t.true(error.message.includes(place.libraryUrl), error.message);
  });

test('a quota that is used up is seen without trying', async (t) => {
  const place = await tenant.resolve(`${contoso}/sites/quota/Shared Documents`);
  const body = { id: place.driveId, quota: { state: 'exceeded' } };
  await tenant.fault({ name: 'quota', path: `${place.driveId}.*quota`, fault: { kind: 'status', status: 200, body } }); // oxfmt-ignore
  const checked = checkPlace(tenant.client(), place, AbortSignal.timeout(20_000));
  const error = await t.throwsAsync(checked, { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.DESTINATION_FULL);
});
