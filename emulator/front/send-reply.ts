// Writing a reply, at the pace that was decided.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Reply } from '../http/exchange.ts';
import type { Pace } from './delivery.ts';
import { Pacer } from './pacer.ts';

/** How fast a reply may go: what holds for the connection, and what holds for this reply alone. */
export interface WritePaces {
  connection: Pacer | undefined;
  own: Pace | undefined;
}

/**
 * Sends head and body and answers the bytes of the body that were sent. Rejects when the body cannot be read to its end, or
 * the client goes away before it.
 */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  paces: WritePaces,
): Promise<number> {
  const { status, headers = {}, body } = reply;
  if (body instanceof Readable) {
    response.writeHead(status, headers);
    return sendStream(response, body, pacersOf(paces));
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? new Uint8Array());
  const bodiless = status === 204 || status === 304 || status < 200;
  // A reply to HEAD, and one with an empty content, names its length itself.
  const isNamed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-length');
  if (bodiless || isNamed) response.writeHead(status, headers);
  else response.writeHead(status, { ...headers, 'Content-Length': bytes.byteLength });
  if (bodiless || response.req.method === 'HEAD' || bytes.byteLength === 0) {
    response.end();
    return 0;
  }
  const pacers = pacersOf(paces);
  if (pacers.length > 0) return sendStream(response, Readable.from([bytes]), pacers);
  response.end(bytes);
  return bytes.byteLength;
}

function pacersOf({ connection, own }: WritePaces): Pacer[] {
  const pacers = connection === undefined ? [] : [connection];
  if (own !== undefined) pacers.push(new Pacer(own.bytesPerSecond, own.afterBytes));
  return pacers;
}

async function sendStream(
  response: ServerResponse,
  body: Readable,
  pacers: readonly Pacer[],
): Promise<number> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once('close', onClose);
  // Sent ahead, so that a slow body is not a slow head.
  response.flushHeaders();
  let sent = 0;
  try {
    if (response.req.method === 'HEAD') body.destroy();
    else
      for await (const chunk of body as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        await sendChunk(response, bytes, pacers, gone.signal);
        sent += bytes.byteLength;
      }
    response.end();
    return sent;
  } finally {
    response.off('close', onClose);
    body.destroy();
  }
}

async function sendChunk(
  response: ServerResponse,
  bytes: Uint8Array,
  pacers: readonly Pacer[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const pieceBytes = Math.min(bytes.byteLength, ...pacers.map((pacer) => pacer.pieceBytes));
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    const now = performance.now();
    const delayMs = Math.max(0, ...pacers.map((pacer) => pacer.delayMs(piece.byteLength, now)));
    if (delayMs >= 1) await wait(delayMs, undefined, { signal, ref: false });
    if (!response.write(piece)) await once(response, 'drain', { signal });
  }
}
