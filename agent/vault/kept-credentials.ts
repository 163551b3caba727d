// What stands in a vault, by kind: the one secret or certificate of the application, and Windows accounts by share.
import type { SignInCredential } from '../credential/credential.ts';
import { isSharePattern, type AccountRule, type WindowsAccount } from '../source/share-pattern.ts';
import type { Vault, VaultEntry } from './vault.ts';

/** A secret or certificate of the application. */
export type ApplicationCredential = Exclude<SignInCredential, { kind: 'device-code' | 'vault' }>;

/** What `list` says of an entry. */
export interface KeptCredential {
  /** Such as `client-secret`, or `windows-account \\server\*`. */
  name: string;
  /** Milliseconds since 1970. */
  setMs: number;
}

export function listCredentials(vault: Vault): KeptCredential[] {
  return vault.read().map(({ name, setMs }) => ({ name, setMs }));
}

/** The application's secret or certificate; undefined when none is kept. */
export function keptApplication(vault: Vault): ApplicationCredential | undefined {
  for (const { name, value } of vault.read()) {
    if (name === 'client-secret') return { kind: 'secret', secret: value };
    if (name !== 'client-certificate') continue;
    const { certificatePem, privateKeyPem } = JSON.parse(value) as Record<string, string>;
    return { kind: 'certificate', certificatePem: certificatePem!, privateKeyPem: privateKeyPem! };
  }
  return undefined;
}

/** Keeps it in place of the secret or certificate that was kept before: an application signs in with one of them. */
export function keepApplication(
  vault: Vault,
  credential: ApplicationCredential,
  setMs: number,
): void {
  const entry =
    credential.kind === 'secret'
      ? { name: 'client-secret', setMs, value: credential.secret }
      : { name: 'client-certificate', setMs, value: JSON.stringify(pemsOf(credential)) };
  vault.change((entries) => [...entries.filter((other) => !isApplication(other)), entry]);
}

/** The accounts by their patterns, the one to try first at first. */
export function keptAccounts(vault: Vault): AccountRule[] {
  return vault.read().flatMap(({ name, value }) => {
    const pattern = patternOf(name);
    if (pattern === undefined) return [];
    const { user, password } = JSON.parse(value) as WindowsAccount;
    return [{ pattern, account: { user, password } }];
  });
}

/** `pattern` is one that `isSharePattern` takes. */
export function keepAccount(
  vault: Vault,
  pattern: string,
  { user, password }: WindowsAccount,
  setMs: number,
): void {
  const name = accountName(pattern);
  const entry = { name, setMs, value: JSON.stringify({ user, password }) };
  vault.change((entries) => [...entries.filter((other) => other.name !== name), entry]);
}

/** Whether there was such an entry. */
export function removeCredential(vault: Vault, name: string): boolean {
  let isFound = false;
  vault.change((entries) => {
    isFound = entries.some((entry) => entry.name === name);
    return entries.filter((entry) => entry.name !== name);
  });
  return isFound;
}

/** Shares are told apart as Windows does: in either case of letters. */
export function accountName(pattern: string): string {
  return `windows-account ${pattern.toLowerCase()}`;
}

function patternOf(name: string): string | undefined {
  const pattern = name.slice('windows-account '.length);
  return name.startsWith('windows-account ') && isSharePattern(pattern) ? pattern : undefined;
}

function isApplication({ name }: VaultEntry): boolean {
  return name === 'client-secret' || name === 'client-certificate';
}

function pemsOf({
  certificatePem,
  privateKeyPem,
}: ApplicationCredential & { kind: 'certificate' }) {
  return { certificatePem, privateKeyPem };
}
