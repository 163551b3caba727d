import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { keepAccount, keepApplication, keptAccounts, keptApplication, listCredentials, removeCredential } from './kept-credentials.ts'; // oxfmt-ignore
import type { VaultKeyPlaces } from './vault-key.ts';
import { openVault, type Vault } from './vault.ts';

const nowMs = Date.UTC(2026, 10, 25);
const secret = 'the-secret~of-the-application';
const account = { user: String.raw`CONTOSO\reader`, password: 'Pässwörd "1"' };
const certificate = { kind: 'certificate', certificatePem: 'the certificate', privateKeyPem: 'the key' } as const; // oxfmt-ignore
const isRoot = process.geteuid?.() === 0;

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-vault-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'data');
}

function filled(dataFolder: string, more: Partial<VaultKeyPlaces> = {}): Vault {
  const vault = openVault({ dataFolder, ...more });
  keepApplication(vault, { kind: 'secret', secret }, nowMs);
  keepAccount(vault, String.raw`\\Files\*`, account, nowMs + 1);
  return vault;
}

/** Asserts that opening is refused, with words that these fit. */
function assertSealed(t: ExecutionContext, places: VaultKeyPlaces, words: RegExp): void {
  const error = t.throws(() => openVault(places), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.VAULT_SEALED);
  t.regex(error.message, words);
  t.false(error.message.includes(secret));
}

test('what was put in is there for whoever opens it next, and nobody reads it from the disk', (t) => {
  const dataFolder = folderFor(t);
  filled(dataFolder);
  const vault = openVault({ dataFolder });
  t.deepEqual(keptApplication(vault), { kind: 'secret', secret });
  t.deepEqual(keptAccounts(vault), [{ pattern: String.raw`\\files\*`, account }]);
  t.deepEqual(listCredentials(vault), [
    { name: 'client-secret', setMs: nowMs },
    { name: String.raw`windows-account \\files\*`, setMs: nowMs + 1 },
  ]);
  t.deepEqual(readdirSync(dataFolder).sort(), ['seal-key', 'vault']);
  for (const name of readdirSync(dataFolder)) {
    const file = path.join(dataFolder, name);
    t.is(statSync(file).mode & 0o777, 0o600);
    for (const text of [secret, account.password, account.user, 'reader'])
      t.false(readFileSync(file).includes(text), `${name}: ${text}`);
  }
  t.is(statSync(dataFolder).mode & 0o777, 0o700);
});

test('a certificate takes the place of a secret, and the other way round', (t) => {
  const vault = filled(folderFor(t));
  keepApplication(vault, certificate, nowMs);
  t.deepEqual(keptApplication(vault), certificate);
  t.is(listCredentials(vault).length, 2);
  keepApplication(vault, { kind: 'secret', secret }, nowMs);
  t.deepEqual(keptApplication(vault), { kind: 'secret', secret });
  t.is(listCredentials(vault).length, 2);
});

test('an entry is replaced or removed by its name', (t) => {
  const vault = filled(folderFor(t));
  const other = { user: 'ann@contoso.com', password: 'x' };
  keepAccount(vault, String.raw`\\FILES\*`, other, nowMs);
  t.deepEqual(keptAccounts(vault), [{ pattern: String.raw`\\files\*`, account: other }]);
  t.true(removeCredential(vault, 'client-secret'));
  t.false(removeCredential(vault, 'client-secret'));
  t.is(keptApplication(vault), undefined);
  t.is(listCredentials(vault).length, 1);
});

test('a byte that was changed anywhere seals the vault', (t) => {
  const dataFolder = folderFor(t);
  const { file } = filled(dataFolder);
  const content = readFileSync(file);
  for (let index = 0; index < content.length; index += 1) {
    const changed = Buffer.from(content);
    changed[index]! ^= 1;
    writeFileSync(file, changed);
    const error = t.throws(() => openVault({ dataFolder }), { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.VAULT_SEALED, `byte ${index}`);
  }
  writeFileSync(file, content);
  t.deepEqual(keptApplication(openVault({ dataFolder })), { kind: 'secret', secret });
});

test('a vault that was cut or added to is sealed, and what was not half-written is not', (t) => {
  const dataFolder = folderFor(t);
  const { file } = filled(dataFolder);
  const content = readFileSync(file);
  for (const wrong of [
    content.subarray(0, -1),
    content.subarray(0, 100),
    Buffer.alloc(0),
    Buffer.concat([content, Buffer.from('\n')]),
    Buffer.concat([Buffer.from('\ufeff'), content]),
  ]) {
    writeFileSync(file, wrong);
    assertSealed(t, { dataFolder }, /was changed or cut.*give the credentials anew/);
  }
  // As a process leaves it that dies while it writes.
  writeFileSync(file, content);
  writeFileSync(`${file}.0123456789ab.tmp`, content.subarray(0, 50), { mode: 0o600 });
  t.is(listCredentials(openVault({ dataFolder })).length, 2);
});

test('entries cannot be swapped, renamed, taken out, or brought from an older vault', (t) => {
  const dataFolder = folderFor(t);
  const vault = openVault({ dataFolder });
  keepAccount(vault, String.raw`\\one\*`, account, nowMs);
  const older = readFileSync(vault.file, 'utf8');
  keepAccount(vault, String.raw`\\two\*`, { ...account, password: 'another' }, nowMs);
  const [line = '', seal] = readFileSync(vault.file, 'utf8').split('\n');
  type Head = { entries: { name: string; setTime: string; sealed: string }[] };
  const tamper = (change: (head: Head) => void) => {
    const head = JSON.parse(line) as Head;
    change(head);
    writeFileSync(vault.file, `${JSON.stringify(head)}\n${seal}\n`);
    assertSealed(t, { dataFolder }, /was changed or cut/);
  };
  tamper(({ entries: [one, two] }) => ([one!.sealed, two!.sealed] = [two!.sealed, one!.sealed]));
  tamper(({ entries: [one, two] }) => ([one!.name, two!.name] = [two!.name, one!.name]));
  tamper(({ entries: [one] }) => (one!.setTime = new Date(0).toISOString()));
  tamper(({ entries }) => void entries.pop());
  tamper((head) => (head.entries = (JSON.parse(older.split('\n')[0]!) as Head).entries));
});

test('another key, no key, and a vault of a newer Drover are told apart', (t) => {
  const dataFolder = folderFor(t);
  const { file } = filled(dataFolder);
  const keyFile = path.join(dataFolder, 'seal-key');
  const key = readFileSync(keyFile);
  writeFileSync(keyFile, Buffer.alloc(32, 1));
  assertSealed(t, { dataFolder }, /another key than the key file .*seal-key: with the key file .*; bring that key back or say where it is \(--vault-key-file\)/); // oxfmt-ignore
  rmSync(keyFile);
  assertSealed(t, { dataFolder }, /its key .*seal-key is not/);
  t.false(existsSync(keyFile), 'a new key would hide that the old one is missing');
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(file, readFileSync(file, 'utf8').replace('"version":1', '"version":2'));
  assertSealed(t, { dataFolder }, /newer Drover \(format 2\)/);
});

for (const [what, content] of [
  ['too short', 'short'],
  ['empty, as after a crash', ''],
  ['too large', 'x'.repeat(5000)],
] as const)
  test(`a key that is ${what} is refused by name, and not replaced`, (t) => {
    const dataFolder = folderFor(t);
    mkdirSync(dataFolder);
    const keyFile = path.join(dataFolder, 'seal-key');
    writeFileSync(keyFile, content, { mode: 0o600 });
    assertSealed(t, { dataFolder }, /the key .*seal-key .*(bytes)/);
    t.is(readFileSync(keyFile, 'utf8'), content);
  });

test('a folder in the place of a file is refused by name', (t) => {
  for (const name of ['seal-key', 'vault']) {
    const dataFolder = folderFor(t);
    mkdirSync(path.join(dataFolder, name), { recursive: true, mode: 0o700 });
    assertSealed(t, { dataFolder }, new RegExp(`${name} is a folder`));
  }
});

test('a data folder that cannot be made is bad input', (t) => {
  const dataFolder = folderFor(t);
  writeFileSync(dataFolder, '');
  const error = t.throws(() => openVault({ dataFolder }), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
  t.regex(error.message, /--data/);
});

for (const name of ['seal-key', 'vault'])
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610])
    test(`a ${name} with mode ${mode.toString(8)} is refused, as ssh does`, (t) => {
      const dataFolder = folderFor(t);
      filled(dataFolder);
      const file = path.join(dataFolder, name);
      chmodSync(file, mode);
      assertSealed(t, { dataFolder }, new RegExp(`${file} has mode 0${mode.toString(8)}: .*chmod 600 ${file}`)); // oxfmt-ignore
      chmodSync(file, 0o600);
      t.notThrows(() => openVault({ dataFolder }));
    });

(isRoot ? test : test.skip)('what belongs to somebody else is refused', (t) => {
  for (const name of ['seal-key', 'vault']) {
    const dataFolder = folderFor(t);
    filled(dataFolder);
    chownSync(path.join(dataFolder, name), 12345, 12345);
    assertSealed(t, { dataFolder }, new RegExp(`${name} belongs to user 12345.*sudo --user=#12345`)); // oxfmt-ignore
  }
});

test('the key can be elsewhere, as bytes or as digits', (t) => {
  const dataFolder = folderFor(t);
  const keyFile = `${dataFolder}-key`;
  filled(dataFolder, { keyFile });
  t.false(existsSync(path.join(dataFolder, 'seal-key')));
  t.is(readFileSync(keyFile).length, 32);
  writeFileSync(keyFile, `${readFileSync(keyFile).toString('hex')}\n`);
  t.is(listCredentials(openVault({ dataFolder, keyFile })).length, 2);
  assertSealed(t, { dataFolder }, /its key .*seal-key is not/);
  assertSealed(t, { dataFolder, keyFile: '/nowhere/key' }, /its key \/nowhere\/key is not/);
});

test('a systemd credential comes before the file, and a key that was given before both', (t) => {
  const dataFolder = folderFor(t);
  const credentialsFolder = `${dataFolder}-credentials`;
  mkdirSync(credentialsFolder);
  const credential = path.join(credentialsFolder, 'drover-vault-key');
  filled(dataFolder);
  t.is(listCredentials(openVault({ dataFolder, credentialsFolder })).length, 2);
  // The key of the file, moved into systemd's keeping; who may read it there is not seen in its mode.
  writeFileSync(credential, readFileSync(path.join(dataFolder, 'seal-key')), { mode: 0o440 });
  rmSync(path.join(dataFolder, 'seal-key'));
  t.is(listCredentials(openVault({ dataFolder, credentialsFolder })).length, 2);
  keepApplication(openVault({ dataFolder, credentialsFolder }), { kind: 'secret', secret }, nowMs);
  assertSealed(t, { dataFolder }, /the systemd credential drover-vault-key is not; only the service has that: .*systemd-run --pty --property=LoadCredentialEncrypted=drover-vault-key/); // oxfmt-ignore
  const keyFile = `${dataFolder}-key`;
  writeFileSync(keyFile, Buffer.alloc(32, 7), { mode: 0o600 });
  assertSealed(t, { dataFolder, credentialsFolder, keyFile }, /another key than the key file/);
  writeFileSync(credential, 'short');
  assertSealed(t, { dataFolder, credentialsFolder }, /systemd credential drover-vault-key cannot be used: it has 5 bytes/); // oxfmt-ignore
});

test('where the system protects the key, the file is of no use elsewhere', (t) => {
  const dataFolder = folderFor(t);
  const mask = (bytes: Uint8Array, by: number) => Buffer.from(bytes.map((byte) => byte ^ by));
  const computer = (by: number) => ({
    protect: (bytes: Uint8Array) => mask(Buffer.concat([Buffer.from('here'), bytes]), by),
    unprotect: (bytes: Uint8Array) => {
      const opened = mask(bytes, by);
      return opened.subarray(0, 4).equals(Buffer.from('here')) ? opened.subarray(4) : undefined;
    },
  });
  filled(dataFolder, { protection: computer(1) });
  t.true(readFileSync(path.join(dataFolder, 'seal-key')).length > 32);
  t.is(listCredentials(openVault({ dataFolder, protection: computer(1) })).length, 2);
  assertSealed(t, { dataFolder, protection: computer(2) }, /made on another computer/);
  assertSealed(t, { dataFolder }, /protected by Windows and cannot be used on this computer/);
});

test('changes of several processes do not get lost, and a lock that a dead one left is no obstacle', (t) => {
  const dataFolder = folderFor(t);
  const [one, other] = [openVault({ dataFolder }), openVault({ dataFolder })];
  keepAccount(one, String.raw`\\one\*`, account, nowMs);
  keepAccount(other, String.raw`\\two\*`, account, nowMs);
  t.is(listCredentials(one).length, 2);
  const lock = `${one.file}.lock`;
  mkdirSync(lock);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  keepAccount(one, String.raw`\\three\*`, account, nowMs);
  t.is(listCredentials(other).length, 3);
  t.false(existsSync(lock));
});
