// The way to the sign-in service: through the proxy of the environment, trusting what the computer trusts and what a file says. MSAL
// reduces what goes wrong to a word of its own, so the answer or the failure itself is remembered here.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

export interface NetworkOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** PEM with certificate authorities to trust beside the computer's. */
  caFile: string | undefined;
  signal: AbortSignal;
}

const timeoutMs = 30_000;
const answerBytesMax = 1024 * 1024;

/** For one sign-in: what it remembers is the last thing that went wrong in it. */
export class SignInNetwork implements INetworkModule, AsyncDisposable {
  readonly #dispatcher: Dispatcher;
  readonly #signal: AbortSignal;
  #failure: { host: string; cause: unknown } | undefined;
  #refusal: string | undefined;

  /** Throws INVALID_ARGUMENT when the file with certificate authorities cannot be used. */
  constructor({ environment, caFile, signal }: NetworkOptions) {
    this.#dispatcher = createDispatcher(environment, caFile);
    this.#signal = signal;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions) {
    return this.#send<T>(url, 'GET', options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions) {
    return this.#send<T>(url, 'POST', options);
  }

  /** What went wrong, for a person: SIGN_IN_UNREACHABLE, or UNAUTHENTICATED with the words of Entra ID. */
  error(thrown: unknown, what: string): DroverError {
    if (thrown instanceof DroverError) return thrown;
    if (this.#failure !== undefined) {
      const { host, cause } = this.#failure;
      return new DroverError(
        ErrorReason.SIGN_IN_UNREACHABLE,
        `${what}, because the sign-in service ${host} cannot be reached: ${whyNotReached(cause)}`,
        { cause, metadata: { host } },
      );
    }
    const { errorCode, message } = thrown as { errorCode?: string; message?: string };
    const words =
      errorCode === 'device_code_expired'
        ? 'nobody typed the code in time'
        : (this.#refusal ?? message ?? String(thrown));
    return new DroverError(ErrorReason.UNAUTHENTICATED, `${what}: ${words}`, { cause: thrown });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #send<T>(
    url: string,
    method: 'GET' | 'POST',
    { headers = {}, body }: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<T>> {
    const { host } = new URL(url);
    this.#failure = undefined;
    try {
      const answer = await request(url, {
        method,
        headers,
        body: body ?? null,
        dispatcher: this.#dispatcher,
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)]),
      });
      const value = JSON.parse(await readText(answer.body)) as Record<string, unknown>;
      this.#remember(answer.statusCode, value);
      const fields = Object.entries(answer.headers).map(([name, text]) => [name, String(text)]);
      return { status: answer.statusCode, headers: Object.fromEntries(fields), body: value as T };
    } catch (cause) {
      this.#failure = { host, cause };
      throw cause;
    }
  }

  #remember(status: number, { error, error_description: description }: Record<string, unknown>) {
    if (status < 400 || error === 'authorization_pending') return;
    const words = typeof description === 'string' ? description : String(error);
    this.#refusal = words.split(/\s+Trace ID:/)[0]!.trim();
  }
}

function createDispatcher(
  environment: NetworkOptions['environment'],
  caFile: string | undefined,
): Dispatcher {
  const own = caFile === undefined ? [] : readAuthorities(caFile);
  const ca = [...getCACertificates('default'), ...getCACertificates('system'), ...own];
  const connect = { secureContext: createSecureContext({ ca: [...new Set(ca)] }) };
  const proxy = environment['https_proxy'] || environment['HTTPS_PROXY'];
  if (!proxy) return new Agent({ connect });
  return new EnvHttpProxyAgent({
    connect,
    requestTls: connect,
    proxyTls: connect,
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: environment['no_proxy'] || environment['NO_PROXY'] || '',
  } as ConstructorParameters<typeof EnvHttpProxyAgent>[0]);
}

function readAuthorities(file: string): string[] {
  try {
    const text = readFileSync(file, 'utf8');
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error('it holds no certificate');
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw DroverError.invalid('--ca-file', `${file} cannot be used: ${why}`, cause);
  }
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** A proxy that looks into TLS, or an emulator. */
const mistrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function whyNotReached(thrown: unknown): string {
  if (thrown instanceof SyntaxError) return 'what answers there is not Entra ID; a proxy may stand in between'; // prettier-ignore
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  if (!mistrusted.has(code)) return message || code;
  return 'its certificate is from an authority that this computer does not trust; give that with --ca-file';
}
