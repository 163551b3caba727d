// Batches and the throttle: the calls in a batch are charged one by one, so they have to be read before the handler reads them.
import { Readable } from 'node:stream';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { PricedCall } from './resource-units.ts';
import type { ThrottleVerdict } from './throttle.ts';
import { graphError } from './error-reply.ts';

/** A batch holds 20 calls at most, with small bodies. */
const batchBytesMax = 8 * 1024 * 1024;

export interface BatchCall extends PricedCall {
  id: string;
}

export function isBatch({ method, url }: Exchange): boolean {
  return method === 'POST' && /^\/(v1\.0|beta)\/\$batch$/.test(url.pathname);
}

/**
 * The calls of a batch, and an exchange with the same body to be read again. What is no batch, or too large for one, has no
 * calls: the handler says what is wrong with it.
 */
export async function readBatch(
  exchange: Exchange,
): Promise<{ calls: BatchCall[]; exchange: Exchange }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of exchange.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > batchBytesMax) break;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return { calls: callsOf(body), exchange: { ...exchange, body: Readable.from([body]) } };
}

/** As Graph answers a batch whose calls are all refused: each by itself. */
export function refusedBatch(calls: readonly BatchCall[], verdict: ThrottleVerdict): Reply {
  const responses = calls.map(({ id }) => {
    const { status, headers = {}, body } = throttledReply(verdict);
    return { id, status, headers, body: JSON.parse(body as string) as unknown };
  });
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ responses }),
  };
}

/** As Graph refuses a call. */
export function throttledReply({ retryAfterSeconds, headers }: ThrottleVerdict): Reply {
  return graphError({
    status: 429,
    code: 'activityLimitReached',
    innerCode: 'throttledRequest',
    message: 'The request has been throttled',
    headers: { ...headers, 'Retry-After': String(retryAfterSeconds) },
  });
}

function callsOf(body: Buffer): BatchCall[] {
  try {
    const { requests } = JSON.parse(body.toString()) as { requests?: unknown };
    if (!Array.isArray(requests)) return [];
    return requests.map((request: { id?: unknown; method?: unknown; url?: unknown }) => ({
      id: String(request.id),
      method: String(request.method).toUpperCase(),
      target: String(request.url),
    }));
  } catch {
    return [];
  }
}
