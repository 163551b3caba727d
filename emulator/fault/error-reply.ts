// Error answers in the shapes that Graph and Entra ID give them.
import { randomUUID } from 'node:crypto';
import type { Reply } from '../http/exchange.ts';

export interface GraphErrorContent {
  status: number;
  code: string;
  message: string;
  innerCode?: string | undefined;
  headers?: Record<string, string>;
}

/** As Graph says that a call failed. */
export function graphError(content: GraphErrorContent): Reply {
  const { status, code, message, innerCode, headers = {} } = content;
  const requestId = randomUUID();
  const innerError = {
    ...(innerCode === undefined ? {} : { code: innerCode }),
    date: new Date().toISOString().slice(0, 19),
    'request-id': requestId,
    'client-request-id': requestId,
  };
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'request-id': requestId,
      'client-request-id': requestId,
      ...headers,
    },
    body: JSON.stringify({ error: { code, message, innerError } }),
  };
}

/** As Entra ID says that it cannot answer now. */
export function signInError(status: number, headers: Record<string, string> = {}): Reply {
  const traceId = randomUUID();
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      ...headers,
    },
    body: JSON.stringify({
      error: 'temporarily_unavailable',
      error_description: `AADSTS90033: A transient error has occurred. Please try again. Trace ID: ${traceId}`,
      error_codes: [90033],
      timestamp: `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`,
      trace_id: traceId,
      correlation_id: randomUUID(),
    }),
  };
}
