import test, { type ExecutionContext } from 'ava';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { openLevelStore } from '../store/level-store.ts';
import { createLog } from '../../lib/log.ts';
import { Pkcs10CertificateRequestGenerator } from '../../lib/x509.ts';
import { openTrust } from './open-trust.ts';
import { newAgentId, slug } from './agent-id.ts';
import { serverNames } from './server-names.ts';

const dayMs = 24 * 60 * 60 * 1000;
const log = createLog('test', 'silent');

async function newTrust(t: ExecutionContext, folder = temporaryFolder(t)) {
  const clock = {
    nowMs: Date.now(),
    now: () => clock.nowMs,
    steady: () => clock.nowMs,
    after: () => () => {},
  };
  const store = await openLevelStore(path.join(folder, 'store'));
  t.teardown(() => store.close());
  return { folder, store, clock, trust: await openTrust({ folder, store, clock, log }) };
}

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-trust-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function certificateRequest(algorithm = 'P-256'): Promise<Uint8Array> {
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const key = algorithm === 'RSA' ? rsa : { name: 'ECDSA', namedCurve: algorithm, hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(key, true, ['sign', 'verify']);
  const name = 'CN=whoever';
  const request = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys: keys as CryptoKeyPair,
    signingAlgorithm: key,
  });
  return new Uint8Array(request.rawData);
}
type CryptoKeyPair = Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0]['keys'];

async function reasonOf(promise: Promise<unknown>): Promise<ErrorReason | undefined> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof DroverError ? error.reason : undefined;
}

test('authority, key of evidence and administrator token are made once, for their owner only, and stay', async (t) => {
  const folder = temporaryFolder(t);
  const first = await newTrust(t, folder);
  const token = readFileSync(first.trust.adminTokenFile, 'utf8').trim();
  t.true(first.trust.isAdminToken(token));
  t.false(first.trust.isAdminToken(`${token}x`));
  t.false(first.trust.isAdminToken(''));
  const secrets = ['authority.pem', 'evidence-key.pem'].map((name) => path.join('trust', name));
  for (const file of ['admin-token', ...secrets])
    t.is(statSync(path.join(folder, file)).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(path.join(folder, 'trust')), ['authority.pem', 'evidence-key.pem']);
  const { store, clock } = first;
  const second = await openTrust({ folder, store, clock, log });
  t.is(second.authorityFingerprint, first.trust.authorityFingerprint);
  t.is(second.evidenceKey.fingerprint, first.trust.evidenceKey.fingerprint);
  t.true(second.isAdminToken(token));
});

test('damaged files are named, and left as they are', async (t) => {
  const { folder, store, clock } = await newTrust(t);
  const file = path.join(folder, 'trust', 'authority.pem');
  writeFileSync(file, 'rubbish');
  const error = await t.throwsAsync(openTrust({ folder, store, clock, log }), {
    instanceOf: DroverError,
  });
  t.true(error.message.includes(file));
  t.is(readFileSync(file, 'utf8'), 'rubbish');
});

test('the server certificate holds its names and was issued by the authority', async (t) => {
  const { trust } = await newTrust(t);
  const hosts = serverNames(['drover.example.com', 'fe80::1%eth0', 'not a name', '10.1.2.3']);
  const { certificateChain } = await trust.serverCertificate(hosts);
  const certificate = new X509Certificate(certificateChain);
  const authority = new X509Certificate(trust.authorityCertificate);
  t.is(
    authority.fingerprint256.replaceAll(':', '').toLowerCase(),
    trust.authorityFingerprint,
    'the fingerprint is that of the certificate in DER',
  );
  t.true(authority.ca);
  t.true(certificate.verify(authority.publicKey));
  for (const name of ['localhost', 'drover.example.com']) t.truthy(certificate.checkHost(name));
  for (const address of ['127.0.0.1', '::1', 'fe80::1', '10.1.2.3'])
    t.truthy(certificate.checkIP(address), address);
});

test('an agent joins with a token once and is known by its certificate', async (t) => {
  const { trust, store, clock } = await newTrust(t);
  const { token } = await trust.createJoinToken({ ttlMs: dayMs, maxUses: 1 });
  const { secret, authorityFingerprint } = parseJoinToken(token);
  t.is(authorityFingerprint, trust.authorityFingerprint);
  const request = { token: secret, displayName: 'File Server', certificateRequest: await certificateRequest() }; // oxfmt-ignore
  const joined = await trust.join(request);
  t.regex(joined.agent, /^file-server-[a-z2-7]{6}$/);
  t.is((await store.agent(joined.agent))?.agent?.displayName, 'File Server');
  const certificate = new X509Certificate(joined.certificate);
  t.is(await trust.identify(certificate), joined.agent);
  t.is(joined.expireTimeMs, certificate.validToDate.getTime());
  t.is(await reasonOf(trust.join(request)), ErrorReason.JOIN_TOKEN_USED);
  const renewed = await trust.renew(joined.agent, await certificateRequest());
  t.is(await trust.identify(new X509Certificate(renewed.certificate)), joined.agent);
  clock.nowMs += 7 * dayMs + 1000;
  const over = await t.throwsAsync<DroverError>(trust.identify(certificate), { message: /its time was over at 2.*Z, and here it is 2.*Z$/ }); // oxfmt-ignore
  t.is(over.reason, ErrorReason.UNAUTHENTICATED);
  t.is(over.metadata[certificateBeginsKey], undefined);
  // As a clock that is set back makes it.
  clock.nowMs -= 8 * dayMs;
  const early = await t.throwsAsync<DroverError>(trust.identify(certificate), { message: /it begins at 2.*Z, and here it is 2.*Z; set the clock of the coordinator's computer$/ }); // oxfmt-ignore
  t.is(early.reason, ErrorReason.UNAUTHENTICATED);
  t.is(early.metadata[certificateBeginsKey], certificate.validFromDate.toISOString());
});

test('a token for one agent lets one in, however many try at once', async (t) => {
  const { trust, store } = await newTrust(t);
  const { token } = await trust.createJoinToken({ ttlMs: dayMs, maxUses: 1 });
  const requests = await Promise.all(Array.from({ length: 8 }, () => certificateRequest()));
  const answers = await Promise.allSettled(
    requests.map((certificateRequest) =>
      trust.join({ token, certificateRequest, displayName: 'many' }),
    ),
  );
  t.is(answers.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is((await store.agents('', 100)).length, 1);
});

test('wrong, old and unknown tokens are refused, and the message holds no token', async (t) => {
  const { trust, clock } = await newTrust(t);
  const join = async (token: string) =>
    trust.join({ token, certificateRequest: await certificateRequest(), displayName: 'a' });
  for (const token of ['', 'x', 'a'.repeat(43), `drover-join-${'0'.repeat(64)}-${'b'.repeat(43)}`])
    t.is(await reasonOf(join(token)), ErrorReason.JOIN_TOKEN_INVALID, token);
  const { token } = await trust.createJoinToken({ ttlMs: 1000, maxUses: 5 });
  clock.nowMs += 1000;
  const error = await t.throwsAsync(join(token), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.JOIN_TOKEN_EXPIRED);
  t.false(error.message.includes(parseJoinToken(token).secret));
});

test('a bad certificate request or name uses no token', async (t) => {
  const { trust } = await newTrust(t);
  const { token } = await trust.createJoinToken({ ttlMs: dayMs, maxUses: 1 });
  const good = await certificateRequest();
  const forged = new Uint8Array(good);
  forged[forged.length - 1]! ^= 1;
  const bad = [
    new Uint8Array(),
    new Uint8Array([1, 2, 3]),
    forged,
    new Uint8Array(20_000),
    await certificateRequest('RSA'),
  ];
  for (const certificateRequest of bad)
    t.is(
      await reasonOf(trust.join({ token, certificateRequest, displayName: 'a' })),
      ErrorReason.INVALID_ARGUMENT,
    );
  for (const displayName of ['', '  ', 'a\nb', 'a'.repeat(101)])
    t.is(
      await reasonOf(trust.join({ token, certificateRequest: good, displayName })),
      ErrorReason.INVALID_ARGUMENT,
    );
  t.truthy(await trust.join({ token, certificateRequest: good, displayName: 'a' }));
});

test('certificates of another authority, of the server, or of a forgotten agent are refused', async (t) => {
  const { trust } = await newTrust(t);
  const other = await newTrust(t);
  const { token } = await other.trust.createJoinToken({ ttlMs: dayMs, maxUses: 1 });
  const joined = await other.trust.join({
    token,
    certificateRequest: await certificateRequest(),
    displayName: 'x',
  });
  const forgotten = await trust.renew('gone-abcdef', await certificateRequest());
  const { certificateChain } = await trust.serverCertificate(['localhost']);
  for (const pem of [joined.certificate, forgotten.certificate, certificateChain])
    t.is(await reasonOf(trust.identify(new X509Certificate(pem))), ErrorReason.UNAUTHENTICATED);
});

test('agent ids keep what can be kept of a name', (t) => {
  t.is(slug('Ünïcode Server #1'), 'unicode-server-1');
  t.is(slug('  42nd -- Street  '), 'nd-street');
  t.is(slug('文件服务器'), 'agent');
  t.is(slug('a'.repeat(200)).length, 56);
  for (const name of ['a'.repeat(200), `${'a'.repeat(55)}-${'b'.repeat(9)}`, '文'])
    t.regex(newAgentId(name), /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
});
