// The key of all that an agent seals, held apart from it: as a credential of systemd's where the service has one, protected by Windows'
// data protection there, and else in a file that only its owner can read.
import { hash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { errorCode, readOwnFile, sealed, writeOwnFile } from './own-file.ts';
import { sealKeyBytes } from '../../lib/sealed-box.ts';
import { dataProtection, type DataProtection } from './windows-protection.ts';

/** Where a key may be. */
export interface VaultKeyPlaces {
  dataFolder: string;
  /** As it was given with --vault-key-file; it comes before all others. */
  keyFile?: string | undefined;
  /** Where systemd put the credentials of this service: $CREDENTIALS_DIRECTORY. */
  credentialsFolder?: string | undefined;
  /** @default this computer's, which is undefined where it is not Windows */
  protection?: DataProtection | undefined;
}

export interface VaultKey {
  bytes: Uint8Array;
  /** Tells keys apart, and says nothing of them. */
  id: string;
  /** Where it came from, for people. */
  from: string;
}

/** The name of the credential in the unit of the service. */
export const keyCredentialName = 'drover-vault-key';
/** How a key says that it came from there. */
export const keyCredentialSource = `the systemd credential ${keyCredentialName}`;
/** The file in the data folder. */
export const keyFileName = 'seal-key';
/** What the name of the next key's file ends with. */
export const nextKeySuffix = '.new';
const keyFileBytesMax = 4096;
/** Begins a key file that Windows protects. */
const protectedMark = Buffer.from('drover-protected-key\n');

/** The key; undefined when there is none yet. Throws VAULT_SEALED when it is there and cannot be used. */
export function readVaultKey(places: VaultKeyPlaces): VaultKey | undefined {
  const file = credentialOf(places);
  // Who may read it is systemd's business, which grants it by means that do not show in a mode.
  const content = file === undefined ? undefined : readCredential(file);
  if (file !== undefined && content !== undefined)
    return vaultKey(keyBytes(content, file, keyCredentialSource), keyCredentialSource);
  return readKeyFile(keyFileOf(places), places);
}

/** The key that is about to take the place of the other; undefined when none is. Throws as `readVaultKey`. */
export function readNextKey(places: VaultKeyPlaces): VaultKey | undefined {
  return hasCredential(places) ? undefined : readKeyFile(nextKeyFileOf(places), places);
}

/** Makes a key and keeps it. Throws VAULT_SEALED when it cannot be written. */
export function makeVaultKey(places: VaultKeyPlaces): VaultKey {
  return makeKeyFile(keyFileOf(places), places);
}

/** Makes a key that is to take the place of the other, and keeps it beside that. Throws INVALID_ARGUMENT when that is a link, VAULT_SEALED when it cannot be written. */
export function makeNextKey(places: VaultKeyPlaces): VaultKey {
  const file = keyFileOf(places);
  if (lstatSync(file).isSymbolicLink())
    throw DroverError.invalid('--vault-key-file', `${file} is a link, and the new key has to lie beside the old one; say where that is`); // oxfmt-ignore
  return makeKeyFile(nextKeyFileOf(places), places);
}

/** The next key takes the place of the other, which is gone. Throws VAULT_SEALED when the system refuses it. */
export function replaceKey(places: VaultKeyPlaces): void {
  const file = keyFileOf(places);
  try {
    // If a power failure undoes it, both keys are there again.
    renameSync(nextKeyFileOf(places), file);
  } catch (cause) {
    throw sealed(`the key ${file} cannot be replaced (${errorCode(cause)})`, file, cause);
  }
}

/** Whether systemd has a key for this process. */
export function hasCredential(places: VaultKeyPlaces): boolean {
  const file = credentialOf(places);
  return file !== undefined && existsSync(file);
}

function credentialOf({ keyFile, credentialsFolder }: VaultKeyPlaces): string | undefined {
  if (keyFile !== undefined || credentialsFolder === undefined) return undefined;
  return path.join(credentialsFolder, keyCredentialName);
}

function readKeyFile(file: string, places: VaultKeyPlaces): VaultKey | undefined {
  const content = readOwnFile(file, 'the key', { mayBeRoots: true, bytesMax: keyFileBytesMax });
  return content && vaultKey(unprotect(content, file, places), `the key file ${keyFileOf(places)}`);
}

function makeKeyFile(file: string, places: VaultKeyPlaces): VaultKey {
  const { protection = dataProtection() } = places;
  const bytes = randomBytes(sealKeyBytes);
  const content = protection ? Buffer.concat([protectedMark, protection.protect(bytes)]) : bytes;
  try {
    writeOwnFile(file, content);
  } catch (cause) {
    throw sealed(`the key ${file} cannot be written (${errorCode(cause)})`, file, cause);
  }
  return vaultKey(bytes, `the key file ${keyFileOf(places)}`);
}

/** Where the key lies when it is in a file. */
export function keyFileOf({ dataFolder, keyFile }: VaultKeyPlaces): string {
  return keyFile ?? path.join(dataFolder, keyFileName);
}

/** Where the key lies that is to take its place. */
export function nextKeyFileOf(places: VaultKeyPlaces): string {
  return `${keyFileOf(places)}${nextKeySuffix}`;
}

function readCredential(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined;
    throw sealed(
      `the systemd credential ${file} cannot be read (${errorCode(cause)})`,
      file,
      cause,
    );
  }
}

function unprotect(content: Buffer, file: string, places: VaultKeyPlaces): Buffer {
  const from = `the key ${file}`;
  if (!content.subarray(0, protectedMark.length).equals(protectedMark))
    return keyBytes(content, file, from);
  const { protection = dataProtection() } = places;
  if (protection === undefined)
    throw sealed(`${from} is protected by Windows and cannot be used on this computer`, file);
  const bytes = protection.unprotect(content.subarray(protectedMark.length));
  if (bytes !== undefined) return keyBytes(bytes, file, from);
  throw sealed(`${from} cannot be used: Windows does not open it, because it was made on another computer or changed`, file); // oxfmt-ignore
}

/** As it is, or as hexadecimal digits, which are easier to carry. */
function keyBytes(content: Buffer, file: string, from: string): Buffer {
  if (content.length === sealKeyBytes) return content;
  const text = content.toString('latin1').trim();
  if (/^[\da-f]+$/i.test(text) && text.length === 2 * sealKeyBytes) return Buffer.from(text, 'hex');
  throw sealed(`${from} cannot be used: it has ${content.length} bytes, not ${sealKeyBytes}`, file);
}

function vaultKey(bytes: Uint8Array, from: string): VaultKey {
  const id = hash('sha256', Buffer.concat([Buffer.from('drover vault key id\0'), bytes]));
  return { bytes, id: id.slice(0, 16), from };
}
