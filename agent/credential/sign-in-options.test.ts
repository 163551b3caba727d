import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { makeCertificate } from './played-entra.ts';
import { scopeOf } from './scope.ts';
import { readSignIn, type SignInFlags } from './sign-in-options.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'drover-sign-in-options-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const tenant = 'contoso.onmicrosoft.com';
const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';
const both = { tenant, clientId };

function write(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

test('nothing given is no sign-in', (t) => {
  t.is(readSignIn({}, { HTTPS_PROXY: 'http://proxy:3128' }), undefined);
});

test('what is not given has its default', (t) => {
  const environment = { DROVER_CLIENT_SECRET: 'from the environment' };
  t.deepEqual(readSignIn(both, environment, '/data'), {
    tenant,
    clientId,
    credential: { kind: 'secret', secret: 'from the environment' },
    authorityUrl: 'https://login.microsoftonline.com',
    graphUrl: 'https://graph.microsoft.com',
    cacheFile: undefined,
    http: { proxyUrl: undefined, caFile: undefined, noProxy: undefined },
  });
});

test('without a secret and a certificate it is those of the vault, else a person signs in, and that is kept', (t) => {
  const options = readSignIn(both, {}, '/data');
  t.deepEqual(options?.credential, { kind: 'vault', otherwise: 'device-code' });
  t.is(options?.cacheFile, path.join('/data', 'sign-in', 'tokens.json'));
});

test('who signs in can be said', (t) => {
  const person = readSignIn({ ...both, signIn: 'person' }, {}, '/data');
  t.deepEqual(person?.credential, { kind: 'device-code' });
  t.is(person?.cacheFile, path.join('/data', 'sign-in', 'tokens.json'));
  const application = readSignIn({ ...both, signIn: 'application' }, {}, '/data');
  t.deepEqual(application?.credential, { kind: 'vault', otherwise: 'refuse' });
  t.is(application?.cacheFile, undefined);
  const environment = { DROVER_CLIENT_SECRET: 'of the environment' };
  const given = readSignIn({ ...both, signIn: 'application' }, environment);
  t.deepEqual(given?.credential, { kind: 'secret', secret: 'of the environment' });
});

test('a secret or certificate comes from a file', async (t) => {
  const clientSecretFile = write('secret', 'from the file\r\n');
  const environment = { DROVER_CLIENT_SECRET: 'from the environment' };
  const fromFile = readSignIn({ ...both, clientSecretFile }, environment);
  t.deepEqual(fromFile?.credential, { kind: 'secret', secret: 'from the file' });

  const times = { notBefore: new Date(0), notAfter: new Date('2100-01-01') };
  const [own, authority] = await Promise.all([makeCertificate(times), makeCertificate(times)]);
  const chain = [authority.certificatePem, own.certificatePem, own.privateKeyPem].join('\n');
  const clientCertificateFile = write('certificate.pem', chain);
  const { credential } = readSignIn({ ...both, clientCertificateFile }, {})!;
  t.deepEqual(credential, { kind: 'certificate', ...own });
});

test('the proxy is the flag, else the environment', (t) => {
  const environment = { HTTPS_PROXY: 'http://ann:x@proxy:3128', NO_PROXY: 'localhost' };
  t.deepEqual(readSignIn(both, environment)?.http, {
    proxyUrl: 'http://ann:x@proxy:3128/',
    caFile: undefined,
    noProxy: 'localhost',
  });
  t.is(
    readSignIn({ ...both, proxy: 'other:8080' }, environment)?.http.proxyUrl,
    'http://other:8080/',
  );
});

const missing = path.join(folder, 'missing');
const refusals: [flags: SignInFlags, environment: Record<string, string>, said: RegExp][] = [
  [{ tenant }, {}, /^--client-id: is missing; --tenant alone/],
  [{ tenant: ' ', clientId }, {}, /^--tenant: is empty$/],
  [{ clientId, proxy: 'http://proxy' }, {}, /^--tenant: is missing; --client-id, --proxy alone/],
  [{}, { DROVER_CLIENT_SECRET: 'x' }, /^--tenant: is missing; DROVER_CLIENT_SECRET alone/],
  [{ ...both, tenant: 'common' }, {}, /^--tenant: 'common' is neither/],
  [{ ...both, clientId: 'drover' }, {}, /^--client-id: 'drover' is not the id/],
  [{ ...both, authority: 'http://localhost' }, {}, /^--authority: .* must be https/],
  [{ ...both, graph: 'https://localhost/v1.0' }, {}, /^--graph: .* must be https/],
  [{ ...both, proxy: 'ftp://ann:hidden@proxy' }, {}, /^--proxy: must be http:\/\/host:port/],
  [both, { HTTPS_PROXY: 'http://' }, /^HTTPS_PROXY: must be/],
  [{ ...both, clientSecretFile: missing }, {}, /^--client-secret-file: .*ENOENT/],
  [{ ...both, clientSecretFile: '/dev/null' }, {}, /^--client-secret-file: .* is empty/],
  [
    { ...both, clientCertificateFile: '/dev/null' },
    {},
    /^--client-certificate-file: .* has to hold/,
  ],
  [
    { ...both, clientCertificateFile: missing, clientSecretFile: missing },
    {},
    /^--client-certificate-file: stands beside --client-secret-file/,
  ],
  [
    { ...both, clientCertificateFile: missing },
    { DROVER_CLIENT_SECRET: 'x' },
    /^--client-certificate-file: stands beside DROVER_CLIENT_SECRET/,
  ],
  [{ ...both, caFile: missing }, {}, /^--ca-file: .*ENOENT/],
];

for (const [flags, environment, said] of refusals)
  test(`refused by name: ${said.source}`, (t) => {
    const error = t.throws(() => readSignIn(flags, environment), { message: said });
    t.false(error.message.includes('hidden'));
  });

test('the audience follows from the service, and Graph stays Graph behind other addresses', (t) => {
  const graph = 'https://graph.microsoft.com/.default';
  t.is(scopeOf('graph', 'https://graph.microsoft.com'), graph);
  t.is(scopeOf('graph', 'https://localhost:8443'), graph);
  t.is(scopeOf('graph', 'https://graph.microsoft.us'), 'https://graph.microsoft.us/.default');
  t.is(
    scopeOf({ sharepointHost: 'Contoso-my.sharepoint.com' }, 'https://localhost:8443'),
    'https://contoso-my.sharepoint.com/.default',
  );
});
