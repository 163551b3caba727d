// MSAL's way to the network: over the agent's route, and with a memory. MSAL reduces what went wrong to a word of its own, so
// the answer or the failure itself is kept here.
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import { request, type Dispatcher } from 'undici';
import { userAgent } from './user-agent.ts';

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
export class MsalNetwork implements INetworkModule {
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
    const { host } = new URL(url);
    this.failure = undefined;
    try {
      const answer = await request(url, {
        method,
        headers: { ...options.headers, 'user-agent': userAgent },
        body: options.body ?? null,
        dispatcher: this.#dispatcher,
        headersTimeout: answerTimeoutMs,
        bodyTimeout: answerTimeoutMs,
        signal: this.#signal,
      });
      const text = await readText(answer.body);
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

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += (part as Buffer).length;
    if (length > answerBytesMax) throw new Error('the answer is too long');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
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
