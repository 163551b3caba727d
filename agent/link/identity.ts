// Who this agent is: its name, its key, its certificate, and the authority it trusts, in one file that is replaced as a
// whole, so that a key never stands beside the certificate of another.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';

export interface Identity {
  /** The agent's resource name, agents/{agent}. */
  agent: string;
  /** PKCS #8, PEM. */
  privateKey: string;
  /** PEM. */
  certificate: string;
  /** The certificate authority's certificate, PEM. */
  authority: string;
}

export const identityFolderName = 'identity';
const fileName = 'identity.json';

/** Reads the identity below the agent's data folder; undefined when the agent has not joined yet. */
export function readIdentity(dataFolder: string): Identity | undefined {
  const file = path.join(dataFolder, identityFolderName, fileName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw DroverError.invalid('--data', `${file} cannot be read: ${String(cause)}`, cause);
  }
  try {
    return checked(JSON.parse(text) as Identity);
  } catch (cause) {
    const description = `${file} is damaged; remove it and start the agent with a new join token`;
    throw DroverError.invalid('--data', description, cause);
  }
}

/** Writes the identity so that it is there as a whole, or the earlier one still is; only the owner can read it. */
export function writeIdentity(dataFolder: string, identity: Identity): void {
  const folder = path.join(dataFolder, identityFolderName);
  try {
    makeFolders(folder, 0o700);
    const text = `${JSON.stringify(identity, undefined, 2)}\n`;
    writeWholeFile(path.join(folder, fileName), text, 0o600);
  } catch (cause) {
    throw DroverError.invalid('--data', `${folder} cannot be written: ${String(cause)}`, cause);
  }
}

/** When a certificate begins and ends, and when it is to be renewed, in milliseconds since 1970. */
export interface CertificateLife {
  beginMs: number;
  endMs: number;
  /** Two thirds of its life are over then. */
  renewMs: number;
}

export function certificateLife(certificate: string): CertificateLife {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const beginMs = validFromDate.getTime();
  const endMs = validToDate.getTime();
  return { beginMs, endMs, renewMs: beginMs + ((endMs - beginMs) * 2) / 3 };
}

function checked(identity: Identity): Identity {
  const { agent, privateKey, certificate, authority } = identity;
  const fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  if (typeof agent !== 'string' || agent === '' || !fits) throw new Error('the parts do not fit');
  new X509Certificate(authority);
  return { agent, privateKey, certificate, authority };
}
