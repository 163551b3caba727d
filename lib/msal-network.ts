// MSAL's way to the network: over a route of ours, and with a memory. MSAL reduces what went wrong to a word of its own, so
// the answer or the failure itself is kept here. Its types are MSAL's INetworkModule, said again: MSAL itself has doors of its own.
import type { Dispatcher } from 'undici';
import { readText } from './http-dispatcher.ts';
import { userAgent } from './user-agent.ts';

interface NetworkRequestOptions {
  headers?: Record<string, string>;
  body?: string;
}

interface NetworkResponse<T> {
  headers: Record<string, string>;
  body: T;
  status: number;
}

/** What Entra answers when it says no. */
export interface EntraRefusal {
  status: number;
  host: string;
  /** OAuth's word; undefined when the answer was not Entra's at all. */
  error: string | undefined;
  /** AADSTS number and sentence, as Microsoft wrote them. */
  description: string;
}

const answerTimeoutMs = 30_000;
const answerBytesMax = 1024 * 1024;

/** For one sign-in: what it remembers is the last thing that went wrong in it. */
export class MsalNetwork {
  readonly #dispatcher: Dispatcher;
  readonly #signal: AbortSignal;
  /** No answer came. */
  failure: { host: string; cause: unknown } | undefined;
  /** The answer was no. */
  refusal: EntraRefusal | undefined;

  constructor(dispatcher: Dispatcher, signal: AbortSignal) {
    this.#dispatcher = dispatcher;
    this.#signal = signal;
  }

  sendGetRequestAsync<T>(
    url: string,
    options?: NetworkRequestOptions,
  ): Promise<NetworkResponse<T>> {
    return this.#send(url, 'GET', options);
  }

  sendPostRequestAsync<T>(
    url: string,
    options?: NetworkRequestOptions,
  ): Promise<NetworkResponse<T>> {
    return this.#send(url, 'POST', options);
  }

  async #send<T>(
    url: string,
    method: 'GET' | 'POST',
    options: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<T>> {
    const { host, origin, pathname, search } = new URL(url);
    this.failure = undefined;
    try {
      const answer = await this.#dispatcher.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { ...options.headers, 'user-agent': userAgent },
        body: options.body ?? null,
        headersTimeout: answerTimeoutMs,
        bodyTimeout: answerTimeoutMs,
        signal: this.#signal,
      });
      const text = await readText(answer.body, answerBytesMax);
      const body = parseObject(text);
      this.#remember(answer.statusCode, host, body);
      const headers = Object.fromEntries(
        Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
      );
      return { status: answer.statusCode, headers, body: (body ?? {}) as T };
    } catch (cause) {
      this.failure = { host, cause };
      throw cause;
    }
  }

  #remember(status: number, host: string, body: Record<string, unknown> | undefined): void {
    if (status < 400 && body !== undefined) return;
    const text = (name: string) =>
      typeof body?.[name] === 'string' ? (body[name] as string) : undefined;
    const error = text('error');
    if (error === 'authorization_pending') return;
    this.refusal = { status, host, error, description: text('error_description') ?? error ?? '' };
  }
}

/** Microsoft's words without the ids at their end. */
export function firstSentences(description: string): string {
  return description.split(/\s+Trace ID:/)[0]!.trim();
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
