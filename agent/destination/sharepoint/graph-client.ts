// Requests to Graph and SharePoint: let through by the gate, signed in, repeated when the service was busy, and never in haste. What
// comes back is an answer that was asked for, a GraphFailure, or NoAnswer.
import { randomUUID } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { userAgent } from '../../../lib/user-agent.ts';
import type { GetToken, LogLine } from './access.ts';
import { graphFailure, GraphFailure, NoAnswer } from './graph-error.ts';
import { networkWords, orAborted, parseJson, plainHeaders, readBody, verbatim } from './http-answer.ts'; // oxfmt-ignore
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
  /**
   * Whoever stops waits so long for the answer when the call was sent, because the service keeps something open by it; a good one is answered with.
   * @default no wait
   */
  graceMs?: number;
  /** How long to wait for the answer, and for each further piece of it. @default one minute */
  timeoutMs?: number;
  /** The answer is content as it is, not JSON: its body is a Uint8Array. */
  isContent?: boolean;
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
  /** No answer is waited for longer than this, whatever a call allows. @default no limit */
  timeoutMsMax?: number;
}

const timeoutMsUsual = 60_000;
/** A call that was refused or unanswered for so long is given up. */
const busyMsMax = 10 * 60_000;
/** Throttling only takes time; the longest of the service's windows is a day. */
const throttledMsMax = 25 * 60 * 60_000;
const backoffMsFirst = 1000;
const backoffMsMax = 60_000;

/** Since when one call has been waiting, and for what. */
interface Since {
  busyMs: number | undefined;
  throttledMs: number | undefined;
}

/** The service is busy, whatever it says about when to come again. */
const throttledStatuses = new Set([429, 503, 509]);
const unavailableStatuses = new Set([500, 502, 504]);

export class GraphClient {
  readonly #parts: GraphClientParts;

  constructor(parts: GraphClientParts) {
    this.#parts = parts;
  }

  /** The clock that everything about these calls is timed by. */
  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Calls; throws GraphFailure, NoAnswer, a DroverError of the sign-in, or the signal's reason. */
  async call(call: GraphRequest, signal: AbortSignal): Promise<GraphAnswer> {
    const { gate } = this.#parts;
    const since: Since = { busyMs: undefined, throttledMs: undefined };
    let wasRefreshed = false;
    let forceRefresh = false;
    for (let attempt = 0; ; attempt++) {
      const passage = await gate.enter(call.resourceUnits, signal);
      let answer: GraphAnswer | NoAnswer;
      try {
        answer = await this.#send(call, forceRefresh, signal);
      } finally {
        gate.leave();
      }
      if (call.graceMs === undefined || answer instanceof NoAnswer || answer.status >= 400) signal.throwIfAborted(); // oxfmt-ignore
      forceRefresh = false;
      if (!(answer instanceof NoAnswer)) {
        this.#noteBudget(answer);
        if (answer.status < 400) {
          gate.succeeded();
          return answer;
        }
        if (this.#isThrottled(answer, passage, since)) continue;
        if (answer.status === 401 && call.path !== undefined && !wasRefreshed) {
          wasRefreshed = forceRefresh = true;
          continue;
        }
        if (!unavailableStatuses.has(answer.status)) throw failureOf(answer);
      }
      gate.slowDown(passage);
      since.busyMs ??= passage.startMs;
      if (call.repeats === false || this.#isOver(since.busyMs, busyMsMax))
        throw answer instanceof NoAnswer ? answer : failureOf(answer);
      await this.#backOff(attempt, answer, signal);
    }
  }

  /** A piece of content, at an address that is authenticated by itself; throws as `call` does. */
  async download(address: string, range: string, signal: AbortSignal): Promise<Uint8Array> {
    const headers = { range, accept: '*/*' };
    const call = { method: 'GET', address, headers, resourceUnits: 1, isContent: true } as const;
    return (await this.call(call, signal)).body as Uint8Array;
  }

  async #send(
    call: GraphRequest,
    forceRefresh: boolean,
    signal: AbortSignal,
  ): Promise<GraphAnswer | NoAnswer> {
    const requestId = randomUUID();
    using sent = call.graceMs === undefined ? undefined : later(signal, call.graceMs);
    try {
      const authorization = await this.#authorization(call, forceRefresh, signal);
      const response = await this.#request(call, authorization, sent?.signal ?? signal, requestId);
      const bytes = await readBody(response);
      const { statusCode: status } = response;
      const body = call.isContent === true && status < 400 ? bytes : parseJson(bytes);
      return { status, headers: plainHeaders(response.headers), body, requestId };
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (isOurs(thrown)) throw thrown;
      return new NoAnswer(networkWords(thrown), requestId, thrown);
    }
  }

  /** An address that comes from the service is authenticated by itself: a token there would be refused, or told to a stranger. */
  async #authorization(
    call: GraphRequest,
    forceRefresh: boolean,
    signal: AbortSignal,
  ): Promise<Record<string, string>> {
    if (call.address !== undefined) return {};
    const token = await orAborted(this.#parts.getToken(forceRefresh), signal);
    return { authorization: `Bearer ${token}` };
  }

  async #request(
    call: GraphRequest,
    authorization: Record<string, string>,
    signal: AbortSignal,
    requestId: string,
  ): Promise<Dispatcher.ResponseData> {
    const { graphUrl, dispatcher, timeoutMsMax = Infinity } = this.#parts;
    const { body } = call;
    const isJson = body !== undefined && !(body instanceof Uint8Array);
    const headers: Record<string, string> = {
      'user-agent': userAgent,
      'client-request-id': requestId,
      'return-client-request-id': 'true',
      accept: 'application/json',
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...call.headers,
      ...authorization,
    };
    const timeoutMs = Math.min(call.timeoutMs ?? timeoutMsUsual, timeoutMsMax);
    return await dispatcher.request({
      ...verbatim(call.address ?? `${graphUrl}/v1.0${call.path}`),
      method: call.method,
      headers,
      body: isJson ? JSON.stringify(body) : body === undefined ? null : body,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  #noteBudget({ headers }: GraphAnswer): void {
    const limit = rateLimit(headers);
    if (limit !== undefined) this.#parts.gate.budget(limit.remaining, limit.resetMs);
  }

  /** Whether the answer says to come again later; then everybody waits. */
  #isThrottled(answer: GraphAnswer, passage: Passage, since: Since): boolean {
    const { gate, clock, log } = this.#parts;
    if (!throttledStatuses.has(answer.status)) return false;
    since.throttledMs ??= passage.startMs;
    if (this.#isOver(since.throttledMs, throttledMsMax)) return false;
    const asked = retryAfterMs(answer.headers['retry-after'], clock.now());
    const resetMs = rateLimit(answer.headers)?.resetMs ?? 0;
    gate.throttled(passage, asked === undefined ? undefined : Math.max(asked, resetMs));
    log('info', 'throttled', { status: answer.status, waitMs: asked, requestId: answer.requestId });
    return true;
  }

  #isOver(sinceMs: number, msMax: number): boolean {
    return this.#parts.clock.steady() - sinceMs > msMax;
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

/** A signal that aborts so long after another one. */
function later(signal: AbortSignal, delayMs: number): Disposable & { signal: AbortSignal } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = () => (timer = setTimeout(() => late.abort(signal.reason), delayMs));
  signal.addEventListener('abort', wait, { once: true });
  return {
    signal: late.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', wait);
      clearTimeout(timer);
    },
  };
}

/** The pause before an unanswered call is repeated: it doubles, and half of it is chance, so that those who failed together part. */
export function backoffMs(attempt: number, chance: number): number {
  const whole = Math.min(backoffMsFirst * 2 ** Math.min(attempt, 16), backoffMsMax);
  return Math.round(whole / 2 + (whole / 2) * chance);
}

function failureOf({ status, body, requestId }: GraphAnswer): GraphFailure {
  return graphFailure(status, body, requestId);
}

/** A failure of the sign-in, which nothing of the network's is. */
function isOurs(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'DroverError';
}
