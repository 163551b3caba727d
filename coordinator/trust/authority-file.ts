// An operator's own certificate authority, read from a PEM file: its key, its certificate, and those above it up to the root. It is looked at
// closely, because what is wrong with it would show much later, on every machine of an agent, in the words of TLS.
import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { DroverError } from '../../lib/error.ts';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  BasicConstraintsExtension,
  X509Certificate as Details,
} from '../../lib/x509.ts';
import { isStrongKey, strongKeys } from './key-strength.ts';

/** Any purpose, among the extended key usages. */
const anyPurpose = '2.5.29.37.0';
/** Any more are no chain. */
const certificatesMax = 10;
/** Hashes that signatures can be forged with. */
const brokenHash = /md5|sha1-|sha1$|sha1With|withSHA1/i;

/** What a file holds that can be used. */
export interface AuthorityMaterial {
  /** The one that signs first, the root last. */
  chain: X509Certificate[];
  privateKey: KeyObject;
}

/** Reads and checks the file. Throws INVALID_ARGUMENT that says what is wrong with it, and what to do. */
export function readAuthorityFile(file: string, nowMs: number): AuthorityMaterial {
  const refuse = (why: string, cause?: unknown) =>
    DroverError.invalid('--authority-file', `${file} ${why}`, cause);
  const pem = readText(file, refuse);
  const privateKey = readKey(pem, refuse);
  const certificates = readCertificates(pem, refuse);
  const signing = certificates.find((one) => one.checkPrivateKey(privateKey));
  if (signing === undefined) throw refuse('holds a key that fits none of its certificates');
  if (!isStrongKey(privateKey)) throw refuse(`holds a weak key; use ${strongKeys}`);
  const chain = chainOf(signing, certificates, refuse);
  for (const [depth, one] of chain.entries()) checkCertificate(one, depth, nowMs, refuse);
  return { chain, privateKey };
}

type Refuse = (why: string, cause?: unknown) => DroverError;

function readText(file: string, refuse: Refuse): string {
  try {
    const pem = readFileSync(file, 'utf8');
    const isOpen = process.platform !== 'win32' && (statSync(file).mode & 0o007) !== 0;
    if (isOpen && pem.includes('PRIVATE KEY')) throw refuse(`holds a key and is open to everybody on this machine; do: chmod 600 ${file}`); // oxfmt-ignore
    return pem;
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw refuse(
      `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
}

function readKey(pem: string, refuse: Refuse): KeyObject {
  const [block, ...others] = blocksOf(pem, '(?:[A-Z]+ )?(?:ENCRYPTED )?PRIVATE KEY');
  if (block === undefined) throw refuse('holds no private key; put it into the same file');
  if (others.length > 0) throw refuse('holds more than one private key; leave only that of the authority'); // oxfmt-ignore
  if (/ENCRYPTED/.test(block)) throw refuse('holds a key under a password, which nobody could type at a start; store it without, readable by its owner only'); // oxfmt-ignore
  try {
    return createPrivateKey(block);
  } catch (cause) {
    throw refuse('holds a private key that cannot be read', cause);
  }
}

function readCertificates(pem: string, refuse: Refuse): X509Certificate[] {
  const blocks = blocksOf(pem, 'CERTIFICATE');
  if (blocks.length === 0) throw refuse('holds no certificate');
  if (blocks.length > certificatesMax) throw refuse(`holds more than ${certificatesMax} certificates; leave those of the chain`); // oxfmt-ignore
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw refuse(`holds a certificate that cannot be read: the one in place ${index + 1}`, cause);
    }
  });
}

function blocksOf(pem: string, tag: string): string[] {
  const block = new RegExp(`-----BEGIN (${tag})-----[^-]*-----END \\1-----`, 'g');
  return pem.match(block) ?? [];
}

/** From the certificate that signs up to the root. */
function chainOf(
  signing: X509Certificate,
  certificates: readonly X509Certificate[],
  refuse: Refuse,
): X509Certificate[] {
  const chain = [signing];
  for (let last = signing; !isIssuedBy(last, last);) {
    const issuer = certificates.find((one) => !chain.includes(one) && isIssuedBy(last, one));
    if (issuer === undefined)
      throw refuse(`does not hold the certificate of ${oneLine(last.issuer)}, which issued ${oneLine(last.subject)}; add those above it up to the root`); // oxfmt-ignore
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  // By name and signature alone; whether the issuer may is said in other words than that it did not.
  return one.issuer === issuer.subject && one.verify(issuer.publicKey);
}

/** `depth` is how many certificates of authorities stand below it. */
function checkCertificate(
  certificate: X509Certificate,
  depth: number,
  nowMs: number,
  refuse: Refuse,
): void {
  const name = oneLine(certificate.subject);
  const isRoot = isIssuedBy(certificate, certificate);
  const details = new Details(certificate.raw);
  const constraints = details.getExtension(BasicConstraintsExtension);
  if (constraints?.ca !== true) throw refuse(`is not the file of an authority: ${name} is the certificate of a server, a client or a person`); // oxfmt-ignore
  const usages = details.getExtension(KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & KeyUsageFlags.keyCertSign) === 0)
    throw refuse(`cannot be used: ${name} may not sign certificates (key usage)`);
  checkPurposes(details, () => refuse(`cannot be used: ${name} is for other purposes than servers and clients of TLS (extended key usage)`)); // oxfmt-ignore
  const length = constraints.pathLength;
  if (length !== undefined && length < depth)
    throw refuse(`cannot be used: ${name} allows ${length} authorities below it, and there are ${depth}`); // oxfmt-ignore
  const { validFromDate, validToDate, publicKey } = certificate;
  if (nowMs < validFromDate.getTime()) throw refuse(`cannot be used yet: ${name} begins at ${validFromDate.toISOString()}; check this machine's clock`); // oxfmt-ignore
  if (nowMs >= validToDate.getTime()) throw refuse(`cannot be used any more: ${name} ended at ${validToDate.toISOString()}`); // oxfmt-ignore
  if (!isStrongKey(publicKey)) throw refuse(`cannot be used: ${name} has a weak key; use ${strongKeys}`); // oxfmt-ignore
  // Nobody checks how a root signed itself.
  if (!isRoot && brokenHash.test(certificate.signatureAlgorithm ?? ''))
    throw refuse(`cannot be used: ${name} is signed with ${certificate.signatureAlgorithm}, which can be forged`); // oxfmt-ignore
}

function checkPurposes(details: Details, refusal: () => DroverError): void {
  const purposes = details.getExtension(ExtendedKeyUsageExtension)?.usages.map(String);
  if (purposes === undefined || purposes.includes(anyPurpose)) return;
  const needed: string[] = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth];
  if (!needed.every((purpose) => purposes.includes(purpose))) throw refusal();
}

function oneLine(name: string): string {
  return `"${name.replaceAll('\n', ', ')}"`;
}
