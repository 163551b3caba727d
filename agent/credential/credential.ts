// Access tokens for Graph and SharePoint, and the only door to MSAL. Whoever needs a token asks for it each time: it comes from
// memory nearly always.
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { createDispatcher, type HttpRoute } from './http-route.ts';
import { scopeOf, type Audience } from './scope.ts';
import type { SealedBox } from './sealed-box.ts';
import { tokenCache } from './token-cache-file.ts';
import { TokenShelf } from './token-shelf.ts';

export type { Audience, HttpRoute };

/** How the agent proves who it is. */
export type SignInCredential =
  | { kind: 'secret'; secret: string }
  | { kind: 'certificate'; certificatePem: string; privateKeyPem: string }
  /** A person signs in on any computer by typing a code. */
  | { kind: 'device-code' };

/** Complete and checked. */
export interface SignInOptions {
  /** Its id or one of its domains. */
  tenant: string;
  clientId: string;
  credential: SignInCredential;
  /** Such as https://login.microsoftonline.com, without a slash at its end. */
  authorityUrl: string;
  /** Such as https://graph.microsoft.com, without a slash at its end. */
  graphUrl: string;
  /** Keeps what a person signed in to; undefined when nothing is to be kept. */
  cacheFile: string | undefined;
  http: HttpRoute;
}

export interface AccessToken {
  token: string;
  /** Milliseconds since 1970. */
  expiresOnMs: number;
}

export interface Credential extends AsyncDisposable {
  /**
   * A token that is good for a while yet. `forceRefresh` gets a new one all the same, after a service refused the last. Callers
   * that ask at the same time share one request. Throws SIGN_IN_FAILED, SIGN_IN_UNREACHABLE, or CANCELLED when the signal aborts.
   */
  accessToken(
    audience: Audience,
    options: { forceRefresh?: boolean; signal: AbortSignal },
  ): Promise<AccessToken>;
}

export interface CredentialParts {
  log: Logger;
  clock: Clock;
  /** Seals what is kept. */
  box: SealedBox;
  /** Shows a person where to go and which code to type there. */
  showDeviceCode(message: string): void;
}

/** Opens no connection yet. Throws INVALID_ARGUMENT when the route's certificate authorities cannot be read. */
export function createCredential(options: SignInOptions, parts: CredentialParts): Credential {
  const { log, clock, box } = parts;
  const dispatcher = createDispatcher(options.http);
  const cache = tokenCache(options.cacheFile, box, log);
  // Two people's codes at once would be one too many: what the first sign-in brings serves the others.
  const inTurn = options.credential.kind === 'device-code' ? oneAtATime() : undefined;
  const shelves = new Map<string, TokenShelf>();

  function shelfOf(scope: string): TokenShelf {
    const known = shelves.get(scope);
    if (known !== undefined) return known;
    const fetchToken = async (forceRefresh: boolean, signal: AbortSignal) => {
      // MSAL is as large as the rest of an agent, and is loaded when somebody signs in.
      const { signIn } = await import('./msal-sign-in.ts');
      const request = { options, scope, forceRefresh, dispatcher, cache, nowMs: clock.now() };
      const call = () =>
        signIn({ ...request, showDeviceCode: (message) => parts.showDeviceCode(message) }, signal);
      const token = await (inTurn === undefined ? call() : inTurn(call));
      log.debug({ scope, expires: new Date(token.expiresOnMs).toISOString() }, 'signed in');
      return token;
    };
    const shelf = new TokenShelf({ fetchToken, clock, log });
    shelves.set(scope, shelf);
    return shelf;
  }

  return {
    accessToken: (audience, { forceRefresh = false, signal }) =>
      shelfOf(scopeOf(audience, options.graphUrl)).get(forceRefresh, signal),
    [Symbol.asyncDispose]: async () => {
      for (const shelf of shelves.values()) shelf.close();
      await dispatcher.destroy();
    },
  };
}

/** Runs calls one after the other. */
function oneAtATime(): <T>(call: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const next = last.then(call, call);
    last = next.catch(() => undefined);
    return next;
  };
}
