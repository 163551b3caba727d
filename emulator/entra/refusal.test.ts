import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { importPKCS8, SignJWT } from 'jose';
import type { TokenRefusal } from '../http/exchange.ts';
import { createEntra } from './entra.ts';
import {
  byItself,
  certificates,
  clientId,
  emptyId,
  graph,
  sharePoint,
  startTenant,
  tenantId,
  toGraph,
} from './test-tenant.ts';

const refusals: [
  said: string,
  form: Record<string, string>,
  status: number,
  error: string,
  code: number,
][] = [
  ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
  ['an expired secret', { client_secret: 'of last year' }, 401, 'invalid_client', 7000222],
  ['an unknown application', { client_id: tenantId }, 400, 'unauthorized_client', 700016],
  ['no client id', { client_id: '' }, 400, 'invalid_request', 900144],
  ['no scope', { scope: '' }, 400, 'invalid_request', 900144],
  ['no grant', { grant_type: '' }, 400, 'invalid_request', 900144],
  ['a scope with forbidden signs', { scope: `${graph}/a?b` }, 400, 'invalid_scope', 70011],
  ['a scope that is not .default', { scope: `${graph}/Mail.Read` }, 400, 'invalid_scope', 1002012],
  [
    'two resources',
    { scope: `${graph}/.default ${sharePoint}/.default` },
    400,
    'invalid_scope',
    28000,
  ],
  [
    'an unknown resource',
    { scope: 'https://fabrikam.sharepoint.com/.default' },
    400,
    'invalid_resource',
    500011,
  ],
  [
    'a grant for browsers',
    { grant_type: 'authorization_code' },
    400,
    'unsupported_grant_type',
    70003,
  ],
  ['an invented grant', { grant_type: 'constructor' }, 400, 'unsupported_grant_type', 70003],
  ['a code that nobody made', { grant_type: 'device_code' }, 400, 'invalid_request', 900144],
];

for (const [said, form, status, error, code] of refusals)
  test(`refused: ${said}`, async (t) => {
    const { token } = await startTenant(t);
    const answer = await token({ ...byItself, ...toGraph, ...form });
    t.is(answer.status, status);
    t.is(answer.body.error, error);
    t.deepEqual(answer.body.error_codes, [code]);
    t.regex(
      answer.body.error_description,
      new RegExp(`^AADSTS${code}: .* Trace ID: .* Timestamp: `),
    );
    t.truthy(answer.body.trace_id);
    t.truthy(answer.body.correlation_id);
    t.regex(answer.body.timestamp, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  });

test('refused: no secret at all, an unknown tenant, a tenant left open, GET', async (t) => {
  const { client, origin, token } = await startTenant(t);
  const { client_secret: _, ...withoutSecret } = byItself;
  t.deepEqual((await token({ ...withoutSecret, ...toGraph })).body.error_codes, [7000218]);
  const unknown = await token({ ...byItself, ...toGraph }, 'fabrikam.com');
  t.deepEqual(unknown.body.error_codes, [90002]);
  const place = 'fabrikam.com/v2.0/.well-known/openid-configuration';
  const discovery = await client.get(`${origin}/${place}`);
  t.is(discovery.status, 400);
  t.is(discovery.body.error, 'invalid_tenant');
  t.deepEqual(discovery.body.error_codes, [90002]);
  const open = await token({ ...byItself, ...toGraph }, 'organizations');
  t.deepEqual(open.body.error_codes, [50059]);
  const got = await client.get(`${origin}/${tenantId}/oauth2/v2.0/token`);
  t.deepEqual(got.body.error_codes, [900561]);
  t.is((await client.get(`${origin}/${tenantId}/oauth2/v2.0/authorize`)).status, 501);
  t.is((await client.get(`${origin}/${tenantId}/elsewhere`)).status, 404);
  const flood = await token({ ...byItself, scope: 'x'.repeat(70_000) });
  t.is(flood.status, 413);
});

test('refused: assertions with the wrong key, time, audience or name', async (t) => {
  const { client, auth, origin, token } = await startTenant(t);
  const [valid, expired, foreign] = await certificates;
  const failing: [certificate: typeof valid, shown: string, said: RegExp][] = [
    [expired, expired.sha256, /AADSTS700027: .*The key used is expired/],
    [foreign, foreign.sha256, /AADSTS700027: .*The key was not found/],
    [foreign, valid.sha256, /AADSTS700027: .*the signature is invalid/],
  ];
  for (const [{ privateKey }, thumbprintSha256, message] of failing) {
    const app = client.confidential({
      ...auth,
      clientCertificate: { thumbprintSha256, privateKey },
    });
    await t.throwsAsync(app.acquireTokenByClientCredential({ scopes: [`${graph}/.default`] }), {
      message,
    });
  }
  const second = Math.floor(Date.now() / 1000);
  const good = {
    aud: `${origin}/${tenantId}/oauth2/v2.0/token`,
    iss: clientId,
    sub: clientId,
    exp: second + 600,
  };
  const key = await importPKCS8(valid.privateKey, 'PS256');
  const x5t = Buffer.from(valid.sha256, 'hex').toString('base64url');
  const header = { alg: 'PS256', 'x5t#S256': x5t };
  const show = async (claims: object) => {
    const assertion = await new SignJWT({ ...claims }).setProtectedHeader(header).sign(key);
    const { client_secret: _, ...form } = byItself;
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const proof = { client_assertion: assertion, client_assertion_type: type };
    return token({ ...form, ...toGraph, ...proof });
  };
  t.is((await show(good)).status, 200);
  t.deepEqual((await show({ ...good, exp: second - 600 })).body.error_codes, [700024]);
  t.deepEqual((await show({ ...good, exp: undefined })).body.error_codes, [700024]);
  t.deepEqual((await show({ ...good, sub: emptyId })).body.error_codes, [700021]);
  t.deepEqual(
    (await show({ ...good, aud: 'https://example.org/token' })).body.error_codes,
    [700023],
  );
});

test('access tokens are refused in the words of Graph', async (t) => {
  const { entra, clock, token, options } = await startTenant(t);
  const { body } = await token({ ...byItself, ...toGraph });
  const bearer = `Bearer ${body.access_token}`;
  const said = async (authorization: string | undefined, audience = graph) =>
    ((await entra.checkToken(authorization, audience)) as TokenRefusal).message;
  t.is(await said(undefined), 'Access token is empty.');
  t.is(await said('Basic eDp5'), 'Access token is empty.');
  t.is(await said('Bearer x'), 'CompactToken parsing failed with error code: 80049217');
  t.is(
    await said(`${bearer.slice(0, -6)}AAAAAA`),
    'Access token validation failure. Invalid signature.',
  );
  t.is(await said(bearer, sharePoint), 'Invalid issuer or signature');
  const toSharePoint = await token({ ...byItself, scope: `${sharePoint}/.default` });
  t.is(
    await said(`Bearer ${toSharePoint.body.access_token}`),
    'Access token validation failure. Invalid audience.',
  );
  t.is(await said(bearer), undefined!);
  t.is(await said(bearer, `${graph}/`), undefined!);
  clock.aheadMs += 3599_000;
  t.is(await said(bearer), 'Access token has expired or is not yet valid.');

  const keyFolder = mkdtempSync(path.join(tmpdir(), 'drover-entra-'));
  t.teardown(() => rmSync(keyFolder, { recursive: true }));
  const other = await createEntra({ ...options, keyFolder, now: () => Date.now() });
  const foreign = (await other.checkToken(bearer, graph)) as TokenRefusal;
  t.is(foreign.code, 'InvalidAuthenticationToken');
});
