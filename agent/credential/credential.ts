// Access tokens for Graph and SharePoint, and the only door to MSAL. Whoever needs a token asks for it each time: it comes from
// memory nearly always.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { SealedBox } from '../../lib/sealed-box.ts';
import { createDispatcher, type HttpRoute } from './http-route.ts';
import { scopeOf, type Audience } from './scope.ts';
import { tokenCache } from './token-cache-file.ts';
import { TokenShelf } from './token-shelf.ts';

export type { Audience, HttpRoute };

/** How the agent proves who it is. */
export type SignInCredential =
  | { kind: 'secret'; secret: string }
  | { kind: 'certificate'; certificatePem: string; privateKeyPem: string }
  /** A person signs in on any computer by typing a code. */
  | { kind: 'device-code' };

/** It is in the agent's vault, and may become another one while the agent runs; `otherwise`: what to do while nothing is in there. */
export interface CredentialInVault {
  kind: 'vault';
  otherwise: 'device-code' | 'refuse';
}

/** Complete and checked. */
export interface SignInOptions {
  /** Its id or one of its domains. */
  tenant: string;
  clientId: string;
  credential: SignInCredential | CredentialInVault;
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

/** A credential whose secret can be replaced while it is in use. */
export interface RenewableCredential extends Credential {
  /**
   * The vault has another secret or certificate: what is being asked for is asked for with the new one. Tokens that are good stay in use
   * until they end.
   */
  changed(): void;
}

export interface CredentialParts {
  log: Logger;
  clock: Clock;
  /** Seals what is kept. */
  box: SealedBox;
  /** What the vault has at this moment. @default nothing */
  kept?: () => SignInCredential | undefined;
  /** Shows a person where to go and which code to type there. */
  showDeviceCode(message: string): void;
}

/** Opens no connection yet. Throws INVALID_ARGUMENT when the route's certificate authorities cannot be read. */
export function createCredential(
  options: SignInOptions,
  parts: CredentialParts,
): RenewableCredential {
  const { log, clock, box } = parts;
  const dispatcher = createDispatcher(options.http);
  const cache = tokenCache(options.cacheFile, box, log);
  // Two people's codes at once would be one too many: what the first sign-in brings serves the others.
  const inTurn = oneAtATime();
  const shelves = new Map<string, TokenShelf>();
  let outdated = new AbortController();

  async function signInNow(scope: string, forceRefresh: boolean, signal: AbortSignal) {
    const credential = current(options.credential, parts.kept);
    // MSAL is as large as the rest of an agent, and is loaded when somebody signs in.
    const { signIn } = await import('./msal-sign-in.ts');
    const request = { options, credential, scope, forceRefresh, dispatcher, cache };
    const call = () =>
      signIn(
        { ...request, nowMs: clock.now(), showDeviceCode: (message) => parts.showDeviceCode(message) }, // oxfmt-ignore
        signal,
      );
    return await (credential.kind === 'device-code' ? inTurn(call) : call());
  }

  /** Whoever waits does not see that the credential was replaced meanwhile. */
  async function fetchToken(scope: string, forceRefresh: boolean, signal: AbortSignal) {
    for (;;) {
      const replaced = outdated.signal;
      try {
        const token = await signInNow(scope, forceRefresh, AbortSignal.any([signal, replaced]));
        log.debug({ scope, expires: new Date(token.expiresOnMs).toISOString() }, 'signed in');
        return token;
      } catch (error) {
        if (!replaced.aborted || signal.aborted) throw error;
      }
    }
  }

  function shelfOf(scope: string): TokenShelf {
    const known = shelves.get(scope);
    if (known !== undefined) return known;
    const shelf = new TokenShelf({
      fetchToken: (forceRefresh, signal) => fetchToken(scope, forceRefresh, signal),
      clock,
      log,
    });
    shelves.set(scope, shelf);
    return shelf;
  }

  return {
    accessToken: (audience, { forceRefresh = false, signal }) =>
      shelfOf(scopeOf(audience, options.graphUrl)).get(forceRefresh, signal),
    changed: () => {
      outdated.abort();
      outdated = new AbortController();
    },
    [Symbol.asyncDispose]: async () => {
      for (const shelf of shelves.values()) shelf.close();
      await dispatcher.destroy();
    },
  };
}

function current(
  given: SignInCredential | CredentialInVault,
  kept: (() => SignInCredential | undefined) | undefined,
): SignInCredential {
  if (given.kind !== 'vault') return given;
  const credential = kept?.();
  if (credential !== undefined) return credential;
  if (given.otherwise === 'device-code') return { kind: 'device-code' };
  throw new DroverError(
    ErrorReason.SIGN_IN_FAILED,
    'the agent has neither a secret nor a certificate of its application; give it one with `drover-agent credentials set client-secret`',
  );
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
