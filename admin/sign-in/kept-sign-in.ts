// What `drover login` keeps: for each coordinator a folder that only its owner can read, with what MSAL remembers and with the token
// that was got last, so that most commands need neither MSAL nor the sign-in service.
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';

/** A sign-in to one coordinator. */
export interface KeptSignIn {
  /** The coordinator, such as https://control:7443. */
  address: string;
  /** PEM with the certificate authority of the coordinator, when one was given. */
  coordinatorAuthority?: string;
  tenant: string;
  clientId: string;
  /** Where people sign in, such as https://login.microsoftonline.com. */
  authorityUrl: string;
  /** What is asked for. */
  scope: string;
  /** A file with certificate authorities to trust on the way there. */
  caFile?: string;
  /** What the person signed in with. */
  account: string;
  token: string;
  /** When the token ends, in milliseconds since 1970. */
  expiresMs: number;
}

const signInFile = 'sign-in.json';
const cacheFile = 'msal-cache.json';

/** The sign-ins below one folder, which is ~/.drover/sign-in but in tests. */
export class SignInFolder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Undefined when nobody is signed in to the coordinator, or what was kept is damaged. */
  read(address: string): KeptSignIn | undefined {
    const text = readPrivate(path.join(this.#folder(address), signInFile));
    if (text === undefined) return undefined;
    try {
      const kept = JSON.parse(text) as KeptSignIn;
      // Another address can have the same folder; a token goes to the coordinator that it was got for, and to no other.
      return kept.address === address && typeof kept.token === 'string' ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  write(kept: KeptSignIn): void {
    writePrivate(path.join(this.#folder(kept.address), signInFile), JSON.stringify(kept));
  }

  /** What MSAL remembers; empty when that is nothing. */
  readCache(address: string): string {
    return readPrivate(path.join(this.#folder(address), cacheFile)) ?? '';
  }

  writeCache(address: string, content: string): void {
    writePrivate(path.join(this.#folder(address), cacheFile), content);
  }

  /** Answers whether there was anything to remove. */
  remove(address: string): boolean {
    const folder = this.#folder(address);
    const files = [signInFile, cacheFile].map((name) => path.join(folder, name));
    const wasThere = files.some((file) => readPrivate(file) !== undefined);
    rmSync(folder, { recursive: true, force: true });
    return wasThere;
  }

  #folder(address: string): string {
    const { host } = new URL(address);
    return path.join(this.#root, host.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '_'));
  }
}

function readPrivate(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    chmodSync(file, 0o600);
    return text;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw DroverError.invalid(file, `cannot be read (${code}); remove it and run drover login`, cause); // oxfmt-ignore
  }
}

function writePrivate(file: string, content: string): void {
  try {
    makeFolders(path.dirname(file), 0o700);
    writeWholeFile(file, content, 0o600);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw DroverError.invalid(file, `cannot be written (${code}), so the sign-in cannot be kept`, cause); // oxfmt-ignore
  }
}
