// Tokens that somebody made up, and tokens that are not for us: each is refused, and said why.
import test from 'ava';
import { createHmac } from 'node:crypto';
import { base64url, CompactSign, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Entra } from './entra.ts';
import { audience, issuingTenant, startIssuer } from './testing/issuer.ts';

type Issuer = Awaited<ReturnType<typeof startIssuer>>;

async function refusal(entra: Entra, token: string): Promise<DroverError> {
  return entra.verify(token).then(
    () => {
      throw new Error('it was taken');
    },
    (error: unknown) => {
      if (error instanceof DroverError) return error;
      throw error;
    },
  );
}

test('a good token says who it is, and the highest role counts', async (t) => {
  const { entra, sign, claims } = await startIssuer(t);
  t.deepEqual(await entra.verify(await sign()), {
    name: 'ann@contoso.com',
    kind: 'person',
    role: Role.ADMIN,
    expiresMs: claims.exp! * 1000,
  });
  for (const [roles, role] of [
    [['Drover.Viewer'], Role.VIEWER],
    [['Drover.Operator', 'Drover.Viewer'], Role.OPERATOR],
    [['Drover.Viewer', 'Drover.Admin', 'Drover.Operator'], Role.ADMIN],
    [['drover.admin', 'Admin', 'Drover.Owner'], Role.UNSPECIFIED],
    ['Drover.Admin', Role.UNSPECIFIED],
    [{ 0: 'Drover.Admin' }, Role.UNSPECIFIED],
    [[['Drover.Admin']], Role.UNSPECIFIED],
    [undefined, Role.UNSPECIFIED],
  ] as const)
    t.is((await entra.verify(await sign({ roles, aud: `api://${audience}` }))).role, role, JSON.stringify(roles)); // oxfmt-ignore
});

test('a program that calls as itself is named by its id', async (t) => {
  const { entra, sign, claims } = await startIssuer(t);
  const token = await sign({ scp: undefined, sub: claims['oid'] as string, azp: 'a-program' });
  t.like(await entra.verify(token), { name: 'applications/a-program', kind: 'application' });
});

test('nobody goes by the name of something else', async (t) => {
  const { entra, sign, claims } = await startIssuer(t);
  for (const name of [
    'admin-token',
    'agents/a',
    'accessTokens/a@b',
    'a@b\n',
    'a@b c',
    'a@\u202eb',
    '',
    5,
    `${'a'.repeat(300)}@b`,
  ])
    // oxfmt-ignore
    t.is(
      (await entra.verify(await sign({ preferred_username: name }))).name,
      `users/${String(claims['oid'])}`,
    );
});

/** `undefined` leaves a claim out. */
type Claims = Record<string, unknown>;

const wrongClaims: [what: string, changes: (issuer: Issuer) => Claims, words: RegExp][] = [
  ['is over', ({ second }) => ({ exp: second - 61 }), /its time is over/],
  ['has not begun', ({ second }) => ({ nbf: second + 61 }), /has not begun/],
  ['never ends', () => ({ exp: undefined }), /exp/],
  ['has always been', () => ({ nbf: undefined }), /nbf/],
  ['is for another application', () => ({ aud: 'https://graph.microsoft.com' }), /another application/], // oxfmt-ignore
  ['is for an application of a similar name', () => ({ aud: `${audience}0` }), /another application/], // oxfmt-ignore
  ['is for nobody', () => ({ aud: undefined }), /another application|aud/],
  ['is of another issuer', ({ issuer }) => ({ iss: issuer.replace('https', 'http') }), /its issuer is not/], // oxfmt-ignore
  ['is of the same issuer, nearly', ({ issuer }) => ({ iss: `${issuer}/` }), /its issuer is not/],
  ['is of no issuer', () => ({ iss: undefined }), /issuer|iss/],
  ['is of another tenant', () => ({ tid: '00000000-0000-0000-0000-000000000000' }), /another tenant/], // oxfmt-ignore
  ['is of no tenant', () => ({ tid: undefined }), /tid/],
  ['is of version 1', () => ({ ver: '1.0' }), /version 1\.0; set requestedAccessTokenVersion to 2/],
  ['is of version 1, with its claims', () => ({ ver: '1.0', azp: undefined, appid: audience, iss: `https://sts.windows.net/${issuingTenant}/` }), /version 1\.0/], // oxfmt-ignore
  ['is of no version', () => ({ ver: undefined }), /ver/],
  ['is an ID token', () => ({ scp: undefined, azp: undefined }), /azp/],
  ['is an ID token with a further claim', () => ({ scp: undefined }), /do not send an ID token/],
];

for (const [what, changes, words] of wrongClaims)
  test(`a token is refused that ${what}`, async (t) => {
    const issuer = await startIssuer(t);
    const error = await refusal(issuer.entra, await issuer.sign(changes(issuer)));
    t.is(error.reason, ErrorReason.UNAUTHENTICATED);
    t.regex(error.message, words);
  });

test('clocks may be a minute apart', async (t) => {
  const { entra, sign, second, clock } = await startIssuer(t);
  const late = await sign({ exp: second - 55 });
  await entra.verify(late);
  await entra.verify(await sign({ nbf: second + 55 }));
  clock.nowMs += 10_000;
  t.regex((await refusal(entra, late)).message, /its time is over/);
});

test("a token that nobody signed, or not with the tenant's key, is refused", async (t) => {
  const { entra, sign, claims, pair, keys } = await startIssuer(t);
  const encode = (value: object) => base64url.encode(JSON.stringify(value));
  const unsigned = (alg: string) =>
    `${encode({ alg, typ: 'JWT', kid: 'first' })}.${encode(claims)}`;
  const publicPem = await exportSPKI(pair.publicKey);
  const hmac = (secret: string) => {
    const content = unsigned('HS256');
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  };
  const other = await generateKeyPair('RS256', { extractable: true });
  const good = await sign();
  const [header, , signature] = good.split('.');
  const extended = new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RS256', kid: 'first', crit: ['further'], further: 1 })
    .sign(pair.privateKey, { crit: { further: true } });
  const forged: [what: string, token: string][] = [
    ['alg none', `${unsigned('none')}.`],
    ['alg None', `${unsigned('None')}.`],
    ['alg none, with a signature', `${unsigned('none')}.${signature}`],
    ['the public key as a password', hmac(publicPem)],
    ['the modulus as a password', hmac(String(keys[0]!.n))],
    ['an empty password', hmac('')],
    ['another key of the same name', await sign({}, other.privateKey)],
    ['a key in the token itself', await sign({}, other.privateKey, { jwk: await exportJWK(other.publicKey) })], // oxfmt-ignore
    ['an address of keys in the token itself', await sign({}, other.privateKey, { jku: 'https://localhost/keys' })], // oxfmt-ignore
    ['no name of a key that there is', await sign({}, pair.privateKey, { kid: 'other' })],
    ['other claims under a good signature', `${header}.${encode({ ...claims, aud: audience, roles: ['Drover.Admin'], sub: 'x' })}.${signature}`], // oxfmt-ignore
    ['a signature that is cut off', good.slice(0, -10)],
    ['RS256 under PS256', good.replace(header!, encode({ alg: 'PS256', kid: 'first' }))],
    ['an extension that must be understood', await extended],
    ['nothing', '..'],
    ['rubbish', 'a.b.c'],
    ['a header that is no JSON', `${base64url.encode('{')}.${encode(claims)}.${signature}`],
    ['too much', `${good}${'a'.repeat(20_000)}`],
  ];
  for (const [what, token] of forged) {
    const error = await refusal(entra, token).catch((thrown: unknown) => t.fail(`${what}: ${String(thrown)}`)); // oxfmt-ignore
    if (error instanceof DroverError) t.is(error.reason, ErrorReason.UNAUTHENTICATED, what);
  }
  await entra.verify(good);
});

test('a key that is new is fetched, one that was withdrawn is forgotten with its age', async (t) => {
  const { entra, sign, keys, state } = await startIssuer(t);
  await entra.verify(await sign());
  t.is(state.fetches, 1);
  const next = await generateKeyPair('RS256', { extractable: true });
  keys.unshift({ ...(await exportJWK(next.publicKey)), kid: 'second', use: 'sig' });
  await entra.verify(await sign({}, next.privateKey, { kid: 'second' }));
  t.is(state.fetches, 2);
  await entra.verify(await sign({ sub: 'another' }));
  t.is(state.fetches, 2);
});

test('a token is checked once, and not taken after its end', async (t) => {
  const { entra, sign, second, clock, state } = await startIssuer(t);
  const token = await sign({ exp: second + 10 });
  let checks = 0;
  const look = () => entra.verify(token, () => (checks += 1));
  const first = await look();
  t.is(await look(), first);
  t.is(checks, 1);
  clock.nowMs += 71_000;
  t.regex((await refusal(entra, token)).message, /its time is over/);
  t.is(state.fetches, 1);
});

test('when the keys cannot be had, it is said, and it is tried again', async (t) => {
  const { entra, sign, state, clock } = await startIssuer(t);
  const token = await sign();
  const { document } = state;
  for (const [status, bad, words] of [
    [503, document, /HTTP status 503/],
    [200, {}, /names no issuer of one tenant/],
    [200, { ...document, issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' }, /names no issuer of one tenant/], // oxfmt-ignore
    [200, { ...document, jwks_uri: 'http://localhost/keys' }, /does not say where the keys are/],
    [200, { ...document, jwks_uri: 'https://localhost:1/keys' }, /localhost:1 cannot be reached/],
  ] as const) {
    Object.assign(state, { status, document: bad });
    clock.nowMs += 24 * 60 * 60 * 1000;
    const error = await refusal(entra, token);
    t.is(error.reason, ErrorReason.UNAVAILABLE);
    t.regex(error.message, words);
    t.regex(error.message, /a token of the coordinator works meanwhile/);
  }
});

test('a tenant that cannot be reached is named', async (t) => {
  const { entra, sign, stop } = await startIssuer(t);
  stop();
  const error = await refusal(entra, await sign());
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.regex(error.message, /localhost:\d+ cannot be reached from the coordinator: .*ECONNREFUSED/);
});
