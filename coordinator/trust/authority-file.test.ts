import test, { type ExecutionContext } from 'ava';
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { KeyUsageFlags } from '../../lib/x509.ts';
import { readAuthorityFile } from './authority-file.ts';
import { openGivenAuthority } from './authority.ts';
import { makeCertificate, type CertificatePlan } from './testing/certificates.ts';

function fileWith(t: ExecutionContext, text: string, mode = 0o600): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-authority-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'authority.pem');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function refusalOf(t: ExecutionContext, file: string): string {
  const error = t.throws(() => readAuthorityFile(file, Date.now()), { instanceOf: DroverError });
  t.true(error.message.startsWith('--authority-file: '));
  t.false(error.message.includes('PRIVATE KEY-----'), 'the message holds no key');
  return error.message.replace(file, 'FILE').replace('--authority-file: ', '');
}

const server = '1.3.6.1.5.5.7.3.1';

const bad: [words: string, plan: CertificatePlan, expected: RegExp][] = [
  ['of a server', { ca: false }, /^FILE is not the file of an authority: "CN=An authority" is/],
  ['that may not sign', { usages: KeyUsageFlags.digitalSignature }, /may not sign certificates/],
  ['for servers alone', { purposes: [server] }, /is for other purposes than servers and clients/],
  ['that has ended', { fromHours: -48, toHours: -24 }, /cannot be used any more: .* ended at 20/],
  ['that has not begun', { fromHours: 24, toHours: 48 }, /cannot be used yet: .* begins at 20/],
  ['with a weak key', { algorithm: 'RSA-1024' }, /holds a weak key; use EC P-256/],
];

for (const [words, plan, expected] of bad)
  test(`an authority ${words} is refused`, async (t) => {
    const { text, key } = await makeCertificate(plan);
    t.regex(refusalOf(t, fileWith(t, text + key)), expected);
  });

test('a file that does not hold one key and its certificate is refused with what it lacks', async (t) => {
  const one = await makeCertificate();
  const other = await makeCertificate();
  const encrypted = createPrivateKey(one.key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  const refused = (text: string, mode?: number) => refusalOf(t, fileWith(t, text, mode));
  t.regex(refused(''), /^FILE holds no private key/);
  t.regex(refused(one.text), /^FILE holds no private key; put it into the same file/);
  t.regex(refused(one.key), /^FILE holds no certificate/);
  t.regex(refused(one.text + other.key), /^FILE holds a key that fits none of its certificates/);
  t.regex(refused(one.text + one.key + other.key), /^FILE holds more than one private key/);
  t.regex(refused(`${one.text}${String(encrypted)}`), /^FILE holds a key under a password/);
  t.regex(refused(one.text.replace('MII', 'AAA') + one.key), /^FILE holds a certificate that cannot be read: the one in place 1/); // oxfmt-ignore
  t.regex(refused(one.text + one.key.replace('MIG', 'AAA')), /^FILE holds a private key that cannot be read/); // oxfmt-ignore
  t.regex(refused(one.text.repeat(11) + one.key), /^FILE holds more than 10 certificates/);
  t.regex(refused(one.text + one.key, 0o644), /^FILE holds a key and is open to everybody .* chmod 600/); // oxfmt-ignore
  const error = t.throws(() => readAuthorityFile('/none/authority.pem', Date.now()));
  t.regex(error.message, /cannot be read: ENOENT/);
});

test('what stands above the authority is looked at as well', async (t) => {
  const refused = (...texts: string[]) => refusalOf(t, fileWith(t, texts.join('')));
  const root = await makeCertificate({ name: 'Root' });
  const middle = await makeCertificate({ name: 'Middle', issuer: root });
  const signing = await makeCertificate({ name: 'Signing', issuer: middle });
  t.regex(refused(signing.text, signing.key), /does not hold the certificate of "CN=Middle", which issued "CN=Signing"; add those above/); // oxfmt-ignore
  t.regex(refused(signing.text, middle.text, signing.key), /does not hold the certificate of "CN=Root"/); // oxfmt-ignore
  const shallow = await makeCertificate({ name: 'Root', pathLength: 0 });
  const below = await makeCertificate({ name: 'Signing', issuer: shallow });
  t.regex(refused(below.text, below.key, shallow.text), /"CN=Root" allows 0 authorities below it, and there are 1/); // oxfmt-ignore
  const ended = await makeCertificate({ name: 'Root', fromHours: -9, toHours: -1 });
  const outlived = await makeCertificate({ name: 'Signing', issuer: ended });
  t.regex(refused(outlived.text, outlived.key, ended.text), /any more: "CN=Root" ended/);
  const forger = await makeCertificate({ name: 'Root', algorithm: 'RSA-2048-SHA-1' });
  const forged = await makeCertificate({ name: 'Signing', issuer: forger });
  t.regex(refused(forged.text, forged.key, forger.text), /"CN=Signing" is signed with .*, which can be forged/); // oxfmt-ignore
});

for (const algorithm of ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const)
  test(`an authority with a key of ${algorithm} signs for servers and agents`, async (t) => {
    const root = await makeCertificate({ name: 'Root', toHours: 48 });
    const keyName = '0102030405060708';
    const signing = await makeCertificate({ name: 'Signing', issuer: root, algorithm, keyName });
    // In any order, and with a comment, as tools write them.
    const file = fileWith(t, `subject=Root\n${root.text}${signing.key}${signing.text}`);
    const authority = openGivenAuthority(file, Date.now());
    const der = Buffer.from(root.certificate.rawData);
    t.is(authority.fingerprint, createHash('sha256').update(der).digest('hex'));
    const { certificateChain } = await authority.issueServer(['localhost'], Date.now());
    const chain = certificateChain.match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g)!.map((pem) => new X509Certificate(pem)); // oxfmt-ignore
    t.deepEqual(chain.map(({ subject }) => subject), ['CN=Drover coordinator', 'CN=Signing', 'CN=Root']); // oxfmt-ignore
    for (const [index, one] of chain.entries()) {
      const issuer = chain[index + 1] ?? one;
      t.true(one.checkIssued(issuer) && one.verify(issuer.publicKey), one.subject);
    }
    const { expireTimeMs } = await authority.issueAgent('a', signing.certificate.publicKey, Date.now()); // oxfmt-ignore
    t.is(expireTimeMs, authority.expireTimeMs, 'nothing outlives the authority');
  });
