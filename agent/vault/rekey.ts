// Makes a new key and seals everything anew that an agent keeps sealed. The new key lies beside the old one until all is sealed with it, so
// that at every moment the keys that are there open everything, whenever the process or the machine dies.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { signInCacheFile } from '../credential/sign-in-options.ts';
import { openJournal, type Journal } from '../run/journal.ts';
import { errorCode, sealed, writeOwnFile } from './own-file.ts';
import { keySource } from './vault-file.ts';
import {
  hasCredential,
  keyCredentialName,
  keyCredentialSource,
  keyFileOf,
  makeNextKey,
  readVaultKey,
  replaceKey,
  type VaultKeyPlaces,
} from './vault-key.ts';
import { openVault, vaultFileName, type SealedBox, type Vault } from './vault.ts';

/**
 * Replaces the key, and tells each step in words when it is done. One that was broken off goes on with the key that it had made. Throws
 * INVALID_ARGUMENT when there is no key that can be replaced here, DATA_FOLDER_LOCKED while an agent runs with the folder, and VAULT_SEALED
 * when something cannot be opened or written.
 */
export async function* rekey(places: VaultKeyPlaces): AsyncGenerator<string, void, undefined> {
  const { dataFolder } = places;
  refuseWithoutKey(places);
  const before = openVault(places);
  // Held to the end: an agent that runs knows the old key only.
  await using journal = await openQuiet(path.join(dataFolder, 'journal'), before, dataFolder);
  if (before.isBetweenKeys) {
    yield 'the replacement that was broken off goes on';
    return yield* sealAnew(places, before, journal);
  }
  makeNextKey(places);
  yield 'a new key is made';
  yield* sealAnew(places, openVault(places), journal);
}

/** For an agent that starts: brings a replacement to its end that was broken off. Everything can be opened also where that fails. */
export async function finishRekey(
  places: VaultKeyPlaces,
  { vault, journal, log }: { vault: Vault; journal: Journal; log: Logger },
): Promise<void> {
  if (!vault.isBetweenKeys) return;
  try {
    for await (const step of sealAnew(places, vault, journal)) log.info(step);
  } catch (thrown) {
    const { message } = DroverError.from(thrown);
    log.warn(`the replacement of the key of the vault is still not done: ${message}`);
  }
}

/** `vault` is between keys. */
async function* sealAnew(
  places: VaultKeyPlaces,
  vault: Vault,
  journal: Journal,
): AsyncGenerator<string, void, undefined> {
  if (existsSync(vault.file)) {
    vault.change((entries) => [...entries]);
    yield 'the vault is sealed anew';
  }
  if (sealFileAnew(signInCacheFile(places.dataFolder), vault.box))
    yield 'the sign-in of a person is sealed anew';
  const uploads = await journal.reseal(vault.box);
  if (uploads > 0) yield `the addresses of open uploads are sealed anew: ${uploads}`;
  replaceKey(places);
  yield `the new key is in ${keyFileOf(places)}; the old one is gone, and opens nothing any more`;
}

/** Whether there was such a file. One that does not open is of no use, and is left to who finds it so. */
function sealFileAnew(file: string, box: SealedBox): boolean {
  try {
    if (!existsSync(file)) return false;
    const content = box.open(readFileSync(file));
    if (content !== undefined) writeOwnFile(file, box.seal(content));
    return content !== undefined;
  } catch (cause) {
    throw sealed(`the sign-in ${file} cannot be sealed anew (${errorCode(cause)})`, file, cause);
  }
}

function refuseWithoutKey(places: VaultKeyPlaces): void {
  const { dataFolder } = places;
  const file = keyFileOf(places);
  if (!hasCredential(places)) {
    if (readVaultKey(places) !== undefined) return;
    if (sourceOf(path.join(dataFolder, vaultFileName)) !== keyCredentialSource)
      throw DroverError.invalid('--vault-key-file', `there is no key ${file} that could be replaced`); // oxfmt-ignore
  }
  const stored = `/etc/credstore.encrypted/${keyCredentialName}`;
  throw DroverError.invalid(
    '--vault-key-file',
    `is missing: the key of ${dataFolder} is ${keyCredentialSource}, which only systemd can replace. Stop the agent; take the key out with \`umask 077; systemd-creds decrypt --name=${keyCredentialName} ${stored} KEYFILE\`, so that the agent's user owns the file; type \`drover-agent credentials rekey --data ${dataFolder} --vault-key-file KEYFILE\`; put it back with \`systemd-creds encrypt --name=${keyCredentialName} KEYFILE ${stored} && shred --remove KEYFILE\`, and start the agent`,
  );
}

/** Where the key of the vault came from, as that says; undefined without one. */
function sourceOf(vaultFile: string): string | undefined {
  return existsSync(vaultFile) ? keySource(readFileSync(vaultFile, 'utf8')) : undefined;
}

async function openQuiet(folder: string, { box }: Vault, dataFolder: string): Promise<Journal> {
  try {
    return await openJournal(folder, box);
  } catch (thrown) {
    const { reason } = DroverError.from(thrown);
    if (reason !== ErrorReason.DATA_FOLDER_LOCKED) throw thrown;
    throw new DroverError(
      reason,
      `an agent runs with the data folder ${dataFolder}, and its key can be replaced only while none does; stop it, type this again, and start it`,
      { cause: thrown, metadata: { folder: dataFolder } },
    );
  }
}
