// The credential of a person who is signed in: the token that is kept, or a new one when that is over.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';
import type { KeptSignIn, SignInFolder } from './kept-sign-in.ts';
import type { NetworkOptions } from './network.ts';

/** What a call shows. */
export interface Credential {
  /** The bearer token. Throws UNAUTHENTICATED, with what to do, when there is none to be had. */
  token(): Promise<string>;
  /** Whether another token can be had than the one that was refused; `token` then gets it. */
  refused(): boolean;
}

/** A token is not used any more so long before its end: it also has to be good when it arrives. */
const marginMs = 60_000;

export interface PersonCredentialParts {
  kept: KeptSignIn;
  folder: SignInFolder;
  clock: Clock;
  environment: NetworkOptions['environment'];
  signal: AbortSignal;
}

export class PersonCredential implements Credential {
  readonly #parts: PersonCredentialParts;
  #kept: KeptSignIn;
  #isRefused = false;
  #renewedMs = -Infinity;
  #renewal: Promise<string> | undefined;

  constructor(parts: PersonCredentialParts) {
    this.#parts = parts;
    this.#kept = parts.kept;
  }

  async token(): Promise<string> {
    const isGood = this.#kept.expiresMs - this.#parts.clock.now() > marginMs;
    if (isGood && !this.#isRefused) return this.#kept.token;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  refused(): boolean {
    // A token that is fresh from the tenant and refused is not the coordinator's idea of one: another will not be either.
    const isFresh = this.#parts.clock.now() - this.#renewedMs < marginMs;
    this.#isRefused = !isFresh;
    return this.#isRefused;
  }

  async #renew(): Promise<string> {
    const { folder, environment, signal } = this.#parts;
    const { address, account, tenant, clientId, authorityUrl, scope, caFile } = this.#kept;
    const { renewSignIn } = await import('./msal-person.ts');
    const place = { tenant, clientId, authorityUrl, scope };
    const cache = {
      read: () => folder.readCache(address),
      write: (content: string) => folder.writeCache(address, content),
    };
    try {
      const renewed = await renewSignIn({ place, cache, environment, caFile, signal }, account);
      this.#kept = { ...this.#kept, token: renewed.token, expiresMs: renewed.expiresMs };
      this.#renewedMs = this.#parts.clock.now();
      this.#isRefused = false;
      folder.write(this.#kept);
      return renewed.token;
    } catch (cause) {
      if (!(cause instanceof DroverError) || cause.reason !== ErrorReason.UNAUTHENTICATED)
        throw cause;
      throw new DroverError(ErrorReason.UNAUTHENTICATED, `${cause.message}; run drover login`, {
        cause,
      });
    }
  }
}

/** A token from a file, or none. */
export function fixedCredential(token: string): Credential {
  return { token: async () => token, refused: () => false };
}
