// One sign-in through MSAL. Each has a client of MSAL's of its own, so that what went wrong and what is to be stopped belong to
// nobody else; what outlives it is the cache that is handed in.
import { createRequire } from 'node:module';
import type * as Msal from '@azure/msal-node';
import type { AuthenticationResult, Configuration, ICachePlugin } from '@azure/msal-node';
import type { Dispatcher } from 'undici';
import { checkClientCertificate } from './client-certificate.ts';
import type { AccessToken, SignInCredential, SignInOptions } from './credential.ts';
import { describeProxy } from './http-route.ts';
import { MsalNetwork } from '../../lib/msal-network.ts';
import { signInError } from './sign-in-error.ts';
import { cancelled } from './token-shelf.ts';

// MSAL's CommonJS build is one file, its ES modules are 120: it loads in 140 ms of processor time instead of 340.
const msal = createRequire(import.meta.url)('@azure/msal-node') as typeof Msal;
const { ConfidentialClientApplication, InteractionRequiredAuthError, PublicClientApplication } =
  msal;

export interface SignInRequest {
  options: SignInOptions;
  /** What is signed in with, whatever stands in the options. */
  credential: SignInCredential;
  scope: string;
  /** Do not answer with a token that MSAL kept. */
  forceRefresh: boolean;
  dispatcher: Dispatcher;
  cache: ICachePlugin;
  nowMs: number;
  showDeviceCode(message: string): void;
}

/** Throws SIGN_IN_FAILED, SIGN_IN_UNREACHABLE, or CANCELLED when the signal aborts. */
export async function signIn(request: SignInRequest, signal: AbortSignal): Promise<AccessToken> {
  const { options, credential } = request;
  const network = new MsalNetwork(request.dispatcher, signal);
  try {
    const result =
      credential.kind === 'device-code'
        ? await signInPerson(request, network, signal)
        : await signInApplication(request, network);
    if (!result?.accessToken || result.expiresOn === null)
      throw new Error('Entra ID answered without a token');
    return { token: result.accessToken, expiresOnMs: result.expiresOn.getTime() };
  } catch (thrown) {
    if (signal.aborted) throw cancelled(signal);
    const { failure, refusal } = network;
    const secrets = credential.kind === 'secret' ? [credential.secret] : [];
    throw signInError({ thrown, failure, refusal, proxy: describeProxy(options.http), secrets });
  }
}

function signInApplication(
  request: SignInRequest,
  network: MsalNetwork,
): Promise<AuthenticationResult | null> {
  const { options, credential, nowMs } = request;
  const configuration = configure(options, network);
  if (credential.kind === 'secret') configuration.auth.clientSecret = credential.secret;
  if (credential.kind === 'certificate')
    configuration.auth.clientCertificate = {
      thumbprintSha256: checkClientCertificate(credential, nowMs),
      privateKey: credential.privateKeyPem,
    };
  const application = new ConfidentialClientApplication(configuration);
  return application.acquireTokenByClientCredential({ scopes: [request.scope] });
}

async function signInPerson(
  request: SignInRequest,
  network: MsalNetwork,
  signal: AbortSignal,
): Promise<AuthenticationResult | null> {
  const { scope, forceRefresh } = request;
  const configuration = configure(request.options, network);
  const application = new PublicClientApplication({
    ...configuration,
    cache: { cachePlugin: request.cache },
  });
  const scopes = [scope];
  const [account] = await application.getTokenCache().getAllAccounts();
  if (account !== undefined)
    try {
      return await application.acquireTokenSilent({ account, scopes, forceRefresh });
    } catch (error) {
      // What was kept is no longer good, and only a person can bring it back.
      if (!(error instanceof InteractionRequiredAuthError) && !isGrantRefused(network)) throw error;
      network.refusal = undefined;
    }
  const asked = {
    scopes,
    deviceCodeCallback: ({ message }: { message: string }) => request.showDeviceCode(message),
    cancel: signal.aborted,
  };
  const onAbort = () => (asked.cancel = true);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await application.acquireTokenByDeviceCode(asked);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function isGrantRefused(network: MsalNetwork): boolean {
  return network.failure === undefined && network.refusal?.error === 'invalid_grant';
}

function configure(options: SignInOptions, network: MsalNetwork): Configuration {
  const { host } = new URL(options.authorityUrl);
  return {
    auth: {
      clientId: options.clientId,
      authority: `${options.authorityUrl}/${options.tenant}`,
      // MSAL asks Microsoft about a host that it does not know, unless it is told here, with its port.
      knownAuthorities: host === 'login.microsoftonline.com' ? [] : [host],
    },
    // Whoever asked for the token decides about trying again.
    system: { networkClient: network, disableInternalRetries: true },
  };
}
