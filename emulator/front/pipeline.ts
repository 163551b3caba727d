// The way of one request through the emulator: throttle, faults, the part that answers.
import type { Exchange, Handler, Reply } from '../http/exchange.ts';
import { graphError } from '../fault/error-reply.ts';
import type { FaultEngine } from '../fault/fault-engine.ts';
import { playFaults, type FaultPlace } from '../fault/play-faults.ts';
import type { ThrottleGate } from '../fault/throttle-gate.ts';
import type { ThrottleVerdict } from '../fault/throttle.ts';
import type { Answer } from './answer-request.ts';
import type { Delivery } from './delivery.ts';
import { partOf, routeClassOf } from './route.ts';
import type { Stats } from './stats.ts';

export interface PipelineParts {
  control: Handler;
  entra: Handler;
  graph: Handler;
  faults: FaultEngine;
  throttle: ThrottleGate;
  stats: Stats;
}

export interface Pipeline {
  /** Answers what came by a connection. */
  answer: Answer;
  /**
   * Answers a call within a batch: it is throttled and meets faults like any other, except for those of connections, of which it
   * has none.
   */
  answerInner: Handler;
}

export function createPipeline(parts: PipelineParts): Pipeline {
  return {
    answer: (exchange, delivery) => answer(exchange, delivery, parts),
    answerInner: (exchange) =>
      throttled(exchange, parts.throttle, (asked) => {
        const routeClass = routeClassOf('graph', asked.url.pathname);
        return faulty(asked, {}, { part: 'graph', routeClass }, parts);
      }),
  };
}

async function answer(
  exchange: Exchange,
  delivery: Delivery,
  parts: PipelineParts,
): Promise<Reply> {
  const { method, url } = exchange;
  const part = partOf(url.hostname, url.pathname);
  if (part === 'control') {
    // What watches the emulator is not itself a part of what is watched, and is not mistreated.
    delivery.direct = true;
    return parts.control(exchange);
  }
  const routeClass = routeClassOf(part, url.pathname);
  parts.stats.request(method, routeClass);
  const handle = (asked: Exchange) => faulty(asked, delivery, { part, routeClass }, parts);
  // A batch is paid for by the calls within it.
  if (part === 'entra' || /^\/(v1\.0|beta)\/\$batch$/.test(url.pathname)) return handle(exchange);
  return throttled(exchange, parts.throttle, handle);
}

function faulty(
  exchange: Exchange,
  delivery: Delivery,
  place: FaultPlace,
  { faults, entra, graph }: PipelineParts,
): Promise<Reply> {
  const handler = place.part === 'entra' ? entra : graph;
  if (faults.empty) return handler(exchange);
  const { method, target, url } = exchange;
  const struck = faults.strike({ method, host: url.hostname, target });
  return struck.length === 0
    ? handler(exchange)
    : playFaults(struck, exchange, delivery, place, handler);
}

async function throttled(
  exchange: Exchange,
  throttle: ThrottleGate,
  handle: Handler,
): Promise<Reply> {
  const verdict = throttle.charge(exchange);
  if (verdict.retryAfterSeconds !== undefined) return throttledReply(verdict);
  const reply = await handle(exchange);
  throttle.remember(exchange, reply);
  if (Object.keys(verdict.headers).length === 0) return reply;
  return { ...reply, headers: { ...reply.headers, ...verdict.headers } };
}

function throttledReply({ retryAfterSeconds, headers }: ThrottleVerdict): Reply {
  return graphError({
    status: 429,
    code: 'activityLimitReached',
    innerCode: 'throttledRequest',
    message: 'The request has been throttled',
    headers: { ...headers, 'Retry-After': String(retryAfterSeconds) },
  });
}
