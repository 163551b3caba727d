// The way to the sign-in service: through the proxy of the environment, trusting what the computer trusts and what a file says; and what
// went wrong on it, for a person.
import type { Dispatcher } from 'undici';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { mistrusted, readAuthorities } from '../../lib/authorities.ts';
import { environmentProxy } from '../../lib/environment-proxy.ts';
import { DroverError } from '../../lib/error.ts';
import { createDispatcher } from '../../lib/http-dispatcher.ts';
import { firstSentences, MsalNetwork, type EntraRefusal } from '../../lib/msal-network.ts';

export interface NetworkOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** PEM with certificate authorities to trust beside the computer's. */
  caFile: string | undefined;
  signal: AbortSignal;
}

/** For one sign-in. */
export class SignInNetwork implements AsyncDisposable {
  /** What MSAL sends its requests by. */
  readonly client: MsalNetwork;
  readonly #dispatcher: Dispatcher;

  /** Throws INVALID_ARGUMENT when the file with certificate authorities cannot be used. */
  constructor({ environment, caFile, signal }: NetworkOptions) {
    const authorities = caFile === undefined ? [] : readAuthorities(caFile);
    this.#dispatcher = createDispatcher({ ...environmentProxy(environment), authorities });
    this.client = new MsalNetwork(this.#dispatcher, signal);
  }

  /** What went wrong, for a person: SIGN_IN_UNREACHABLE, or UNAUTHENTICATED with the words of Entra ID. */
  error(thrown: unknown, what: string): DroverError {
    if (thrown instanceof DroverError) return thrown;
    const { failure, refusal } = this.client;
    if (failure !== undefined)
      return unreachable(what, failure.host, whyNotReached(failure.cause), failure.cause);
    if (refusal !== undefined && refusal.error === undefined)
      return unreachable(what, refusal.host, 'what answers there is not Entra ID; a proxy may stand in between', thrown); // oxfmt-ignore
    const words = wordsOf(thrown, refusal);
    return new DroverError(ErrorReason.UNAUTHENTICATED, `${what}: ${words}`, { cause: thrown });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

function unreachable(what: string, host: string, why: string, cause: unknown): DroverError {
  return new DroverError(
    ErrorReason.SIGN_IN_UNREACHABLE,
    `${what}, because the sign-in service ${host} cannot be reached: ${why}`,
    { cause, metadata: { host } },
  );
}

function wordsOf(thrown: unknown, refusal: EntraRefusal | undefined): string {
  const { errorCode, message } = thrown as { errorCode?: string; message?: string };
  if (errorCode === 'device_code_expired') return 'nobody typed the code in time';
  if (refusal !== undefined) return firstSentences(refusal.description);
  return message ?? String(thrown);
}

function whyNotReached(thrown: unknown): string {
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  if (!mistrusted.has(code)) return message || code;
  return 'its certificate is from an authority that this computer does not trust; give that with --ca-file';
}
