// One request to the address of a webhook, and what came of it. Nothing of the answer but its status is looked at, or told to anybody: what
// stands where a webhook leads is nobody's business here.
import type { Dispatcher } from 'undici';
import { createDispatcher, type DispatcherRoute } from '../../lib/http-dispatcher.ts';
import type { Clock } from '../../lib/time.ts';
import { userAgent } from '../../lib/user-agent.ts';
import { guardedLookup, refusalOfHost, type Resolve } from './allowed-address.ts';

/** How long a try may take, with connecting and the answer. */
export const tryTimeoutMs = 10_000;
/** How much of an answer is read, so that its connection can be used again. */
const answerBytesMax = 4096;
/** Connections to one host at once. */
const connectionsMax = 4;
const statusGone = 410;

/** What came of a try. */
export interface Outcome {
  /** Gone: the endpoint wants no events any more. */
  kind: 'delivered' | 'failed' | 'gone';
  /** 0 when no answer came. */
  status: number;
  /** In words. */
  message: string;
}

export interface SenderParts {
  clock: Clock;
  /** How to reach the internet. */
  route: DispatcherRoute;
  /** @default the system's resolver */
  resolve?: Resolve | undefined;
}

export class Sender implements AsyncDisposable {
  readonly #parts: SenderParts;
  /** Made with the first request: most coordinators have no webhook. */
  #remote: Dispatcher | undefined;
  #local: Dispatcher | undefined;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** Sends a body. Throws only what the signal was aborted with. */
  async send(
    address: string,
    { headers, body }: { headers: Record<string, string>; body: string },
    signal: AbortSignal,
  ): Promise<Outcome> {
    const url = new URL(address);
    const refusal = refusalOfHost(url);
    if (refusal !== undefined) return failed(`not sent: ${url.hostname} ${refusal}`);
    const late = new AbortController();
    const cancel = this.#parts.clock.after(tryTimeoutMs, () => late.abort());
    try {
      const answer = await this.#dispatcherFor(url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'user-agent': userAgent },
        body,
        signal: AbortSignal.any([signal, late.signal]),
      });
      await drop(answer.body);
      return outcomeOf(answer.statusCode);
    } catch (error) {
      signal.throwIfAborted();
      if (late.signal.aborted) return failed(`no answer within ${tryTimeoutMs / 1000} seconds`);
      return failed(`no answer: ${wordsOf(error)}`);
    } finally {
      cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#remote?.destroy(), this.#local?.destroy()]);
  }

  /** To this machine no proxy leads. */
  #dispatcherFor({ protocol }: URL): Dispatcher {
    const { route, resolve } = this.#parts;
    const options = { connections: connectionsMax, connectTimeoutMs: tryTimeoutMs };
    if (protocol === 'https:')
      return (this.#remote ??= createDispatcher(route, { ...options, lookup: guardedLookup(false, resolve) })); // oxfmt-ignore
    const direct = { ...route, proxyUrl: undefined };
    return (this.#local ??= createDispatcher(direct, { ...options, lookup: guardedLookup(true, resolve) })); // oxfmt-ignore
  }
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300)
    return { kind: 'delivered', status, message: `taken with status ${status}` };
  if (status === statusGone)
    return { kind: 'gone', status, message: 'the endpoint answered with status 410: it wants no events any more'}; // oxfmt-ignore
  const redirects = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
  return { kind: 'failed', status, message: `the endpoint answered with status ${status}${redirects}` }; // oxfmt-ignore
}

function failed(message: string): Outcome {
  return { kind: 'failed', status: 0, message };
}

/** Reads a short answer to its end; a longer one is cut off, and its connection with it. */
async function drop(body: Dispatcher.ResponseData['body']): Promise<void> {
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > answerBytesMax) return;
  }
}

function wordsOf(error: unknown): string {
  // Connecting to several addresses of a name fails several times.
  const one = error instanceof AggregateError ? error.errors[0] : error;
  return one instanceof Error ? one.message || one.name : String(one);
}
