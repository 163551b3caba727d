// The certificate authority: it signs the server's certificate and those of the agents. The coordinator makes one of its own on first start;
// an operator can give another in its place.
import {
  X509Certificate as NodeCertificate,
  createHash,
  createPrivateKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { isIP } from 'node:net';
import { DroverError } from '../../lib/error.ts';
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
  type Extension,
  type PublicKey,
} from '../../lib/x509.ts';
import { readAuthorityFile, type AuthorityMaterial } from './authority-file.ts';
import { readPrivateFile, writeDataFile } from './private-file.ts';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
/** How a key of each curve signs. */
const curveHashes: Record<string, [namedCurve: string, hash: string]> = {
  prime256v1: ['P-256', 'SHA-256'],
  secp384r1: ['P-384', 'SHA-384'],
  secp521r1: ['P-521', 'SHA-512'],
};
const dayMs = 24 * 60 * 60 * 1000;
const authorityLifeMs = 3650 * dayMs;
/** A new one is made at every start, so this is the longest time that a coordinator can go on without one. */
const serverLifeMs = 825 * dayMs;
const agentLifeMs = 7 * dayMs;
/** Certificates begin in the past by so much, for machines whose clocks are behind. */
const clockSkewMs = 60 * 60 * 1000;

/** Signs certificates. */
export interface Authority {
  /** PEM: the certificate that signs first, then those above it up to the root; often it is its own root. */
  readonly certificate: string;
  /** Lower-case hexadecimal SHA-256 of the root's certificate in DER. */
  readonly fingerprint: string;
  /** When it ends, in milliseconds since 1970. */
  readonly expireTimeMs: number;
  /** A new key and a certificate for these host names and addresses; PEM, the authority's certificates after the server's. */
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
  writeDataFile(file, made, 0o600);
  return readAuthority(file, made);
}

/** The authority that an operator gives. Throws INVALID_ARGUMENT that says what is wrong with the file. */
export function openGivenAuthority(file: string, nowMs: number): Authority {
  return new SigningAuthority(readAuthorityFile(file, nowMs));
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

function readAuthority(file: string, pem: string): Authority {
  try {
    const [key, certificate] = PemConverter.decode(pem);
    const privateKey = createPrivateKey({ key: Buffer.from(key!), format: 'der', type: 'pkcs8' });
    const chain = [new NodeCertificate(Buffer.from(certificate!))];
    if (!chain[0]!.checkPrivateKey(privateKey))
      throw new Error('the key is of another certificate');
    return new SigningAuthority({ chain, privateKey });
  } catch (cause) {
    throw DroverError.invalid(
      file,
      'is damaged; bring it back from a backup, or remove it, after which every agent has to join again',
      cause,
    );
  }
}

type PrivateKey = ReturnType<KeyObject['toCryptoKey']>;

class SigningAuthority implements Authority {
  readonly certificate: string;
  readonly fingerprint: string;
  readonly expireTimeMs: number;
  readonly #certificate: X509Certificate;
  readonly #key: PrivateKey;
  readonly #algorithm: ReturnType<typeof algorithmOf>;

  constructor({ chain, privateKey }: AuthorityMaterial) {
    this.#certificate = new X509Certificate(chain[0]!.raw);
    this.#algorithm = algorithmOf(privateKey);
    this.#key = privateKey.toCryptoKey(this.#algorithm, false, ['sign']);
    this.certificate = chain.map((one) => one.toString()).join('');
    this.fingerprint = createHash('sha256').update(chain.at(-1)!.raw).digest('hex');
    this.expireTimeMs = Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
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
      this.#validity(nowMs, serverLifeMs),
      [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names),
      ],
    );
    const certificateChain = `${certificate.toString('pem')}\n${this.certificate}`;
    return { certificateChain, privateKey: await encodeKey(keys.privateKey) };
  }

  async issueAgent(agent: string, key: PublicKey, nowMs: number) {
    const period = this.#validity(nowMs, agentLifeMs);
    const usage = new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]);
    const certificate = await this.#issue(`CN=${agent}`, key, period, [usage]);
    return {
      certificate: `${certificate.toString('pem')}\n`,
      expireTimeMs: period.notAfter.getTime(),
    };
  }

  /** No certificate outlives those that it rests on. */
  #validity(nowMs: number, lifeMs: number): Period {
    const period = validity(nowMs, lifeMs);
    const notAfter = new Date(Math.min(period.notAfter.getTime(), this.expireTimeMs));
    return { ...period, notAfter };
  }

  /** Which of the authority's keys signed, by the name that its own certificate gives the key; others may name keys in other ways. */
  #keyIdentifier(): Extension[] {
    const named = this.#certificate.getExtension(SubjectKeyIdentifierExtension);
    return named === null ? [] : [new AuthorityKeyIdentifierExtension(named.keyId)];
  }

  async #issue(
    subject: string,
    publicKey: PublicKey | PrivateKey,
    period: Period,
    extensions: Extension[],
  ): Promise<X509Certificate> {
    return X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      // As it is encoded there, because some compare it byte for byte.
      issuer: this.#certificate.subjectName,
      ...period,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: this.#algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ...this.#keyIdentifier(),
        ...extensions,
      ],
    });
  }
}

interface Period {
  notBefore: Date;
  notAfter: Date;
}

/** How a key signs; `readAuthorityFile` lets no other in. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'ed25519') return { name: 'Ed25519' };
  if (asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const [namedCurve, hash] = curveHashes[asymmetricKeyDetails?.namedCurve ?? '']!;
  return { name: 'ECDSA', namedCurve, hash };
}

/** Whole seconds, because a certificate holds no others, rounded down. */
function validity(nowMs: number, lifeMs: number): Period {
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
