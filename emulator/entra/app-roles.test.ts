// Tokens to an application of one's own: their version, the roles in them, and the keys that sign them.
import test from 'ava';
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { ann, clientId, startTenant, tenantId } from './test-tenant.ts';

const coordinatorId = '5d0a8b0e-1f4c-4a53-9a4f-0d7d4f2f6a01';

function withRoles(accessTokenVersion?: number) {
  const permissions = { application: [], delegated: [] };
  const common = { secrets: ['right'], certificates: [], permissions };
  return [
    { ...common, clientId, name: 'A program' },
    {
      ...common,
      clientId: coordinatorId,
      name: 'Coordinator',
      appRoles: [
        { value: 'Drover.Viewer', assignedTo: [ann.principalName.toUpperCase(), clientId] },
        { value: 'Drover.Operator', assignedTo: [clientId] },
        { value: 'Drover.Admin', assignedTo: [ann.id] },
      ],
      ...(accessTokenVersion === undefined ? {} : { accessTokenVersion }),
    },
  ];
}

type Tenant = Awaited<ReturnType<typeof startTenant>>;

async function programToken({ token }: Tenant, client = clientId): Promise<string> {
  const { body } = await token({
    grant_type: 'client_credentials',
    client_id: client,
    client_secret: 'right',
    scope: `${client === coordinatorId ? '' : 'api://'}${coordinatorId}/.default`,
  });
  return body.access_token;
}

test('a person has the roles that were assigned, in tokens of version 2 when the manifest says so', async (t) => {
  const tenant = await startTenant(t, { apps: withRoles(2) });
  const application = tenant.client.public({ ...tenant.auth, clientId: coordinatorId });
  const answer = await application.acquireTokenByDeviceCode({
    scopes: [`${coordinatorId}/.default`],
    deviceCodeCallback: ({ userCode }) =>
      void tenant.decide({ user_code: userCode, user: ann.principalName, action: 'approve' }),
  });
  const claims = decodeJwt(answer!.accessToken);
  t.like(claims, {
    aud: coordinatorId,
    iss: `${tenant.origin}/${tenantId}/v2.0`,
    azp: coordinatorId,
    azpacr: '0',
    ver: '2.0',
    tid: tenantId,
    oid: ann.id,
    preferred_username: ann.principalName,
    roles: ['Drover.Viewer', 'Drover.Admin'],
  });
  t.is(typeof claims['scp'], 'string');
  t.deepEqual(decodeJwt(answer!.idToken)['roles'], ['Drover.Viewer', 'Drover.Admin']);
});

test('a program has the roles that were assigned to it, and no scope', async (t) => {
  const claims = decodeJwt(await programToken(await startTenant(t, { apps: withRoles(2) })));
  t.like(claims, {
    aud: coordinatorId,
    azp: clientId,
    roles: ['Drover.Viewer', 'Drover.Operator'],
  });
  t.is(claims.sub, claims['oid'] as string);
  t.is(claims['scp'], undefined);
});

test('who was assigned no role has no such claim', async (t) => {
  const tenant = await startTenant(t, { apps: withRoles(2) });
  t.is(decodeJwt(await programToken(tenant, coordinatorId))['roles'], undefined);
});

test('without a version in the manifest, tokens are of version 1', async (t) => {
  const claims = decodeJwt(await programToken(await startTenant(t, { apps: withRoles() })));
  t.like(claims, { aud: `api://${coordinatorId}`, iss: `https://sts.windows.net/${tenantId}/`, ver: '1.0' }); // oxfmt-ignore
  t.deepEqual(claims['roles'], ['Drover.Viewer', 'Drover.Operator']);
});

test('an application that asks for a token to itself names itself by its id', async (t) => {
  const { token } = await startTenant(t, { apps: withRoles(2) });
  const { status, body } = await token({
    grant_type: 'client_credentials',
    client_id: coordinatorId,
    client_secret: 'right',
    scope: `api://${coordinatorId}/.default`,
  });
  t.is(status, 400);
  t.regex(body.error_description, /^AADSTS90009: /);
});

test('keys are rotated: new tokens have another key, those of the last one are good, those before are not', async (t) => {
  const tenant = await startTenant(t, { apps: withRoles(2) });
  const keysUrl = `${tenant.origin}/${tenantId}/discovery/v2.0/keys`;
  const verify = (token: string) =>
    jwtVerify(
      token,
      createRemoteJWKSet(new URL(keysUrl), {
        [customFetch]: async (url) => Response.json((await tenant.client.get(url)).body),
      }),
    );
  const first = await programToken(tenant);
  const kid = await tenant.entra.rotateKeys();
  const second = await programToken(tenant);
  t.is(decodeProtectedHeader(second).kid, kid);
  await verify(first);
  await verify(second);
  await tenant.entra.rotateKeys();
  await verify(second);
  await t.throwsAsync(verify(first), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
});
