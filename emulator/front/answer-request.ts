// One request from its head to the last byte of its reply, whichever listener it came in by.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../lib/log.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import { graphError } from '../fault/error-reply.ts';
import type { Delivery } from './delivery.ts';
import { Pacer } from './pacer.ts';
import { RequestBody } from './request-body.ts';
import { sendReply } from './send-reply.ts';
import type { Stats } from './stats.ts';

/** What is left of a body that nobody wanted is thrown away up to this much, which is more than the largest fragment. */
const discardedBytesMax = 64 * 1024 * 1024;
const discardMs = 30_000;

/** Answers an exchange, and may change how it is delivered before it reads the body. */
export type Answer = (exchange: Exchange, delivery: Delivery) => Promise<Reply>;

export interface AnswerParts {
  answer: Answer;
  stats: Stats;
  log: Logger;
  /** The time from a request's head to its reply's head is at least this. */
  latencyMs: number;
  /** For each direction of each connection. */
  bandwidthBytesPerSecond: number | undefined;
}

/** A listener for node's HTTP servers. It never rejects, and leaves no request open. */
export function createRequestListener(
  scheme: 'http' | 'https',
  parts: AnswerParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  const paces = new WeakMap<Socket, { read: Pacer; write: Pacer }>();
  const { bandwidthBytesPerSecond: rate } = parts;
  const pacesOf = (socket: Socket) => {
    if (rate === undefined) return undefined;
    let found = paces.get(socket);
    if (found === undefined)
      paces.set(socket, (found = { read: new Pacer(rate), write: new Pacer(rate) }));
    return found;
  };
  return (request, response) =>
    void answerRequest(request, response, scheme, parts, pacesOf(request.socket));
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  scheme: string,
  parts: AnswerParts,
  paces: { read: Pacer; write: Pacer } | undefined,
): Promise<void> {
  const startMs = performance.now();
  const { socket } = request;
  const { log, stats } = parts;
  const delivery: Delivery = {};
  const body = hasBody(request) ? new RequestBody(request, delivery, paces?.read) : undefined;
  const url = urlOf(request, scheme);
  let sent = 0;
  try {
    const reply =
      url === undefined
        ? graphError({ status: 400, code: 'invalidRequest', message: 'The address is malformed.' })
        : await replyTo(exchangeOf(request, body, url), delivery, parts);
    if (delivery.ending === 'silence') await closed(socket);
    if (delivery.ending !== undefined || delivery.cutAfterBodyBytes !== undefined) socket.destroy();
    else if (!delivery.direct) await latency(startMs, parts.latencyMs);
    if (socket.destroyed) {
      release(reply);
      return stats.unanswered();
    }
    discardRest(request, body, stats);
    if (!delivery.direct) stats.status(reply.status);
    sent = await sendReply(response, reply, {
      connection: delivery.direct ? undefined : paces?.write,
      own: delivery.writePace,
    });
  } catch (error) {
    // What goes wrong later than this is the connection's doing.
    const level = response.headersSent ? 'debug' : 'error';
    log[level]({ target: request.url, err: error }, 'a reply could not be sent to its end');
    socket.destroy();
  } finally {
    if (!delivery.direct) stats.bytes(body?.bytes ?? 0, sent);
  }
}

async function replyTo(exchange: Exchange, delivery: Delivery, parts: AnswerParts): Promise<Reply> {
  try {
    return await parts.answer(exchange, delivery);
  } catch (error) {
    const { method, target, body } = exchange;
    // A client that went away takes the handler with it; that is no fault of the handler's.
    const level = body.errored === null ? 'error' : 'debug';
    parts.log[level]({ method, target, err: error }, 'a handler failed');
    return graphError({ status: 500, code: 'generalException', message: 'General exception.' });
  }
}

function exchangeOf(request: IncomingMessage, body: RequestBody | undefined, url: URL): Exchange {
  return {
    method: request.method ?? 'GET',
    url,
    target: request.url ?? '/',
    headers: request.headers,
    body: body ?? request,
    effects: {},
  };
}

function urlOf(request: IncomingMessage, scheme: string): URL | undefined {
  const { url = '/', headers } = request;
  const address = url.startsWith('/') ? `${scheme}://${headers.host ?? 'localhost'}${url}` : url;
  return URL.parse(address) ?? undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A timer may ring early by a part of a millisecond, and the time is promised. */
async function latency(startMs: number, latencyMs: number): Promise<void> {
  for (;;) {
    const left = startMs + latencyMs - performance.now();
    if (left <= 0) return;
    await wait(Math.ceil(left), undefined, { ref: false });
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Reads what the handler left, so that the connection can be used again; one that sends without end is cut. */
function discardRest(request: IncomingMessage, body: RequestBody | undefined, stats: Stats): void {
  if (body === undefined || request.readableEnded) return;
  body.detach();
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    stats.bytes(chunk.length, 0);
    if (bytes > discardedBytesMax) request.socket.destroy();
  });
  request.resume();
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), discardMs);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
}

/** Lets go of a reply that is not sent. */
function release({ body }: Reply): void {
  if (body instanceof Readable) body.destroy();
}
