// The sign-in of a person through MSAL: by a code that is typed in a browser, and later by what MSAL keeps of that. The only door to
// MSAL of the command line; it is loaded when it is needed, because that takes longer than most commands.
import { createRequire } from 'node:module';
import type * as Msal from '@azure/msal-node';
import type { AuthenticationResult, ICachePlugin } from '@azure/msal-node';
import { SignInNetwork, type NetworkOptions } from './network.ts';

// MSAL's CommonJS build is one file, its ES modules are 120: it loads in less than half the time.
const msal = createRequire(import.meta.url)('@azure/msal-node') as typeof Msal;

/** What is asked for, and of whom. */
export interface SignInPlace {
  tenant: string;
  clientId: string;
  authorityUrl: string;
  scope: string;
}

/** What MSAL remembers, as text. */
export interface CacheText {
  read(): string;
  write(content: string): void;
}

export interface SignedIn {
  account: string;
  token: string;
  expiresMs: number;
}

export type PersonOptions = NetworkOptions & { place: SignInPlace; cache: CacheText };

/** Shows a code, and waits until the person has typed it. Throws UNAUTHENTICATED or SIGN_IN_UNREACHABLE. */
export async function signInByCode(
  options: PersonOptions,
  showCode: (message: string) => void,
): Promise<SignedIn> {
  await using network = new SignInNetwork(options);
  const { place, signal } = options;
  const asked = {
    scopes: [place.scope],
    deviceCodeCallback: ({ message }: { message: string }) => showCode(message),
    cancel: signal.aborted,
  };
  const onAbort = () => (asked.cancel = true);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return signedIn(await application(options, network).acquireTokenByDeviceCode(asked));
  } catch (thrown) {
    throw network.error(thrown, 'the sign-in failed');
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Gets a new token without the person. Throws UNAUTHENTICATED when only the person can, or SIGN_IN_UNREACHABLE. */
export async function renewSignIn(options: PersonOptions, account: string): Promise<SignedIn> {
  await using network = new SignInNetwork(options);
  const client = application(options, network);
  const what = `the sign-in of ${account} cannot be renewed`;
  try {
    const [known] = await client.getTokenCache().getAllAccounts();
    if (known === undefined) throw new Error('nothing is kept of it');
    const scopes = [options.place.scope];
    return signedIn(
      await client.acquireTokenSilent({ account: known, scopes, forceRefresh: true }),
    );
  } catch (thrown) {
    throw network.error(thrown, what);
  }
}

function application({ place, cache }: PersonOptions, network: SignInNetwork) {
  const { host } = new URL(place.authorityUrl);
  return new msal.PublicClientApplication({
    auth: {
      clientId: place.clientId,
      authority: `${place.authorityUrl}/${place.tenant}`,
      // MSAL asks Microsoft about a host that it does not know, unless it is told here, with its port.
      knownAuthorities: host === 'login.microsoftonline.com' ? [] : [host],
    },
    cache: { cachePlugin: cachePlugin(cache) },
    system: { networkClient: network.client },
  });
}

function cachePlugin(cache: CacheText): ICachePlugin {
  return {
    beforeCacheAccess: async ({ tokenCache }) => {
      const content = cache.read();
      if (content !== '') tokenCache.deserialize(content);
    },
    afterCacheAccess: async ({ cacheHasChanged, tokenCache }) => {
      if (cacheHasChanged) cache.write(tokenCache.serialize());
    },
  };
}

function signedIn(result: AuthenticationResult | null): SignedIn {
  if (!result?.accessToken || result.expiresOn === null)
    throw new Error('Entra ID answered without a token');
  return {
    account: result.account?.username ?? '',
    token: result.accessToken,
    expiresMs: result.expiresOn.getTime(),
  };
}
