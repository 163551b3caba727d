// The format of evidence of a run, as docs/EVIDENCE.md describes it: JSON Lines of a header, one line for each item, and an end with the root
// of a Merkle tree over the items' lines and a signature. The coordinator writes it, the command line verifies it.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** What every file of evidence begins with. */
export const evidenceFormat = 'drover-evidence';
/** The version of the format that is written. */
export const evidenceVersion = 1;

/** The first line. */
export interface EvidenceHeader {
  format: typeof evidenceFormat;
  version: typeof evidenceVersion;
  /** Resource names. */
  task: string;
  run: string;
  taskUid: string;
  source: string;
  destination: string;
  /** The run's state, such as SUCCEEDED. */
  state: string;
  scanOnly: boolean;
  /** RFC 3339; empty where the run never began. */
  startTime: string;
  endTime: string;
  /** The version of the coordinator that wrote it. */
  coordinatorVersion: string;
  /** The Ed25519 key that signed, base64 of its SubjectPublicKeyInfo in DER. */
  publicKey: string;
}

/** The line of an item. What is not known, or does not apply, is absent. */
export interface EvidenceItem {
  /** The line's number among the items, from 1. */
  number: number;
  /** Below the source, and below the destination. */
  path: string;
  destinationPath: string;
  /** Names of the API, such as FILE, CREATE, SUCCEEDED, HASH and UNCHANGED. */
  kind: string;
  action: string;
  state: string;
  verification?: string;
  reason?: string;
  /** Bytes of the file. */
  size?: number;
  /** RFC 3339: when the source was last modified. */
  modifiedTime?: string;
  /** Lower-case hexadecimal, and base64, of the content that was read. */
  sha256?: string;
  quickXorHash?: string;
  destinationId?: string;
  movedFrom?: string;
  /** agents/{agent}: who wrote it. */
  agent?: string;
  /** tasks/{task}/runs/{run}: the earlier run that wrote it, where this one found it unchanged. */
  migratedBy?: string;
}

/** The last line. */
export interface EvidenceEnd {
  /** How many items there are. */
  items: number;
  /** Lower-case hexadecimal. */
  merkleRoot: string;
  /** Base64, of `signedText`. */
  signature: string;
}

/** What is signed: the header's line without its line feed, how many items there are, and the root over their lines. */
export function signedText(headerLine: Uint8Array, items: number, merkleRoot: Uint8Array): Buffer {
  const header = createHash('sha256').update(headerLine).digest('hex');
  const root = Buffer.from(merkleRoot).toString('hex');
  return Buffer.from(`${evidenceFormat} ${evidenceVersion}\n${header}\n${items}\n${root}\n`);
}

/** The SHA-256 of a public key (its SubjectPublicKeyInfo in DER), lower-case hexadecimal. */
export function keyFingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The key of a header, or of a PEM; undefined when it is none, or not one of Ed25519. */
export function readEvidenceKey(text: string): KeyObject | undefined {
  try {
    const key = text.includes('-----BEGIN')
      ? createPublicKey(text)
      : createPublicKey({ key: Buffer.from(text.trim(), 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
