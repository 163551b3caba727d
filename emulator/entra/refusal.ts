// How Entra says no: a word of OAuth for programs, an AADSTS number and a sentence for people. Clients branch on the words and
// people search for the numbers, so both are Microsoft's own.
import { randomUUID } from 'node:crypto';
import type { Exchange, Reply } from '../http/exchange.ts';

/** Thrown inside the sign-in part only; the handler answers with it. */
export class Refusal extends Error {
  /** OAuth's word, such as invalid_client. */
  readonly word: string;
  /** The number after AADSTS. */
  readonly code: number;
  readonly status: number;
  /** Finer than `word`, such as consent_required. */
  readonly suberror: string | undefined;

  constructor(
    word: string,
    code: number,
    sentence: string,
    options: { status?: number; suberror?: string } = {},
  ) {
    super(sentence);
    this.word = word;
    this.code = code;
    this.status = options.status ?? 400;
    this.suberror = options.suberror;
  }
}

/** A parameter of the form that is not there. */
export function missing(parameter: string): Refusal {
  const sentence = `The request body must contain the following parameter: '${parameter}'.`;
  return new Refusal('invalid_request', 900144, sentence);
}

export function tenantNotFound(tenant: string, word: string): Refusal {
  const sentence =
    `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct ` +
    'cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.';
  return new Refusal(word, 90002, sentence);
}

/** The answer as it goes over the wire. */
export function refusalReply(refusal: Refusal, exchange: Exchange, nowMs: number): Reply {
  const traceId = randomUUID();
  const correlationId = correlationIdOf(exchange);
  const timestamp = `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const description =
    `AADSTS${refusal.code}: ${refusal.message} Trace ID: ${traceId} ` +
    `Correlation ID: ${correlationId} Timestamp: ${timestamp}`;
  return json(refusal.status, {
    error: refusal.word,
    error_description: description,
    error_codes: [refusal.code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `${exchange.url.origin}/error?code=${refusal.code}`,
    ...(refusal.suberror === undefined ? {} : { suberror: refusal.suberror }),
  });
}

/** An answer that no cache may keep. */
export function json(status: number, body: unknown): Reply {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
  };
  return { status, headers, body: JSON.stringify(body) };
}

function correlationIdOf(exchange: Exchange): string {
  const header = exchange.headers['client-request-id'];
  const sent = exchange.url.searchParams.get('client-request-id') ?? header;
  return typeof sent === 'string' && /^[0-9a-f-]{36}$/i.test(sent) ? sent : randomUUID();
}
