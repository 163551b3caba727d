// The tenant's keys: those that sign tokens, of which the newest does, and one that seals refresh tokens. They are kept, so that tokens
// outlive a restart.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  createLocalJWKSet,
  exportJWK,
  importPKCS8,
  importX509,
  SignJWT,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { PemConverter, X509CertificateGenerator } from '../../lib/x509.ts';

export interface Keys {
  /** Finds the key that a token says it was signed with, to check it. */
  readonly findKey: JWTVerifyGetKey;
  /** 256 bits. */
  readonly sealingKey: Uint8Array;
  /** The public halves as the discovery document's key set lists them, the newest first. */
  readonly published: readonly JWK[];
  sign(claims: JWTPayload): Promise<string>;
  /** Makes a new key and signs with it; answers with its id. The last one is published still, older ones are not. */
  rotate(nowMs: number): Promise<string>;
}

interface StoredKey {
  privateKey: string;
  certificate: string;
}

interface StoredKeys extends StoredKey {
  sealingKey: string;
  /** What signed before. */
  previous?: StoredKey;
}

interface SigningKey {
  jwk: JWK;
  sign(claims: JWTPayload): Promise<string>;
}

const fileName = 'entra-keys.json';
const lifeMs = 5 * 365 * 24 * 60 * 60 * 1000;

/** Reads the keys from the folder, or makes them. Throws INVALID_ARGUMENT when the file is there and cannot be used. */
export async function openKeys(folder: string, nowMs: number): Promise<Keys> {
  const file = path.join(folder, fileName);
  const known = readStored(file);
  const stored = known ?? (await makeStored(nowMs));
  if (known === undefined) writeStored(file, stored);
  try {
    return await StoredSigningKeys.open(file, stored);
  } catch (cause) {
    throw DroverError.invalid(
      file,
      'is damaged; remove it, and everybody has to sign in anew',
      cause,
    );
  }
}

class StoredSigningKeys implements Keys {
  readonly sealingKey: Uint8Array;
  readonly #file: string;
  #stored: StoredKeys;
  /** The newest first. */
  #keys: SigningKey[];

  static async open(file: string, stored: StoredKeys): Promise<StoredSigningKeys> {
    const all = stored.previous === undefined ? [stored] : [stored, stored.previous];
    return new StoredSigningKeys(file, stored, await Promise.all(all.map(importKey)));
  }

  constructor(file: string, stored: StoredKeys, keys: SigningKey[]) {
    this.#file = file;
    this.#stored = stored;
    this.#keys = keys;
    this.sealingKey = Buffer.from(stored.sealingKey, 'base64');
  }

  get published(): JWK[] {
    return this.#keys.map(({ jwk }) => jwk);
  }

  findKey: JWTVerifyGetKey = (header, token) =>
    createLocalJWKSet({ keys: this.published })(header, token);

  sign(claims: JWTPayload): Promise<string> {
    return this.#keys[0]!.sign(claims);
  }

  async rotate(nowMs: number): Promise<string> {
    const { privateKey, certificate, sealingKey } = this.#stored;
    const next = await makeKey(nowMs);
    const stored = { ...next, sealingKey, previous: { privateKey, certificate } };
    const key = await importKey(next);
    writeStored(this.#file, stored);
    this.#stored = stored;
    this.#keys = [key, this.#keys[0]!];
    return String(key.jwk.kid);
  }
}

async function importKey(stored: StoredKey): Promise<SigningKey> {
  const privateKey = await importPKCS8(stored.privateKey, 'RS256');
  const publicKey = await importX509(stored.certificate, 'RS256', { extractable: true });
  const der = Buffer.from(PemConverter.decodeFirst(stored.certificate));
  // Entra names its keys by the SHA-1 of the certificate, in both fields.
  const thumbprint = createHash('sha1').update(der).digest('base64url');
  const { kty, n, e } = await exportJWK(publicKey);
  const names = { kid: thumbprint, x5t: thumbprint };
  return {
    jwk: { kty, use: 'sig', ...names, n, e, x5c: [der.toString('base64')] } as JWK,
    sign: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', x5t: thumbprint, kid: thumbprint })
        .sign(privateKey),
  };
}

function readStored(file: string): StoredKeys | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
    chmodSync(file, 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw DroverError.invalid(file, `cannot be read: ${String(cause)}`, cause);
  }
  try {
    return JSON.parse(text) as StoredKeys;
  } catch (cause) {
    throw DroverError.invalid(
      file,
      'is damaged; remove it, and everybody has to sign in anew',
      cause,
    );
  }
}

async function makeStored(nowMs: number): Promise<StoredKeys> {
  return { ...(await makeKey(nowMs)), sealingKey: randomBytes(32).toString('base64') };
}

async function makeKey(nowMs: number): Promise<StoredKey> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=accounts.accesscontrol.windows.net',
    notBefore: new Date(nowMs - (nowMs % 1000)),
    notAfter: new Date(nowMs - (nowMs % 1000) + lifeMs),
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    certificate: certificate.toString('pem'),
  };
}

function writeStored(file: string, stored: StoredKeys): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  makeFolders(path.dirname(file), 0o700);
  writeFileSync(temporary, `${JSON.stringify(stored, undefined, 2)}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  renameSync(temporary, file);
}
