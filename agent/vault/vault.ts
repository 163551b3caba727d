// What the agent keeps of secrets: sealed in one file of its data folder. Every change is a new file in place of the old one, so a reader
// needs no lock, and a running agent sees what another process put in.
import { isUtf8 } from 'node:buffer';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { errorCode, readOwnFile, sealed, writeOwnFile } from './own-file.ts';
import { sealedBox, type SealedBox } from '../../lib/sealed-box.ts';
import { keySource, readVault, vaultBytesMax, writeVault, type Seal, type Unreadable, type VaultEntry } from './vault-file.ts'; // oxfmt-ignore
import { keyCredentialName, keyCredentialSource, keyFileOf, makeVaultKey, readNextKey, readVaultKey, type VaultKey, type VaultKeyPlaces } from './vault-key.ts'; // oxfmt-ignore

export type { SealedBox, VaultEntry, VaultKeyPlaces };

export interface Vault {
  /** Absolute. */
  readonly file: string;
  /** Seals whatever else the agent keeps, with the same key. */
  readonly box: SealedBox;
  /** A new key is about to take the place of the old one: what either sealed is opened, and the new one seals. */
  readonly isBetweenKeys: boolean;
  /** All entries, by name. Throws VAULT_SEALED when the file was changed, or sealed with another key. */
  read(): VaultEntry[];
  /**
   * Puts the entries in that `change` answers with, in one step that nobody else's change can come between. Throws VAULT_SEALED as `read`
   * does, or when it cannot be written.
   */
  change(change: (entries: readonly VaultEntry[]) => VaultEntry[]): void;
}

export const vaultFileName = 'vault';
/** Somebody else's change takes milliseconds; a lock that is older was left by a process that died. */
const lockMsMax = 5_000;
const lockRetryMs = 20;
const damaged: Unreadable = { why: 'damaged' };

/**
 * Opens the vault of a data folder, which is made if need be, and makes a key when there is neither a key nor a vault. Needs no lock of
 * the data folder: it works beside a running agent. Throws VAULT_SEALED with what to do when key or vault cannot be used.
 */
export function openVault(places: VaultKeyPlaces): Vault {
  const { dataFolder } = places;
  makeDataFolder(dataFolder);
  const file = path.join(dataFolder, vaultFileName);
  // In this order: the next key may become the key in between.
  const next = readNextKey(places);
  const key = readVaultKey(places) ?? withLock(file, () => firstKey(file, places));
  const older = next === undefined ? [] : [sealOf(key)];
  const seal = sealOf(next ?? key);
  const read = () => openEntries(file, readFile(file), [seal, ...older]);
  // A vault that cannot be opened is found out now, and not when something in it is needed.
  read();
  return {
    file,
    box: older.reduce((box, { box: other }) => eitherBox(box, other), seal.box),
    isBetweenKeys: older.length > 0,
    read,
    change: (change) => withLock(file, () => write(file, change(read()), seal)),
  };
}

/** Two processes that start at the same time make one key. */
function firstKey(file: string, places: VaultKeyPlaces): VaultKey {
  const known = readVaultKey(places);
  if (known !== undefined) return known;
  const content = readFile(file);
  if (content === undefined) return makeVaultKey(places);
  const from = keySource(content.toString('utf8'));
  const missing = from === keyCredentialSource ? from : `its key ${keyFileOf(places)}`;
  throw sealed(`the vault ${file} is there and ${missing} is not; ${bringBack(file, from)}`, file);
}

function readFile(file: string): Buffer | undefined {
  return readOwnFile(file, 'the vault', { bytesMax: vaultBytesMax });
}

function sealOf({ bytes, id, from }: VaultKey): Seal {
  return { box: sealedBox(bytes), keyId: id, keyFrom: from };
}

/** Opens what either sealed; the first seals. */
function eitherBox(first: SealedBox, other: SealedBox): SealedBox {
  return {
    seal: (bytes, name) => first.seal(bytes, name),
    open: (sealed, name) => first.open(sealed, name) ?? other.open(sealed, name),
  };
}

/** `seals`: one or more; the vault is sealed with one of them. */
function openEntries(
  file: string,
  content: Buffer | undefined,
  seals: readonly Seal[],
): VaultEntry[] {
  if (content === undefined) return [];
  let found: VaultEntry[] | Unreadable = damaged;
  for (const seal of seals) {
    // Bytes that are no Unicode would all be read as the same sign.
    found = isUtf8(content) ? readVault(content.toString('utf8'), seal) : damaged;
    if (Array.isArray(found)) return found;
    if (found.why !== 'other-key') break;
  }
  throw unreadable(file, found, seals.map(({ keyFrom }) => keyFrom).join(' and '));
}

function write(file: string, entries: VaultEntry[], seal: Seal): void {
  const sorted = entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const text = writeVault(sorted, seal);
  if (text.length > vaultBytesMax)
    throw DroverError.invalid('credentials', `the vault ${file} can hold ${vaultBytesMax} bytes and would have more`); // oxfmt-ignore
  try {
    writeOwnFile(file, text);
  } catch (cause) {
    throw sealed(`the vault ${file} cannot be written (${errorCode(cause)})`, file, cause);
  }
}

/** A folder as the lock, because making one is all or nothing on every file system. */
function withLock<T>(file: string, work: () => T): T {
  const lock = `${file}.lock`;
  for (;;) {
    try {
      mkdirSync(lock, { mode: 0o700 });
      break;
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST')
        throw sealed(`the vault ${file} cannot be locked (${errorCode(cause)})`, file, cause);
      if (isLeft(lock)) removeFolder(lock);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockRetryMs);
    }
  }
  try {
    return work();
  } finally {
    removeFolder(lock);
  }
}

function isLeft(lock: string): boolean {
  const stats = statSync(lock, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > lockMsMax;
}

/** Somebody else may have done it. */
function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw cause;
  }
}

function makeDataFolder(folder: string): void {
  try {
    makeFolders(folder, 0o700);
  } catch (cause) {
    throw DroverError.invalid('--data', `the folder ${folder} cannot be made (${errorCode(cause)})`, cause); // oxfmt-ignore
  }
}

function unreadable(file: string, found: Unreadable, keyFrom: string): DroverError {
  switch (found.why) {
    case 'newer':
      return sealed(`the vault ${file} was written by a newer Drover (format ${found.version}); start that one`, file); // oxfmt-ignore
    case 'other-key':
      return sealed(`the vault ${file} was sealed with another key than ${keyFrom}: with ${found.from}; ${bringBack(file, found.from)}`, file); // oxfmt-ignore
    case 'damaged':
      return sealed(`the vault ${file} was changed or cut, by no Drover; bring it back from a backup, or remove it and give the credentials anew`, file); // oxfmt-ignore
  }
}

function bringBack(file: string, from: string | undefined): string {
  return from === keyCredentialSource
    ? `only the service has that: run the command as \`systemd-run --pty --property=LoadCredentialEncrypted=${keyCredentialName} drover-agent …\``
    : `bring that key back or say where it is (--vault-key-file), or remove ${file} and give the credentials anew`;
}
