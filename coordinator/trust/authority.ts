// The coordinator's own certificate authority: made on first start, it signs the server's certificate and those of the agents.
import '../../lib/reflect-metadata.ts';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  cryptoProvider,
  type Extension,
  type PublicKey,
} from '@peculiar/x509';
import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { DroverError } from '../../lib/error.ts';
import { readPrivateFile, writeFileWhole } from './private-file.ts';

cryptoProvider.set(globalThis.crypto);

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
const dayMs = 24 * 60 * 60 * 1000;
const authorityLifeMs = 3650 * dayMs;
/** A new one is made at every start, so this is the longest time that a coordinator can go on without one. */
const serverLifeMs = 825 * dayMs;
const agentLifeMs = 7 * dayMs;
/** Certificates begin in the past by so much, for machines whose clocks are behind. */
const clockSkewMs = 60 * 60 * 1000;

/** Signs certificates. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** Lower-case hexadecimal SHA-256 of the certificate in DER. */
  readonly fingerprint: string;
  /** A new key and a certificate for these host names and addresses; PEM, the authority's certificate after the server's. */
  issueServer(
    hosts: readonly string[],
    nowMs: number,
  ): Promise<{ certificateChain: string; privateKey: string }>;
  /** A client certificate for the key, in the name of the agent; PEM. */
  issueAgent(
    agent: string,
    key: PublicKey,
    nowMs: number,
  ): Promise<{ certificate: string; expireTimeMs: number }>;
}

/**
 * Reads the authority from `file`, or makes it. Key and certificate share one file, so that there is never one without the
 * other. Throws INVALID_ARGUMENT when the file cannot be used.
 */
export async function openAuthority(file: string, nowMs: number): Promise<Authority> {
  const stored = readPrivateFile(file);
  if (stored !== undefined) return readAuthority(file, stored);
  const made = await createAuthority(nowMs);
  writeFileWhole(file, made, 0o600);
  return readAuthority(file, made);
}

async function createAuthority(nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Drover authority ${randomBytes(4).toString('hex')}`,
    serialNumber: serialNumber(),
    ...validity(nowMs, authorityLifeMs),
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${await encodeKey(keys.privateKey)}\n${certificate.toString('pem')}\n`;
}

async function readAuthority(file: string, pem: string): Promise<Authority> {
  try {
    const [key, certificate] = PemConverter.decode(pem);
    const usages: KeyUsage[] = ['sign'];
    const privateKey = await crypto.subtle.importKey('pkcs8', key!, keyAlgorithm, false, usages);
    return new SigningAuthority(new X509Certificate(certificate!), privateKey);
  } catch (cause) {
    throw DroverError.invalid(
      file,
      'is damaged; bring it back from a backup, or remove it, after which every agent has to join again',
      cause,
    );
  }
}

type KeyUsage = 'sign' | 'verify';
type PrivateKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

class SigningAuthority implements Authority {
  readonly certificate: string;
  readonly fingerprint: string;
  readonly #certificate: X509Certificate;
  readonly #key: PrivateKey;

  constructor(certificate: X509Certificate, key: PrivateKey) {
    this.#certificate = certificate;
    this.#key = key;
    this.certificate = `${certificate.toString('pem')}\n`;
    const der = new Uint8Array(certificate.rawData);
    this.fingerprint = createHash('sha256').update(der).digest('hex');
  }

  async issueServer(hosts: readonly string[], nowMs: number) {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    const names = hosts.map((host) => {
      const type = isIP(host) === 0 ? ('dns' as const) : ('ip' as const);
      return { type, value: host };
    });
    const certificate = await this.#issue(
      'CN=Drover coordinator',
      keys.publicKey,
      validity(nowMs, serverLifeMs),
      [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names),
      ],
    );
    const certificateChain = `${certificate.toString('pem')}\n${this.certificate}`;
    return { certificateChain, privateKey: await encodeKey(keys.privateKey) };
  }

  async issueAgent(agent: string, key: PublicKey, nowMs: number) {
    const period = validity(nowMs, agentLifeMs);
    const usage = new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]);
    const certificate = await this.#issue(`CN=${agent}`, key, period, [usage]);
    return {
      certificate: `${certificate.toString('pem')}\n`,
      expireTimeMs: period.notAfter.getTime(),
    };
  }

  async #issue(
    subject: string,
    publicKey: PublicKey | PrivateKey,
    period: { notBefore: Date; notAfter: Date },
    extensions: Extension[],
  ): Promise<X509Certificate> {
    return X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: this.#certificate.subject,
      ...period,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...extensions,
      ],
    });
  }
}

/** Whole seconds, because a certificate holds no others, rounded down. */
function validity(nowMs: number, lifeMs: number) {
  const second = nowMs - (nowMs % 1000);
  return { notBefore: new Date(second - clockSkewMs), notAfter: new Date(second + lifeMs) };
}

/** A positive number of 127 bits, as hexadecimal. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function encodeKey(key: PrivateKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
