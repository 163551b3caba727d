import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { clientId, makeCertificate, PlayedEntra, rightSecret, tenantId } from '../credential/played-entra.ts'; // oxfmt-ignore
import { writeSettings } from '../settings-file.ts';
import { credentialsCommand } from './credentials-command.ts';
import { keepAccount, keptApplication } from './kept-credentials.ts';
import { openVault } from './vault.ts';

const wrongSecret = 'planted-wrong-secret';
const entra = PlayedEntra.start();
test.after.always(async () => (await entra)[Symbol.asyncDispose]());

class Scene {
  readonly folder: string;
  readonly data: string;
  shown = '';
  status = 0;

  constructor(t: ExecutionContext) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'drover-credentials-'));
    this.data = path.join(this.folder, 'data');
    t.teardown(() => rmSync(this.folder, { recursive: true }));
  }

  /** `input`: what stands on standard input, or what is typed when it is a terminal. */
  async run(args: readonly string[], input: { text: string; isTTY?: boolean } = { text: '' }) {
    const output = () => {
      const stream = new PassThrough();
      stream.on('data', (chunk) => (this.shown += String(chunk)));
      return stream;
    };
    const stdin = Object.assign(new PassThrough(), { isTTY: input.isTTY ?? false });
    if (input.isTTY) void this.#type(input.text, stdin);
    else stdin.end(input.text);
    const { signal } = new AbortController();
    const command = credentialsCommand({
      environment: { DROVER_CLIENT_SECRET: 'not the one to try' },
      stdin,
      stdout: output(),
      stderr: output(),
      signals: { drain: signal, stop: signal },
      finish: (status) => (this.status = status),
    });
    for (const each of [command, ...command.commands]) each.exitOverride();
    await command.parseAsync([...args, '--data', this.data], { from: 'user' });
  }

  /** Key by key, once there is a question. */
  async #type(text: string, stdin: PassThrough): Promise<void> {
    const soon = () => new Promise((resolve) => setImmediate(resolve));
    while (!this.shown.includes('not shown')) await soon();
    for (const key of text) {
      await soon();
      stdin.write(key);
    }
  }

  /** How to sign in to the played service. */
  async tenant(): Promise<string[]> {
    const { authorityUrl, caFile } = await entra;
    return ['--tenant', tenantId, '--client-id', clientId, '--authority', authorityUrl, '--ca-file', caFile]; // oxfmt-ignore
  }

  get vault() {
    return openVault({ dataFolder: this.data });
  }
}

test('a secret from standard input is tried, kept, and listed without being shown', async (t) => {
  const scene = new Scene(t);
  const text = `${rightSecret}\r\n`;
  await scene.run(['set', 'client-secret', ...(await scene.tenant())], { text });
  t.deepEqual(keptApplication(scene.vault), { kind: 'secret', secret: rightSecret });
  t.regex(scene.shown, /the client secret is in the vault .*, and works for/);
  scene.shown = '';
  await scene.run(['list']);
  t.regex(scene.shown, /^client-secret {2}set \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/);
  t.false(scene.shown.includes(rightSecret));
});

test('a secret that does not work is not kept, unless it is not to be tried', async (t) => {
  const scene = new Scene(t);
  const args = ['set', 'client-secret', ...(await scene.tenant())];
  const error = await t.throwsAsync(scene.run(args, { text: wrongSecret }), { instanceOf: DroverError }); // oxfmt-ignore
  t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
  t.regex(error.message, /AADSTS7000215/);
  t.false(`${error.message}${error.stack}${JSON.stringify(error)}${scene.shown}`.includes(wrongSecret)); // oxfmt-ignore
  t.deepEqual(scene.vault.read(), []);
  await scene.run([...args, '--no-check'], { text: wrongSecret });
  t.deepEqual(keptApplication(scene.vault), { kind: 'secret', secret: wrongSecret });
});

test('who set the agent up to sign in otherwise is told that the secret is not used', async (t) => {
  const scene = new Scene(t);
  mkdirSync(scene.data);
  writeSettings(scene.data, { coordinators: [{ host: 'control', port: 7443 }], signIn: 'none' });
  await scene.run(['set', 'client-secret', '--no-check'], { text: 'x' });
  t.regex(scene.shown, /does not use it; run `drover-agent setup`/);
});

test('what is typed at a terminal is not shown', async (t) => {
  const scene = new Scene(t);
  const text = 'typed-secret\x14\r';
  await scene.run(['set', 'client-secret', '--no-check'], { text, isTTY: true });
  t.deepEqual(keptApplication(scene.vault), { kind: 'secret', secret: 'typed-secret' });
  t.regex(scene.shown, /The client secret \(not shown\)/);
  t.false(scene.shown.includes('typed'));
});

test('who breaks off changes nothing', async (t) => {
  const scene = new Scene(t);
  await scene.run(['set', 'client-secret', '--no-check'], { text: 'half\x03', isTTY: true });
  t.is(scene.status, 130);
  t.deepEqual(scene.vault.read(), []);
});

test('a certificate comes from a file with its key', async (t) => {
  const scene = new Scene(t);
  const times = { notBefore: new Date(0), notAfter: new Date('2100-01-01') };
  const own = await makeCertificate(times);
  const file = path.join(scene.folder, 'certificate.pem');
  writeFileSync(file, `${own.certificatePem}\n${own.privateKeyPem}\n`);
  await scene.run(['set', 'client-certificate', '--no-check', '--from-file', file]);
  t.deepEqual(keptApplication(scene.vault), { kind: 'certificate', ...own });
  t.false(readFileSync(scene.vault.file).includes(own.privateKeyPem.slice(40, 80)));
  writeFileSync(file, own.certificatePem);
  await t.throwsAsync(scene.run(['set', 'client-certificate', '--no-check', '--from-file', file]), { message: /has to hold a certificate and its private key/ }); // oxfmt-ignore
});

test('what is removed is gone, and what is not there is said', async (t) => {
  const scene = new Scene(t);
  await scene.run(['set', 'client-secret', '--no-check'], { text: 'x' });
  keepAccount(scene.vault, String.raw`\\files\*`, { user: 'a@b', password: 'x' }, 0);
  await scene.run(['remove', 'windows-account', '--share', String.raw`\\Files\*`]);
  t.deepEqual(scene.vault.read().map(({ name }) => name), ['client-secret']); // oxfmt-ignore
  await scene.run(['remove', 'client-secret']);
  t.deepEqual(scene.vault.read(), []);
  t.is(scene.status, 0);
  await scene.run(['remove', 'client-secret']);
  t.is(scene.status, 1);
  t.regex(scene.shown, /there is no client-secret in the vault/);
});

const refused: [what: string, args: string[], text: string, words: RegExp][] = [
  ['no tenant to try on', ['set', 'client-secret'], 'x', /^--tenant: is missing: no sign-in was set up/],
  ['an empty secret', ['set', 'client-secret', '--no-check'], '\n', /standard input: the client secret is empty/],
  ['two lines', ['set', 'client-secret', '--no-check'], 'a\nb\n', /more than one line/],
  ['a file that is not there', ['set', 'client-secret', '--no-check', '--from-file', '/nowhere'], '', /--from-file: \/nowhere cannot be read \(ENOENT\)/],
  ['an option of another secret', ['set', 'client-secret', '--user', String.raw`A\b`], 'x', /--user: belongs to windows-account only/],
  ['a data folder that is not there', ['list'], '', /--data: there is no folder/],
]; // oxfmt-ignore
for (const [what, args, text, words] of refused)
  test(`${what} is refused by name`, async (t) => {
    await t.throwsAsync(new Scene(t).run(args, { text }), { message: words });
  });

(process.platform === 'win32' ? test.skip : test)(
  'a Windows account is refused where it would be of no use',
  async (t) => {
    const args = ['set', 'windows-account', '--user', String.raw`CONTOSO\reader`];
    const error = await t.throwsAsync(new Scene(t).run(args, { text: 'x' }), { instanceOf: DroverError }); // oxfmt-ignore
    t.is(error.reason, ErrorReason.SOURCE_UNSUPPORTED);
    t.regex(error.message, /mount the share/);
  },
);

test('the key is replaced, step by step, and there is nothing to be replaced where nothing is', async (t) => {
  const scene = new Scene(t);
  await t.throwsAsync(scene.run(['rekey']), { message: /there is no folder/ });
  await scene.run(['set', 'client-secret', '--no-check'], { text: 'x' });
  const file = path.join(scene.data, 'seal-key');
  const before = readFileSync(file);
  scene.shown = '';
  await scene.run(['rekey']);
  t.deepEqual(scene.shown.split('\n').slice(0, 2), [
    'a new key is made',
    'the vault is sealed anew',
  ]);
  t.true(scene.shown.endsWith(`the new key is in ${file}; the old one is gone, and opens nothing any more\n`)); // oxfmt-ignore
  t.false(readFileSync(file).equals(before));
  t.deepEqual(keptApplication(scene.vault), { kind: 'secret', secret: 'x' });
});
