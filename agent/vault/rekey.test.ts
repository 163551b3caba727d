// Another key for all that an agent keeps, on a real disk with a real journal: wherever it is broken off, everything opens.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { BatchLeaseSchema, LeaseKeySchema } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { signInCacheFile } from '../credential/sign-in-options.ts';
import { openJournal } from '../run/journal.ts';
import { keepApplication, keptApplication } from './kept-credentials.ts';
import { finishRekey, rekey } from './rekey.ts';
import type { VaultKeyPlaces } from './vault-key.ts';
import { openVault } from './vault.ts';
import type { DataProtection } from './windows-protection.ts';

const secret = 'the-secret~of-the-application';
const tokens = 'the refresh token of a person';
const url = 'https://contoso.sharepoint.com/_api/upload?tempauth=planted';
const key = create(LeaseKeySchema, { lease: 'tasks/a/runs/1/batches/1', generation: 1 });

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-rekey-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An agent's data folder with all that is sealed in one. */
async function fill(places: VaultKeyPlaces): Promise<void> {
  const { dataFolder } = places;
  const vault = openVault(places);
  keepApplication(vault, { kind: 'secret', secret }, 0);
  const cache = signInCacheFile(dataFolder);
  mkdirSync(path.dirname(cache));
  writeFileSync(cache, vault.box.seal(Buffer.from(tokens)), { mode: 0o600 });
  await using journal = await openJournal(path.join(dataFolder, 'journal'), vault.box);
  await journal.recordLease(create(BatchLeaseSchema, { key }));
  await journal.keepUpload(key, 3, { index: 3, url, size: 5, modifiedNs: 1n, changedNs: 2n }, true);
}

/** Asserts that an agent that starts now has everything. */
async function assertOpens(
  t: ExecutionContext,
  places: VaultKeyPlaces,
  when: string,
): Promise<void> {
  const { dataFolder } = places;
  const vault = openVault(places);
  t.deepEqual(keptApplication(vault), { kind: 'secret', secret }, when);
  const cache = vault.box.open(readFileSync(signInCacheFile(dataFolder)));
  t.is(cache && Buffer.from(cache).toString(), tokens, when);
  await using journal = await openJournal(path.join(dataFolder, 'journal'), vault.box);
  const { unfinished } = await journal.contents();
  t.deepEqual(unfinished[0]!.uploads.map((upload) => upload.url), [url], when); // oxfmt-ignore
}

/** Asserts that the key opens nothing of what is there. */
async function assertOpensNothing(
  t: ExecutionContext,
  bytes: Buffer,
  dataFolder: string,
): Promise<void> {
  const keyFile = path.join(path.dirname(dataFolder), 'older-key');
  writeFileSync(keyFile, bytes, { mode: 0o600 });
  t.throws(() => openVault({ dataFolder, keyFile }), { message: /sealed with another key/ });
  const box = sealedBox(bytes);
  t.is(box.open(readFileSync(signInCacheFile(dataFolder))), undefined);
  await using journal = await openJournal(path.join(dataFolder, 'journal'), box);
  t.deepEqual((await journal.contents()).unfinished[0]!.uploads, []);
}

/** Takes so many steps, and answers what they said; all without a number. */
async function take(places: VaultKeyPlaces, steps = Infinity): Promise<string[]> {
  const said: string[] = [];
  if (steps > 0)
    for await (const step of rekey(places)) {
      said.push(step);
      if (said.length >= steps) break;
    }
  return said;
}

for (const keyFileName of [undefined, 'apart.key'])
  test(`wherever it is broken off, everything opens, and it goes on: ${keyFileName ?? 'the usual key file'}`, async (t) => {
    let steps = 0;
    for (let isWhole = false; !isWhole; steps += 1) {
      const folder = path.join(folderFor(t), 'data');
      const keyFile = keyFileName && path.join(path.dirname(folder), keyFileName);
      const places = { dataFolder: folder, keyFile };
      await fill(places);
      const file = keyFile ?? path.join(folder, 'seal-key');
      const before = readFileSync(file);
      const said = await take(places, steps);
      isWhole = said.length < steps;
      const when = `after "${said.at(-1)}"`;
      await assertOpens(t, places, when);
      if (steps === 0) continue;
      const made = isWhole || said.length === 5 ? file : `${file}.new`;
      const key = readFileSync(made);
      t.false(key.equals(before), when);
      const more = await take(places);
      t.is(more[0] === 'the replacement that was broken off goes on', made !== file, when);
      await assertOpens(t, places, `${when}, and then to the end`);
      t.is(readFileSync(file).equals(key), made !== file, 'what was made before is the key');
      await assertOpensNothing(t, before, folder);
      t.deepEqual(readdirSync(path.dirname(file)).filter((name) => name.endsWith('.new')), []); // oxfmt-ignore
    }
    t.is(steps, 7, 'one for each step, one before the first, and one beyond the last');
  });

test('an agent that starts brings it to its end, and says so when it cannot', async (t) => {
  const dataFolder = path.join(folderFor(t), 'data');
  const places = { dataFolder };
  await fill(places);
  const older = readFileSync(path.join(dataFolder, 'seal-key'));
  await take(places, 1);
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  const start = async () => {
    const vault = openVault(places);
    await using journal = await openJournal(path.join(dataFolder, 'journal'), vault.box);
    await finishRekey(places, { vault, journal, log });
  };
  // In its way, as a disk that is full would be.
  const cache = signInCacheFile(dataFolder);
  copyFileSync(cache, `${cache}.kept`);
  rmSync(cache);
  mkdirSync(cache);
  await start();
  t.regex(lines.at(-1)!, /the replacement of the key of the vault is still not done: the sign-in .*tokens.json cannot be sealed anew \(EISDIR\)/); // oxfmt-ignore
  rmSync(cache, { recursive: true });
  copyFileSync(`${cache}.kept`, cache);
  await assertOpens(t, places, 'while it is not done');
  await start();
  t.regex(lines.at(-1)!, /the new key is in /);
  await assertOpens(t, places, 'when it is done');
  await assertOpensNothing(t, older, dataFolder);
  const said = lines.length;
  await start();
  t.is(lines.length, said, 'nothing is left to be done');
});

/** Asserts that nothing is begun, for this reason and with these words. */
async function assertRefused(
  t: ExecutionContext,
  places: VaultKeyPlaces,
  reason: ErrorReason,
  words: RegExp,
): Promise<void> {
  const error = await t.throwsAsync(take(places), { instanceOf: DroverError });
  t.is(error.reason, reason);
  t.regex(error.message, words);
  t.false(readdirSync(places.dataFolder).includes('seal-key.new'));
}

test('a key that another agent works with, or that is not there, or only a link, is not replaced', async (t) => {
  const folder = folderFor(t);
  const dataFolder = path.join(folder, 'data');
  const places = { dataFolder };
  mkdirSync(dataFolder);
  await assertRefused(t, places, ErrorReason.INVALID_ARGUMENT, /there is no key .*seal-key that could be replaced/); // oxfmt-ignore
  await fill(places);
  const journal = await openJournal(path.join(dataFolder, 'journal'), openVault(places).box);
  await assertRefused(t, places, ErrorReason.DATA_FOLDER_LOCKED, /an agent runs with the data folder .*stop it, type this again/); // oxfmt-ignore
  await journal.close();
  const keyFile = path.join(folder, 'link');
  symlinkSync(path.join(dataFolder, 'seal-key'), keyFile);
  await assertRefused(t, { dataFolder, keyFile }, ErrorReason.INVALID_ARGUMENT, /link is a link/);
  await assertOpens(t, places, 'after all that');
});

test('a key that systemd keeps is not replaced, and what to do is said, in the service and outside of it', async (t) => {
  const folder = folderFor(t);
  const places = { dataFolder: path.join(folder, 'data'), credentialsFolder: path.join(folder, 'credentials') }; // oxfmt-ignore
  mkdirSync(places.credentialsFolder);
  writeFileSync(path.join(places.credentialsFolder, 'drover-vault-key'), Buffer.alloc(32, 7));
  await fill(places);
  const words = /is the systemd credential drover-vault-key, which only systemd can replace.*rekey --data .* --vault-key-file KEYFILE/; // oxfmt-ignore
  await assertRefused(t, places, ErrorReason.INVALID_ARGUMENT, words);
  await assertRefused(t, { dataFolder: places.dataFolder }, ErrorReason.INVALID_ARGUMENT, words);
  // What they are told to do.
  const keyFile = path.join(folder, 'KEYFILE');
  writeFileSync(keyFile, Buffer.alloc(32, 7), { mode: 0o600 });
  await take({ dataFolder: places.dataFolder, keyFile });
  copyFileSync(keyFile, path.join(places.credentialsFolder, 'drover-vault-key'));
  await assertOpens(t, places, 'with the new key in systemd');
});

test('where Windows protects the key, it protects the new one too', async (t) => {
  const turn = (bytes: Uint8Array) => Buffer.from(bytes.map((byte) => byte ^ 0x5a));
  const protection: DataProtection = { protect: turn, unprotect: turn };
  const dataFolder = path.join(folderFor(t), 'data');
  const places = { dataFolder, protection };
  await fill(places);
  for (const steps of [1, Infinity]) {
    await take(places, steps);
    await assertOpens(t, places, `${steps}`);
    for (const name of readdirSync(dataFolder).filter((each) => each.startsWith('seal-key')))
      t.true(readFileSync(path.join(dataFolder, name)).includes('drover-protected-key'));
  }
});
