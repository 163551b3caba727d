// Where the coordinator is, whom to trust there and what to show: from the options, the
// environment, or the file that a coordinator on this machine leaves in its data folder.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { readConnection } from '../../lib/connection.ts';
import { DroverError } from '../../lib/error.ts';
import type { KeptSignIn, SignInFolder } from '../sign-in/kept-sign-in.ts';

export interface AccessOptions {
  coordinator?: string;
  authorityFile?: string;
  tokenFile?: string;
  data?: string;
}

export interface CoordinatorAccess {
  /** Such as https://127.0.0.1:7443. */
  address: string;
  /** PEM of the certificate authority; undefined for the authorities that the machine trusts. */
  authority: string | undefined;
  /** Where the authority came from, for messages. */
  authorityFile: string | undefined;
  /** The token that was given; undefined when none was. */
  token: string | undefined;
  /** The person who is signed in, when no token was given; undefined when nobody is. */
  signIn: KeptSignIn | undefined;
}

/** The folder that a coordinator keeps its data in unless it is told another. */
export function defaultDataFolder(): string {
  return path.join(homedir(), '.drover', 'coordinator');
}

/** Where sign-ins of people are kept unless another folder is given. */
export function defaultSignInFolder(): string {
  return path.join(homedir(), '.drover', 'sign-in');
}

/** The environment variable of each option. */
export const accessVariables = {
  coordinator: 'DROVER_COORDINATOR',
  authorityFile: 'DROVER_AUTHORITY_FILE',
  tokenFile: 'DROVER_TOKEN_FILE',
  data: 'DROVER_DATA',
} as const;

/**
 * Finds the coordinator and reads the files; throws what is missing and how to give it. A token that was given counts more than a person
 * who is signed in, and that more than the token of a coordinator on this machine that nobody pointed to.
 */
export function findCoordinator(
  options: AccessOptions,
  environment: Readonly<Record<string, string | undefined>>,
  signIns: SignInFolder,
): CoordinatorAccess {
  const given = (name: keyof AccessOptions) =>
    options[name] ?? (environment[accessVariables[name]] || undefined);
  let address = given('coordinator');
  let authorityFile = given('authorityFile');
  let tokenFile = given('tokenFile');
  // The token of the coordinator here is never shown to one elsewhere: an address that was given
  // takes nothing from the file.
  let kept: KeptSignIn | undefined;
  if (address === undefined) {
    const connection = readConnection(given('data') ?? defaultDataFolder());
    address = connection.address;
    authorityFile ??= connection.authorityFile;
    if (given('data') !== undefined) tokenFile ??= connection.tokenFile;
    kept = signIns.read(checkAddress(address));
    if (kept === undefined) tokenFile ??= connection.tokenFile;
  } else kept = signIns.read(checkAddress(address));
  return {
    address: checkAddress(address),
    authority: authorityFile ? read(authorityFile, '--authority-file') : kept?.coordinatorAuthority,
    authorityFile,
    token: tokenFile && readToken(tokenFile),
    signIn: tokenFile === undefined ? kept : undefined,
  };
}

function checkAddress(text: string): string {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || url.host === '')
    throw DroverError.invalid('--coordinator', `"${text}" is no address; give https://host:port`);
  if (url.protocol !== 'https:')
    throw DroverError.invalid(
      '--coordinator',
      `"${text}" is not https://; a coordinator speaks TLS only`,
    );
  return url.origin;
}

function readToken(file: string): string {
  const token = read(file, '--token-file').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw DroverError.invalid('--token-file', `${file} does not hold a token: one word of ASCII`);
}

function read(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'it does not exist'
        : code === 'EACCES'
          ? 'you may not read it'
          : String(code);
    throw DroverError.invalid(flag, `cannot read ${file}: ${why}`, cause);
  }
}
