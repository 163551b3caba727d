import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';
import type { Principal } from '../http/exchange.ts';
import { createEntra } from './entra.ts';
import { PlayedClient } from './played-client.ts';
import { startStandalone } from './standalone.ts';
import {
  ann,
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

test('an application signs in with its secret, and its token says what it may do', async (t) => {
  const { client, auth, entra } = await startTenant(t);
  const app = client.confidential({ ...auth, clientSecret: 'right' });
  const answer = await app.acquireTokenByClientCredential({ scopes: [`${graph}/.default`] });
  const claims = decodeJwt(answer!.accessToken);
  t.is(claims.iss, `https://sts.windows.net/${tenantId}/`);
  t.is(claims.aud, graph);
  t.is(claims['idtyp'], 'app');
  t.is(claims['ver'], '1.0');
  t.is(claims.exp! - claims.iat!, 3599);
  t.deepEqual(await entra.checkToken(`Bearer ${answer!.accessToken}`, graph), {
    appId: clientId,
    appName: 'Migration',
    roles: ['Sites.ReadWrite.All', 'Files.ReadWrite.All'],
    scopes: [],
  });
  const nothing = client.confidential({ ...auth, clientId: emptyId, clientSecret: 'right' });
  const bare = await nothing.acquireTokenByClientCredential({ scopes: [`${graph}/.default`] });
  const principal = await entra.checkToken(`Bearer ${bare!.accessToken}`, graph);
  t.deepEqual((principal as Principal).roles, []);
});

test('SharePoint takes an application by its certificate and not by its secret', async (t) => {
  const { client, auth, entra } = await startTenant(t);
  const [{ certificate, privateKey, sha1, sha256 }] = await certificates;
  const scopes = [`${sharePoint}/.default`];
  for (const clientCertificate of [
    { thumbprintSha256: sha256, privateKey },
    { thumbprintSha256: sha256, privateKey, x5c: certificate },
    { thumbprint: sha1, privateKey },
  ]) {
    const app = client.confidential({ ...auth, clientCertificate });
    const answer = await app.acquireTokenByClientCredential({ scopes });
    const principal = await entra.checkToken(`Bearer ${answer!.accessToken}`, sharePoint);
    t.is((principal as Principal).appId, clientId);
  }
  const app = client.confidential({ ...auth, clientSecret: 'right' });
  const answer = await app.acquireTokenByClientCredential({ scopes });
  t.deepEqual(await entra.checkToken(`Bearer ${answer!.accessToken}`, sharePoint), {
    code: 'invalid_client',
    message: 'Unsupported app only token.',
  });
});

test('the tenant has several names, and answers under the host it is called by', async (t) => {
  const { client, server, origin } = await startTenant(t);
  for (const tenant of [tenantId, 'contoso.com', 'CONTOSO.onmicrosoft.com'])
    for (const host of [origin, 'https://login.microsoftonline.com', 'https://login.windows.net']) {
      const at = `${host}/${tenant}`;
      const { body } = await client.get(`${at}/v2.0/.well-known/openid-configuration`);
      t.is(body.issuer, `${host}/${tenantId}/v2.0`);
      t.is(body.token_endpoint, `${at}/oauth2/v2.0/token`);
      t.is(body.jwks_uri, `${at}/discovery/v2.0/keys`);
      t.is(body.device_authorization_endpoint, `${at}/oauth2/v2.0/devicecode`);
      const app = client.confidential({
        clientId,
        clientSecret: 'right',
        authority: at,
        knownAuthorities: host === origin ? [`localhost:${server.port}`] : [],
      });
      t.truthy(await app.acquireTokenByClientCredential({ scopes: [`${graph}/.default`] }));
    }
  const common = await client.get(`${origin}/common/v2.0/.well-known/openid-configuration`);
  t.is(common.body.issuer, `${origin}/{tenantid}/v2.0`);
  const endpoint = encodeURIComponent(`${origin}/${tenantId}/oauth2/v2.0/authorize`);
  const instance = await client.get(
    `${origin}/common/discovery/instance?api-version=1.1&authorization_endpoint=${endpoint}`,
  );
  t.is(
    instance.body.tenant_discovery_endpoint,
    `${origin}/${tenantId}/v2.0/.well-known/openid-configuration`,
  );
  t.true(instance.body.metadata.some((entry: any) => entry.aliases.includes(new URL(origin).host)));
  const elsewhere = await client.get(
    `${origin}/common/discovery/instance?authorization_endpoint=https://example.org/x`,
  );
  t.is(elsewhere.body.error, 'invalid_instance');
});

test('the published keys verify the tokens', async (t) => {
  const { client, origin, token } = await startTenant(t);
  const { body } = await token({ ...byItself, ...toGraph });
  const keys = await client.get(`${origin}/common/discovery/v2.0/keys`);
  const set = createLocalJWKSet(keys.body as JSONWebKeySet);
  t.is((await jwtVerify(body.access_token, set)).payload['appid'], clientId);
  t.true(keys.body.keys[0].x5c[0].length > 100);
});

test('a person approves a device code; the program goes on without them', async (t) => {
  const { client, auth, entra, decide } = await startTenant(t);
  const app = client.public(auth);
  const answer = await app.acquireTokenByDeviceCode({
    scopes: [`${graph}/.default`],
    deviceCodeCallback: ({ userCode, message, verificationUri }) => {
      t.true(message.includes(userCode) && message.includes(verificationUri));
      const typed = `${userCode.slice(0, 4)}-${userCode.slice(4)}`.toLowerCase();
      void decide({ user_code: typed, user: 'Ann@contoso.com', action: 'approve' });
    },
  });
  t.is(answer!.account!.username, ann.principalName);
  const principal = await entra.checkToken(`Bearer ${answer!.accessToken}`, graph);
  t.deepEqual(principal, {
    appId: clientId,
    appName: 'Migration',
    user: ann,
    roles: [],
    scopes: ['Files.ReadWrite.All', 'Sites.ReadWrite.All'],
  });

  const account = answer!.account!;
  const cached = await app.acquireTokenSilent({ account, scopes: [`${graph}/.default`] });
  t.is(cached.accessToken, answer!.accessToken);
  const scopes = [`${graph}/.default`];
  const fresh = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
  t.not(fresh.accessToken, answer!.accessToken);
  const other = await app.acquireTokenSilent({ account, scopes: [`${sharePoint}/.default`] });
  const there = await entra.checkToken(`Bearer ${other.accessToken}`, sharePoint);
  t.deepEqual((there as Principal).user, ann);
});

test('a device code that is declined, over, unknown or polled too often says so', async (t) => {
  const { client, clock, decide, origin, token } = await startTenant(t, {
    deviceCodeIntervalSeconds: 1000,
  });
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: clientId };
  const begin = async () =>
    (
      await client.post(`${origin}/common/oauth2/v2.0/devicecode`, {
        client_id: clientId,
        scope: 'Files.ReadWrite.All offline_access openid',
      })
    ).body;
  const first = await begin();
  t.regex(first.user_code, /^[A-Z0-9]{9}$/);
  t.is(first.expires_in, 900);
  t.is(first.verification_uri, `${origin}/devicelogin`);
  const poll = (deviceCode: string) => token({ ...grant, device_code: deviceCode });
  t.is((await poll(first.device_code)).body.error, 'authorization_pending');
  t.is((await poll(first.device_code)).body.error, 'slow_down');
  t.is((await poll('unknown')).body.error, 'bad_verification_code');

  const byNobody = await decide({ user_code: first.user_code, user: 'eve', action: 'approve' });
  t.is(byNobody.status, 400);
  t.regex(byNobody.body, /AADSTS50034/);
  t.is((await decide({ user_code: first.user_code })).status, 400);
  t.is((await decide({ user_code: first.user_code, action: 'decline' })).status, 200);
  t.is((await decide({ user_code: first.user_code, action: 'decline' })).status, 400);
  t.is((await poll(first.device_code)).body.error, 'authorization_declined');

  const second = await begin();
  clock.aheadMs += 900_000;
  t.is((await decide({ user_code: second.user_code, action: 'decline' })).status, 400);
  const over = await poll(second.device_code);
  t.is(over.body.error, 'expired_token');
  t.deepEqual(over.body.error_codes, [70020]);

  const third = await begin();
  await decide({ user_code: third.user_code, user: ann.id, action: 'approve' });
  const given = (await poll(third.device_code)).body;
  t.is(given.scope, 'Files.ReadWrite.All openid');
  t.is((await poll(third.device_code)).body.error, 'bad_verification_code');

  const nothing = await client.post(`${origin}/common/oauth2/v2.0/devicecode`, {
    client_id: emptyId,
    scope: 'User.Read',
  });
  await decide({ user_code: nothing.body.user_code, user: ann.id, action: 'approve' });
  const refused = await token({
    ...grant,
    client_id: emptyId,
    device_code: nothing.body.device_code,
  });
  t.deepEqual(refused.body.error_codes, [65001]);
});

test('the page for device codes is one that a browser can use, and repeats no markup', async (t) => {
  const { client, origin } = await startTenant(t);
  const page = await client.get(`${origin}/common/oauth2/deviceauth?user_code="><script>`);
  t.is(page.status, 200);
  t.regex(page.body, /<option value="ann@contoso.com">/);
  t.false(page.body.includes('<script>'));
});

test('refresh tokens outlive a restart, end after 90 days, and belong to one application', async (t) => {
  const { client, clock, decide, options, origin, token } = await startTenant(t);
  const scope = 'Files.ReadWrite.All offline_access';
  const code = (
    await client.post(`${origin}/${tenantId}/oauth2/v2.0/devicecode`, {
      client_id: clientId,
      scope,
    })
  ).body;
  await decide({ user_code: code.user_code, user: ann.id, action: 'approve' });
  const grant = { grant_type: 'device_code', client_id: clientId };
  const first = (await token({ ...grant, device_code: code.device_code })).body;

  await using again = await startStandalone(options);
  await using later = new PlayedClient(again);
  const refresh = { grant_type: 'refresh_token', client_id: clientId, scope };
  const { body: second } = await later.post(
    `https://localhost:${again.port}/contoso.com/oauth2/v2.0/token`,
    { ...refresh, refresh_token: first.refresh_token },
  );
  t.not(second.refresh_token, first.refresh_token);
  t.is((await token({ ...refresh, refresh_token: second.refresh_token })).status, 200);
  const stolen = { ...refresh, client_id: emptyId, refresh_token: second.refresh_token };
  t.deepEqual((await token(stolen)).body.error_codes, [70000]);
  t.deepEqual((await token({ ...refresh, refresh_token: 'x' })).body.error_codes, [9002313]);
  const other = { ...refresh, scope: 'Mail.Read', refresh_token: second.refresh_token };
  const { body } = await token(other);
  t.deepEqual(
    [body.error, body.suberror, body.error_codes[0]],
    ['invalid_grant', 'consent_required', 65001],
  );
  clock.aheadMs += 91 * 24 * 60 * 60 * 1000;
  const { body: late } = await token({ ...refresh, refresh_token: second.refresh_token });
  t.deepEqual(late.error_codes, [700082]);
});

test('a service that was called with a token gets one of its own for that person', async (t) => {
  const { client, auth, clock, entra, decide } = await startTenant(t);
  const caller = client.public({ ...auth, clientId: emptyId });
  const called = await caller.acquireTokenByDeviceCode({
    scopes: [`api://${clientId}/.default`],
    deviceCodeCallback: ({ userCode }) =>
      void decide({ user_code: userCode, user: ann.id, action: 'approve' }),
  });
  const service = client.confidential({ ...auth, clientSecret: 'right' });
  const scopes = [`${graph}/Files.ReadWrite.All`];
  const oboAssertion = called!.accessToken;
  const answer = await service.acquireTokenOnBehalfOf({ scopes, oboAssertion });
  const principal = await entra.checkToken(`Bearer ${answer!.accessToken}`, graph);
  t.deepEqual((principal as Principal).user, ann);
  t.is((principal as Principal).appId, clientId);

  const refuse = (assertion: string, code: number) =>
    t.throwsAsync(
      service.acquireTokenOnBehalfOf({ scopes, oboAssertion: assertion, skipCache: true }),
      { message: new RegExp(`AADSTS${code}:`) },
    );
  await refuse(answer!.accessToken, 500131);
  await refuse(`${oboAssertion.slice(0, -6)}AAAAAA`, 50013);
  const own = client.confidential({ ...auth, clientSecret: 'right' });
  const appOnly = await own.acquireTokenByClientCredential({ scopes: [`${clientId}/.default`] });
  await refuse(appOnly!.accessToken, 7000114);
  clock.aheadMs += 3600_000;
  await refuse(oboAssertion, 500133);
});

test('the keys are readable by their owner only, and a damaged file is named', async (t) => {
  const { options } = await startTenant(t);
  const file = path.join(options.keyFolder, 'entra-keys.json');
  t.is(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, '{"privateKey":"');
  await t.throwsAsync(createEntra(options), { message: /entra-keys\.json: is damaged; remove it/ });
  writeFileSync(file, '{}');
  await t.throwsAsync(createEntra(options), { message: /entra-keys\.json: is damaged; remove it/ });
});
