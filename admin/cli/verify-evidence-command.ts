// drover runs verify-evidence: no method of the API, because nobody has to trust the coordinator for it.
import { readFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import { readEvidenceKey } from '../../lib/evidence.ts';
import { escapeControl } from '../../lib/format.ts';
import { compareSource } from '../evidence/compare-source.ts';
import { EvidenceProblem, readItems, verifyEvidence, type Verified } from '../evidence/verify-evidence.ts'; // oxfmt-ignore
import { exitStatus } from './exit-status.ts';
import type { Output } from './output.ts';

/** What was given on the command line. */
export interface VerifyEvidenceOptions {
  /** A file with the public key, PEM. */
  publicKey?: string;
  /** Hexadecimal, of the public key; colons and capitals are allowed. */
  fingerprint?: string;
  /** The folder to compare with. */
  againstSource?: string;
}

export interface VerifyEvidenceParts {
  file: string;
  options: VerifyEvidenceOptions;
  format: 'table' | 'json';
  stdout: Output;
}

/**
 * Says whether a file is the evidence that was signed, and what differs at the source. Throws INVALID_ARGUMENT for what cannot be read or
 * used.
 */
export async function verifyEvidenceCommand(parts: VerifyEvidenceParts): Promise<number> {
  const { file, options, format, stdout } = parts;
  const publicKey = options.publicKey === undefined ? undefined : readKeyFile(options.publicKey);
  const fingerprint = options.fingerprint === undefined ? undefined : readFingerprint(options.fingerprint); // oxfmt-ignore
  const isJson = format === 'json';
  const say = (text: string, value: object) => stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${text}\n`); // oxfmt-ignore
  let verified: Verified;
  try {
    verified = await verifyEvidence(file, { publicKey, fingerprint });
  } catch (error) {
    if (!(error instanceof EvidenceProblem)) throw error;
    const { message: problem } = error;
    await say(`NOT THE EVIDENCE THAT WAS SIGNED: ${escapeControl(problem)}`, { verified: false, problem }); // oxfmt-ignore
    return exitStatus.someFailed;
  }
  const isKeyGiven = publicKey !== undefined || fingerprint !== undefined;
  await say(wordsOf(verified, isKeyGiven), { verified: true, ...verified });
  if (options.againstSource === undefined) return exitStatus.ok;
  const comparison = await compareSource(readItems(file), options.againstSource, (difference) => {
    const { path, message } = difference;
    return say(`DIFFERENT  ${escapeControl(path)}: ${escapeControl(message)}`, { difference });
  });
  const { same, different } = comparison;
  await say(`Compared with ${options.againstSource}: ${same} files are the same, ${different} differ.`, { comparison }); // oxfmt-ignore
  return different > 0 ? exitStatus.someFailed : exitStatus.ok;
}

function readKeyFile(file: string): KeyObject {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw DroverError.invalid('--public-key', `cannot be read: ${detail}`, cause);
  }
  const key = readEvidenceKey(text);
  if (key !== undefined) return key;
  throw DroverError.invalid('--public-key', `${file} holds no Ed25519 public key; drover runs get-evidence-key prints the coordinator's`); // oxfmt-ignore
}

function readFingerprint(text: string): string {
  const plain = text.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(plain)) return plain;
  throw DroverError.invalid('--fingerprint', 'must be 64 hexadecimal digits, as drover runs get-evidence-key shows them'); // oxfmt-ignore
}

function wordsOf(
  { header, items, merkleRoot, fingerprint }: Verified,
  isKeyGiven: boolean,
): string {
  const lines = [
    `This is the evidence of ${escapeControl(header.run)} as it was signed: ${items} items.`,
    `  source       ${escapeControl(header.source)}`,
    `  destination  ${escapeControl(header.destination)}`,
    `  state        ${escapeControl(header.state)}${header.scanOnly ? ', a run that only scanned' : ''}`,
    `  ended        ${escapeControl(header.endTime)}`,
    `  Merkle root  ${merkleRoot}`,
    `  signed by    ${fingerprint}`,
  ];
  if (!isKeyGiven)
    lines.push(
      'The key is the one that the file itself names: compare it with that of drover runs get-evidence-key, or give --fingerprint or --public-key.',
    );
  return lines.join('\n');
}
