// Requests to Graph and SharePoint: let through by the gate, signed in, repeated when the service was busy, and never in haste. What
// comes back is an answer that was asked for, a GraphFailure, or NoAnswer.
import { randomUUID } from 'node:crypto';
import { request, type Dispatcher } from 'undici';
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { userAgent } from '../../credential/user-agent.ts';
import type { GetToken, LogLine } from './access.ts';
import { graphFailure, GraphFailure, NoAnswer } from './graph-error.ts';
import { rateLimit, retryAfterMs } from './retry-after.ts';
import type { Passage, TenantGate } from './tenant-gate.ts';

/** One call. */
export interface GraphRequest {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** A path below Graph's /v1.0, or a whole address that is authenticated by itself and goes without a token. */
  path?: string;
  address?: string;
  headers?: Record<string, string>;
  /** JSON when it is an object. */
  body?: object | Uint8Array;
  /** What the call costs of the tenant's budget. */
  resourceUnits: number;
  /**
   * False where the service may have carried the call out although no good answer came: then whoever asked finds out, and the call is
   * not repeated here, except when it was throttled.
   */
  repeats?: boolean;
  /** How long to wait for the answer, once everything is sent. @default one minute */
  timeoutMs?: number;
}

export interface GraphAnswer {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  /** Undefined when the body is empty. */
  body: unknown;
  requestId: string;
}

export interface GraphClientParts {
  /** https://graph.microsoft.com, or the one of a national cloud. */
  graphUrl: string;
  dispatcher: Dispatcher;
  gate: TenantGate;
  getToken: GetToken;
  clock: Clock;
  log: LogLine;
}

const timeoutMsUsual = 60_000;
/** A call that was refused or unanswered for so long is given up; throttling does not count, it only takes time. */
const busyMsMax = 10 * 60_000;
const backoffMsFirst = 1000;
const backoffMsMax = 60_000;
/** The longest body that is read of an answer. */
const bodyBytesMax = 16 * 1024 * 1024;

/** The service is busy, whatever it says about when to come again. */
const throttledStatuses = new Set([429, 503, 509]);
const unavailableStatuses = new Set([500, 502, 504]);

export class GraphClient {
  readonly #parts: GraphClientParts;

  constructor(parts: GraphClientParts) {
    this.#parts = parts;
  }

  /** Calls; throws GraphFailure, NoAnswer, a DroverError of the sign-in, or the signal's reason. */
  async call(call: GraphRequest, signal: AbortSignal): Promise<GraphAnswer> {
    const { clock, gate } = this.#parts;
    let isTokenFresh = false;
    let busySinceMs: number | undefined;
    for (let attempt = 0; ; attempt++) {
      const passage = await gate.enter(call.resourceUnits, signal);
      let answer: GraphAnswer | NoAnswer;
      try {
        answer = await this.#send(call, isTokenFresh, signal);
      } finally {
        gate.leave();
      }
      signal.throwIfAborted();
      if (!(answer instanceof NoAnswer)) {
        this.#noteBudget(answer);
        if (answer.status < 400) {
          gate.succeeded();
          return answer;
        }
        if (this.#isThrottled(answer, passage)) continue;
        if (answer.status === 401 && call.path !== undefined && !isTokenFresh) {
          isTokenFresh = true;
          continue;
        }
        if (!unavailableStatuses.has(answer.status)) throw failureOf(answer);
      }
      gate.slowDown(passage);
      busySinceMs ??= passage.startMs;
      const isOver = clock.now() - busySinceMs > busyMsMax;
      if (call.repeats === false || isOver) throw answer instanceof NoAnswer ? answer : failureOf(answer); // prettier-ignore
      await this.#backOff(attempt, answer, signal);
    }
  }

  /** Opens a download; the caller reads the body to its end or destroys it. Not repeated. */
  async download(address: string, range: string, signal: AbortSignal): Promise<Uint8Array> {
    const { gate } = this.#parts;
    const call = { method: 'GET', address, headers: { range }, resourceUnits: 1 } as const;
    const passage = await gate.enter(1, signal);
    try {
      const { response, requestId } = await this.#request(call, false, signal);
      if (response.statusCode >= 400) throw graphFailure(response.statusCode, await readJson(response), requestId); // prettier-ignore
      const bytes = await response.body.bytes();
      gate.succeeded();
      return bytes;
    } catch (error) {
      if (error instanceof GraphFailure && error.status === 429) gate.throttled(passage, undefined);
      throw error;
    } finally {
      gate.leave();
    }
  }

  async #send(
    call: GraphRequest,
    forceRefresh: boolean,
    signal: AbortSignal,
  ): Promise<GraphAnswer | NoAnswer> {
    const requestId = randomUUID();
    try {
      const { response } = await this.#request(call, forceRefresh, signal, requestId);
      const body = await readJson(response);
      return {
        status: response.statusCode,
        headers: plainHeaders(response.headers),
        body,
        requestId,
      };
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (isOurs(thrown)) throw thrown;
      return new NoAnswer(networkWords(thrown), requestId, thrown);
    }
  }

  async #request(
    call: GraphRequest,
    forceRefresh: boolean,
    signal: AbortSignal,
    requestId: string = randomUUID(),
  ): Promise<{ response: Dispatcher.ResponseData; requestId: string }> {
    const { graphUrl, dispatcher, getToken } = this.#parts;
    const { body, timeoutMs = timeoutMsUsual } = call;
    const isJson = body !== undefined && !(body instanceof Uint8Array);
    const headers: Record<string, string> = {
      'user-agent': userAgent,
      'client-request-id': requestId,
      'return-client-request-id': 'true',
      accept: 'application/json',
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...call.headers,
    };
    // An address that comes from the service is authenticated by itself: a token there would be refused, or told to a stranger.
    if (call.address === undefined)
      headers['authorization'] = `Bearer ${await getToken(forceRefresh)}`;
    const response = await request(call.address ?? `${graphUrl}/v1.0${call.path}`, {
      dispatcher,
      method: call.method,
      headers,
      body: isJson ? JSON.stringify(body) : body === undefined ? null : body,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    return { response, requestId };
  }

  #noteBudget({ headers }: GraphAnswer): void {
    const limit = rateLimit(headers);
    if (limit !== undefined) this.#parts.gate.budget(limit.remaining, limit.resetMs);
  }

  /** Whether the answer says to come again later; then everybody waits. */
  #isThrottled(answer: GraphAnswer, passage: Passage): boolean {
    const { gate, clock, log } = this.#parts;
    if (!throttledStatuses.has(answer.status)) return false;
    const asked = retryAfterMs(answer.headers['retry-after'], clock.now());
    const resetMs = rateLimit(answer.headers)?.resetMs ?? 0;
    gate.throttled(passage, asked === undefined ? undefined : Math.max(asked, resetMs));
    log('info', 'throttled', { status: answer.status, waitMs: asked, requestId: answer.requestId });
    return true;
  }

  async #backOff(
    attempt: number,
    answer: GraphAnswer | NoAnswer,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#parts;
    const pauseMs = backoffMs(attempt, Math.random());
    const what = answer instanceof NoAnswer ? answer.message : `status ${answer.status}`;
    log('info', 'calling again', { what, pauseMs, requestId: answer.requestId });
    await pause(clock, pauseMs, signal);
    signal.throwIfAborted();
  }
}

/** The pause before an unanswered call is repeated: it doubles, and half of it is chance, so that those who failed together part. */
export function backoffMs(attempt: number, chance: number): number {
  const whole = Math.min(backoffMsFirst * 2 ** Math.min(attempt, 16), backoffMsMax);
  return Math.round(whole / 2 + (whole / 2) * chance);
}

function failureOf({ status, body, requestId }: GraphAnswer): GraphFailure {
  return graphFailure(status, body, requestId);
}

async function readJson({ body }: Dispatcher.ResponseData): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bodyBytesMax) throw new Error(`the answer is longer than ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  if (length === 0) return undefined;
  const text = Buffer.concat(parts).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    // A gateway or a proxy answers in HTML: the status says enough.
    return { error: { message: firstWords(text) } };
  }
}

function firstWords(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ').trim().slice(0, 200); // prettier-ignore
}

function plainHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value[0] : value,
    ]),
  );
}

/** A failure of the sign-in, which nothing of the network's is. */
function isOurs(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'DroverError';
}

function networkWords(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = 'code' in thrown ? ` (${String(thrown.code)})` : '';
  return `${thrown.message || thrown.name}${code}`;
}
