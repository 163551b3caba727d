// A proxy that asks for a password: the settings name the proxy, the vault keeps its whole address.
import type { SignInOptions } from '../credential/credential.ts';
import type { Vault } from './vault.ts';

/** The name of the entry. */
export const proxyEntryName = 'proxy';

/** The address without user and password. */
export function plainProxy(proxyUrl: string): string {
  const url = new URL(proxyUrl.includes('://') ? proxyUrl : `http://${proxyUrl}`);
  url.username = '';
  url.password = '';
  return url.href;
}

/** Keeps the address with its password; undefined: nothing any more. */
export function keepProxy(vault: Vault, proxyUrl: string | undefined, setMs: number): void {
  if (proxyUrl === undefined && vault.read().every(({ name }) => name !== proxyEntryName)) return;
  vault.change((entries) => {
    const others = entries.filter(({ name }) => name !== proxyEntryName);
    if (proxyUrl === undefined) return others;
    return [...others, { name: proxyEntryName, setMs, value: proxyUrl }];
  });
}

/** The sign-in with the password of its proxy, where one is kept for that very proxy. */
export function withKeptProxy(signIn: SignInOptions, vault: Vault): SignInOptions {
  const { proxyUrl } = signIn.http;
  if (proxyUrl === undefined) return signIn;
  const kept = vault.read().find(({ name }) => name === proxyEntryName)?.value;
  if (kept === undefined || plainProxy(kept) !== proxyUrl) return signIn;
  return { ...signIn, http: { ...signIn.http, proxyUrl: kept } };
}
