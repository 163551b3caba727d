// The emulator's certificate authority. It is made on first start and kept, so that a client that was once told to trust it
// goes on doing so; the certificate it signs for the listener is new at every start.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '../../lib/x509.ts';
import { readWholeFile, writeWholeFile } from './whole-file.ts';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
const dayMs = 24 * 60 * 60 * 1000;
const authorityLifeMs = 3650 * dayMs;
const serverLifeMs = 397 * dayMs;
/** Certificates begin in the past by so much, for machines whose clocks are behind. */
const clockSkewMs = 60 * 60 * 1000;

/** What a TLS server shows: PEM, the authority's certificate after its own. */
export interface ServerCertificate {
  certificateChain: string;
  privateKey: string;
}

export interface Authority {
  /** The certificate alone, for clients to trust. */
  readonly certificateFile: string;
  issueServer(hosts: readonly string[], nowMs: number): Promise<ServerCertificate>;
}

type PrivateKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * Reads the authority from the data folder, or makes it. Certificate and key share one file that only its owner can read, so
 * that there is never one without the other; ca.pem is written from it. Throws INVALID_ARGUMENT when the file is damaged.
 */
export async function openAuthority(folder: string, nowMs: number): Promise<Authority> {
  const keyFile = path.join(folder, 'ca-key.pem');
  let pem = readWholeFile(keyFile);
  if (pem === undefined) writeWholeFile(keyFile, (pem = await createAuthority(nowMs)), 0o600);
  const { certificate, key } = await readAuthority(keyFile, pem);
  const certificateFile = path.join(folder, 'ca.pem');
  const certificatePem = `${certificate.toString('pem')}\n`;
  if (readWholeFile(certificateFile) !== certificatePem)
    writeWholeFile(certificateFile, certificatePem, 0o644);
  return {
    certificateFile,
    issueServer: (hosts, issuedMs) => issueServer(certificate, key, hosts, issuedMs),
  };
}

async function createAuthority(nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Drover emulator ${randomBytes(4).toString('hex')}`,
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

async function readAuthority(file: string, pem: string) {
  try {
    const [key, certificate] = PemConverter.decode(pem);
    return {
      certificate: new X509Certificate(certificate!),
      key: await crypto.subtle.importKey('pkcs8', key!, keyAlgorithm, false, ['sign']),
    };
  } catch (cause) {
    throw DroverError.invalid(
      '--data',
      `${file} is damaged; remove it, after which clients have to be given the new ca.pem`,
      cause,
    );
  }
}

async function issueServer(
  authority: X509Certificate,
  signingKey: PrivateKey,
  hosts: readonly string[],
  nowMs: number,
): Promise<ServerCertificate> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const names = hosts.map((host) => ({
    type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
    value: host,
  }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Drover emulator',
    issuer: authority.subject,
    ...validity(nowMs, serverLifeMs),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await AuthorityKeyIdentifierExtension.create(authority),
      new SubjectAlternativeNameExtension(names),
    ],
  });
  return {
    certificateChain: `${certificate.toString('pem')}\n${authority.toString('pem')}\n`,
    privateKey: await encodeKey(keys.privateKey),
  };
}

/** Whole seconds, because a certificate holds no others. */
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
