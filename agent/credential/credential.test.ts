import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { pino } from 'pino';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import {
  createCredential,
  type RenewableCredential,
  type SignInCredential,
  type SignInOptions,
} from './credential.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { clientId, makeCertificate, PlayedEntra, rightSecret, tenantId } from './played-entra.ts';

const far = { notBefore: new Date(0), notAfter: new Date('2100-01-01') };
const certificates = Promise.all([
  makeCertificate(far),
  makeCertificate({ notBefore: new Date(0), notAfter: new Date('2001-01-01') }),
  makeCertificate({ notBefore: new Date('2099-01-01'), notAfter: new Date('2100-01-01') }),
]);
/** Shared by the tests that only look at answers. */
const shared = certificates.then(([valid]) =>
  PlayedEntra.start({ certificates: [valid.certificatePem] }),
);
test.after.always(async () => (await shared)[Symbol.asyncDispose]());

const { signal } = new AbortController();
const box = sealedBox(randomBytes(32));
const right: SignInCredential = { kind: 'secret', secret: rightSecret };

interface Opened extends AsyncDisposable {
  credential: RenewableCredential;
  /** Everything that was logged. */
  logged(): string;
}

function open(
  entra: PlayedEntra,
  credential: SignInOptions['credential'],
  more: Partial<SignInOptions> & { clock?: Clock; kept?: () => SignInCredential | undefined; showDeviceCode?: (message: string) => void } = {}, // oxfmt-ignore
): Opened {
  const { clock = systemClock, kept = () => undefined, showDeviceCode = () => {}, ...options } = more; // oxfmt-ignore
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => lines.push(line) });
  const opened = createCredential(
    {
      tenant: tenantId,
      clientId,
      credential,
      authorityUrl: entra.authorityUrl,
      graphUrl: 'https://graph.microsoft.com',
      cacheFile: undefined,
      http: { proxyUrl: undefined, caFile: entra.caFile, noProxy: undefined },
      ...options,
    },
    { log, clock, box, kept, showDeviceCode },
  );
  return {
    credential: opened,
    logged: () => lines.join(''),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

/** A clock that stands still until it is moved. */
function handClock(): Clock & { nowMs: number } {
  const clock = {
    ...systemClock,
    nowMs: Date.now(),
    now: () => clock.nowMs,
  };
  return clock;
}

test('a secret gets a token for Graph, and another one for SharePoint', async (t) => {
  await using opened = open(await shared, right);
  const { credential } = opened;
  const graph = await credential.accessToken('graph', { signal });
  t.is(claimsOf(graph.token)['aud'], 'https://graph.microsoft.com');
  t.true(Math.abs(graph.expiresOnMs - Date.now() - 3599_000) < 60_000);
  const sharepointHost = 'Contoso.sharepoint.com';
  const sharepoint = await credential.accessToken({ sharepointHost }, { signal });
  t.is(claimsOf(sharepoint.token)['aud'], 'https://contoso.sharepoint.com');
  t.is(claimsOf(sharepoint.token)['appidacr'], '1');
});

test('a certificate gets a token, too', async (t) => {
  const [valid] = await certificates;
  await using opened = open(await shared, { kind: 'certificate', ...valid });
  const { token } = await opened.credential.accessToken('graph', { signal });
  t.is(claimsOf(token)['appidacr'], '2');
});

test('a token is asked for once, kept, and replaced when 5 minutes are left of it', async (t) => {
  await using entra = await PlayedEntra.start();
  const clock = handClock();
  await using opened = open(entra, right, { clock });
  const { credential } = opened;
  const ask = (forceRefresh = false) => credential.accessToken('graph', { forceRefresh, signal });
  const [first, ...others] = await Promise.all([ask(), ask(), ask(), ask()]);
  t.true(others.every(({ token }) => token === first.token));
  t.is(await entra.tokenRequests(), 1);
  clock.nowMs = first.expiresOnMs - 5 * 60_000 - 1;
  t.is((await ask()).token, first.token);
  clock.nowMs += 1;
  const second = await ask();
  t.not(second.token, first.token);
  t.is(await entra.tokenRequests(), 2);
  t.not((await ask(true)).token, second.token);
  t.is(await entra.tokenRequests(), 3);
});

test('tokens that live shorter than that are kept for half of their life', async (t) => {
  await using entra = await PlayedEntra.start({ tokenLifeSeconds: 60 });
  const clock = handClock();
  await using opened = open(entra, right, { clock });
  const first = await opened.credential.accessToken('graph', { signal });
  // By this clock, which stood still while somebody signed in.
  const lifeMs = first.expiresOnMs - clock.nowMs;
  clock.nowMs += lifeMs / 3;
  t.deepEqual(await opened.credential.accessToken('graph', { signal }), first);
  clock.nowMs += lifeMs / 4;
  t.not((await opened.credential.accessToken('graph', { signal })).token, first.token);
});

test('a token that is still good is handed out when the service is away', async (t) => {
  const entra = await PlayedEntra.start();
  const clock = handClock();
  await using opened = open(entra, right, { clock });
  const first = await opened.credential.accessToken('graph', { signal });
  // The authority's file goes with the service, but it has been read.
  await entra[Symbol.asyncDispose]();
  clock.nowMs = first.expiresOnMs - 60_000;
  t.deepEqual(await opened.credential.accessToken('graph', { signal }), first);
  t.regex(opened.logged(), /could not be renewed in advance/);
  const forced = opened.credential.accessToken('graph', { forceRefresh: true, signal });
  await t.throwsAsync(forced, { message: /cannot be reached: nothing listens there/ });
  clock.nowMs = first.expiresOnMs;
  const error = await t.throwsAsync(opened.credential.accessToken('graph', { signal }), {
    instanceOf: DroverError,
  });
  t.is(error.reason, ErrorReason.SIGN_IN_UNREACHABLE);
});

const wrongSecret = 'not~the~secret';

const refusals: [said: string, more: Partial<SignInOptions>, code: string, todo: RegExp][] = [
  ['a wrong secret', {}, 'AADSTS7000215', /Invalid client secret provided.*the secret's value/],
  ['an unknown application', { clientId: tenantId }, 'AADSTS700016', /was not found.*--client-id/],
  ['an unknown tenant', { tenant: 'fabrikam.com' }, 'AADSTS90002', /not found.*--tenant/],
];

for (const [said, more, code, todo] of refusals)
  test(`refused, with Microsoft's number and words: ${said}`, async (t) => {
    const secret: SignInCredential = { kind: 'secret', secret: wrongSecret };
    await using opened = open(await shared, secret, more);
    const error = await t.throwsAsync(opened.credential.accessToken('graph', { signal }), {
      instanceOf: DroverError,
    });
    t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
    t.is(error.metadata['code'], code);
    t.true(error.message.includes(code));
    t.regex(error.message, todo);
    t.notRegex(error.message, /Trace ID/);
    const everything = inspect(error, { depth: 10, showHidden: true }) + opened.logged();
    t.false(everything.includes(wrongSecret));
  });

test('refused: a site of another tenant', async (t) => {
  await using opened = open(await shared, right);
  const sharepointHost = 'fabrikam.sharepoint.com';
  const error = await t.throwsAsync(opened.credential.accessToken({ sharepointHost }, { signal }));
  t.regex(error.message, /AADSTS500011: .*belongs to the tenant/);
});

test('a certificate is looked at before anybody is asked', async (t) => {
  const [valid, expired, early] = await certificates;
  const entra = await shared;
  const key = valid.privateKeyPem;
  const failing: [certificate: typeof valid, said: RegExp][] = [
    [expired, /has expired at 2001-01-01.*CN=Drover.*register a new one/],
    [early, /is not valid before 2099-01-01/],
    [{ ...expired, privateKeyPem: key }, /the key does not belong to the certificate/],
    [{ ...valid, privateKeyPem: 'x' }, /its key cannot be read/],
    [{ ...valid, certificatePem: 'x' }, /it cannot be read/],
  ];
  for (const [certificate, message] of failing) {
    // Nobody listens there, so that anything but a look would fail in another way.
    const authorityUrl = 'https://localhost:1';
    await using opened = open(entra, { kind: 'certificate', ...certificate }, { authorityUrl });
    const error = await t.throwsAsync(opened.credential.accessToken('graph', { signal }), {
      instanceOf: DroverError,
      message,
    });
    t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
    t.false(inspect(error, { depth: 10 }).includes('PRIVATE KEY'));
  }
});

test('a certificate that is not registered is refused by Entra', async (t) => {
  const stranger = await makeCertificate(far);
  await using opened = open(await shared, { kind: 'certificate', ...stranger });
  await t.throwsAsync(opened.credential.accessToken('graph', { signal }), {
    message: /AADSTS700027: .*register the certificate/,
  });
});

test('a person signs in by a device code, once for both services and beyond a restart', async (t) => {
  await using entra = await PlayedEntra.start();
  const cacheFile = path.join(entra.folder, 'agent', 'tokens.json');
  const messages: string[] = [];
  const showDeviceCode = (message: string) => {
    messages.push(message);
    void entra.decide(message, 'approve');
  };
  const sharepointHost = 'contoso.sharepoint.com';
  const person: SignInCredential = { kind: 'device-code' };
  {
    await using opened = open(entra, person, { cacheFile, showDeviceCode });
    const [graph, sharepoint] = await Promise.all([
      opened.credential.accessToken('graph', { signal }),
      opened.credential.accessToken({ sharepointHost }, { signal }),
    ]);
    t.is(claimsOf(graph.token)['upn'], 'ann@contoso.com');
    t.is(claimsOf(sharepoint.token)['aud'], 'https://contoso.sharepoint.com');
    t.is(messages.length, 1);
    const again = await opened.credential.accessToken('graph', { forceRefresh: true, signal });
    t.not(again.token, graph.token);
    t.false(opened.logged().includes(graph.token));
  }
  t.is(statSync(cacheFile).mode & 0o777, 0o600);
  {
    await using opened = open(entra, person, { cacheFile, showDeviceCode });
    const before = await entra.tokenRequests();
    const kept = await opened.credential.accessToken('graph', { signal });
    t.is(claimsOf(kept.token)['upn'], 'ann@contoso.com');
    t.is(await entra.tokenRequests(), before);
    await opened.credential.accessToken('graph', { forceRefresh: true, signal });
    t.is(messages.length, 1);
  }
  // What was kept is good for nothing any more: a person has to come.
  const sealed = readFileSync(cacheFile);
  t.false(sealed.includes('RefreshToken'));
  const kept = Buffer.from(box.open(sealed)!).toString();
  const spoilt = JSON.parse(kept) as Record<string, Record<string, { secret: string }>>;
  for (const token of Object.values(spoilt['RefreshToken']!)) {
    t.false(sealed.includes(token.secret));
    token.secret = 'spoilt';
  }
  writeFileSync(cacheFile, box.seal(Buffer.from(JSON.stringify(spoilt))));
  {
    await using opened = open(entra, person, { cacheFile, showDeviceCode });
    await opened.credential.accessToken('graph', { forceRefresh: true, signal });
    t.is(messages.length, 2);
  }
  // As a copy of the file to another computer would be.
  writeFileSync(cacheFile, sealedBox(randomBytes(32)).seal(Buffer.from(kept)));
  await using opened = open(entra, person, { cacheFile, showDeviceCode });
  await opened.credential.accessToken('graph', { signal });
  t.is(messages.length, 3);
  t.regex(opened.logged(), /sign-in that was kept is damaged, or was sealed with another key/);
});

test('a device code that is declined fails', async (t) => {
  await using entra = await PlayedEntra.start();
  const decline = (message: string) => void entra.decide(message, 'decline');
  await using declined = open(entra, { kind: 'device-code' }, { showDeviceCode: decline });
  const error = await t.throwsAsync(declined.credential.accessToken('graph', { signal }), {
    instanceOf: DroverError,
    message: /the sign-in was declined/,
  });
  t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
});

test('a device code that nobody types fails', async (t) => {
  await using entra = await PlayedEntra.start({ deviceCodeLifeSeconds: 1 });
  await using forgotten = open(entra, { kind: 'device-code' });
  await t.throwsAsync(forgotten.credential.accessToken('graph', { signal }), {
    message: /nobody typed the code in time/,
  });
});

test('who stops waiting stops the sign-in only when nobody else waits', async (t) => {
  await using entra = await PlayedEntra.start();
  const person: SignInCredential = { kind: 'device-code' };
  const shown = Promise.withResolvers<string>();
  await using opened = open(entra, person, { showDeviceCode: shown.resolve });
  const [first, second] = [new AbortController(), new AbortController()];
  const one = opened.credential.accessToken('graph', { signal: first.signal });
  const two = opened.credential.accessToken('graph', { signal: second.signal });
  const message = await shown.promise;
  first.abort();
  const error = await t.throwsAsync(one, { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.CANCELLED);
  await entra.decide(message, 'approve');
  t.is(claimsOf((await two).token)['idtyp'], 'user');
  await t.throwsAsync(opened.credential.accessToken('graph', { signal: first.signal }));
});

test('what the vault has is used from the next sign-in on, and tokens that are good stay in use', async (t) => {
  await using entra = await PlayedEntra.start();
  let kept: SignInCredential | undefined = { kind: 'secret', secret: 'a wrong one' };
  const clock = handClock();
  await using opened = open(entra, { kind: 'vault', otherwise: 'refuse' }, { clock, kept: () => kept }); // oxfmt-ignore
  const { credential } = opened;
  const ask = (forceRefresh = false) => credential.accessToken('graph', { forceRefresh, signal });
  await t.throwsAsync(ask(), { message: /AADSTS7000215/ });
  kept = right;
  credential.changed();
  const { token } = await ask();
  kept = { kind: 'secret', secret: 'wrong again' };
  credential.changed();
  t.is((await ask()).token, token);
  const error = await t.throwsAsync(ask(true), { instanceOf: DroverError });
  t.false(error.message.includes('wrong again'));
  kept = undefined;
  await t.throwsAsync(ask(true), {
    message: /neither a secret nor a certificate.*credentials set/,
  });
});

test('who waits for a person gets a token as soon as the vault has a secret', async (t) => {
  await using entra = await PlayedEntra.start();
  const shown = Promise.withResolvers<string>();
  let kept: SignInCredential | undefined;
  await using opened = open(entra, { kind: 'vault', otherwise: 'device-code' }, { kept: () => kept, showDeviceCode: shown.resolve }); // oxfmt-ignore
  const asked = opened.credential.accessToken('graph', { signal });
  await shown.promise;
  kept = right;
  opened.credential.changed();
  t.is(claimsOf((await asked).token)['idtyp'], 'app');
});
