// The key of all that an agent seals, held apart from it: as a credential of systemd's where the service has one, protected by Windows'
// data protection there, and else in a file that only its owner can read.
import { hash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
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
const keyFileBytesMax = 4096;
/** Begins a key file that Windows protects. */
const protectedMark = Buffer.from('drover-protected-key\n');

/** The key; undefined when there is none yet. Throws VAULT_SEALED when it is there and cannot be used. */
export function readVaultKey(places: VaultKeyPlaces): VaultKey | undefined {
  const { keyFile, credentialsFolder } = places;
  if (keyFile === undefined && credentialsFolder !== undefined) {
    const file = path.join(credentialsFolder, keyCredentialName);
    // Who may read it is systemd's business, which grants it by means that do not show in a mode.
    const content = readCredential(file);
    if (content !== undefined)
      return vaultKey(keyBytes(content, file, keyCredentialSource), keyCredentialSource);
  }
  const file = keyFileOf(places);
  const content = readOwnFile(file, 'the key', { mayBeRoots: true, bytesMax: keyFileBytesMax });
  return content && vaultKey(unprotect(content, file, places), `the key file ${file}`);
}

/** Makes a key and keeps it. Throws VAULT_SEALED when it cannot be written. */
export function makeVaultKey(places: VaultKeyPlaces): VaultKey {
  const file = keyFileOf(places);
  const { protection = dataProtection() } = places;
  const bytes = randomBytes(sealKeyBytes);
  const content = protection ? Buffer.concat([protectedMark, protection.protect(bytes)]) : bytes;
  try {
    writeOwnFile(file, content);
  } catch (cause) {
    throw sealed(`the key ${file} cannot be written (${errorCode(cause)})`, file, cause);
  }
  return vaultKey(bytes, `the key file ${file}`);
}

/** Where the key lies when it is in a file. */
export function keyFileOf({ dataFolder, keyFile }: VaultKeyPlaces): string {
  return keyFile ?? path.join(dataFolder, keyFileName);
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
  throw sealed(`${from} cannot be used: Windows does not open it, because it was made on another computer or changed`, file); // prettier-ignore
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
