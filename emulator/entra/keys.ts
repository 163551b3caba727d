// The tenant's keys: one that signs tokens, one that seals refresh tokens. They are kept, so that tokens outlive a restart.
import '../../lib/reflect-metadata.ts';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cryptoProvider, PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { exportJWK, importPKCS8, importX509, SignJWT, type JWK, type JWTPayload } from 'jose';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';

cryptoProvider.set(globalThis.crypto);

export type PublicKey = Awaited<ReturnType<typeof importX509>>;

export interface Keys {
  /** Checks what `sign` signed. */
  readonly publicKey: PublicKey;
  /** 256 bits. */
  readonly sealingKey: Uint8Array;
  /** The public half as the discovery document's key set lists it. */
  readonly jwk: JWK;
  sign(claims: JWTPayload): Promise<string>;
}

interface StoredKeys {
  privateKey: string;
  certificate: string;
  sealingKey: string;
}

const fileName = 'entra-keys.json';
const lifeMs = 5 * 365 * 24 * 60 * 60 * 1000;

/** Reads the keys from the folder, or makes them. Throws INVALID_ARGUMENT when the file is there and cannot be used. */
export async function openKeys(folder: string, nowMs: number): Promise<Keys> {
  const file = path.join(folder, fileName);
  const stored = readStored(file) ?? (await makeStored(file, nowMs));
  try {
    return await importKeys(stored);
  } catch (cause) {
    throw DroverError.invalid(
      file,
      'is damaged; remove it, and everybody has to sign in anew',
      cause,
    );
  }
}

async function importKeys(stored: StoredKeys): Promise<Keys> {
  const privateKey = await importPKCS8(stored.privateKey, 'RS256');
  const publicKey = await importX509(stored.certificate, 'RS256', { extractable: true });
  const der = Buffer.from(PemConverter.decodeFirst(stored.certificate));
  // Entra names its keys by the SHA-1 of the certificate, in both fields.
  const thumbprint = createHash('sha1').update(der).digest('base64url');
  const { kty, n, e } = await exportJWK(publicKey);
  const names = { kid: thumbprint, x5t: thumbprint };
  return {
    publicKey,
    sealingKey: Buffer.from(stored.sealingKey, 'base64'),
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

async function makeStored(file: string, nowMs: number): Promise<StoredKeys> {
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
  const stored = {
    privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    certificate: certificate.toString('pem'),
    sealingKey: randomBytes(32).toString('base64'),
  };
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  makeFolders(path.dirname(file), 0o700);
  writeFileSync(temporary, `${JSON.stringify(stored, undefined, 2)}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  renameSync(temporary, file);
  return stored;
}
