// The way of one request through the emulator: throttle, faults, the part that answers.
import type { Exchange, Handler, Reply } from '../http/exchange.ts';
import { isBatch, readBatch, refusedBatch, throttledReply } from '../fault/batch.ts';
import type { FaultEngine } from '../fault/fault-engine.ts';
import { playFaults } from '../fault/play-faults.ts';
import type { ThrottleGate } from '../fault/throttle-gate.ts';
import type { Pipeline } from './answer-request.ts';
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

export function createPipeline(parts: PipelineParts): Pipeline {
  const { control, entra, graph, faults, throttle, stats } = parts;
  return async (exchange, delivery) => {
    const { method, target, url } = exchange;
    const part = partOf(url.hostname, url.pathname);
    if (part === 'control') {
      // What watches the emulator is not itself a part of what is watched, and is not mistreated.
      delivery.direct = true;
      return control(exchange);
    }
    const routeClass = routeClassOf(part, url.pathname);
    stats.request(method, routeClass);
    const handler = part === 'entra' ? entra : graph;
    const handle = (asked: Exchange) => {
      if (faults.empty) return handler(asked);
      const struck = faults.strike({ method, host: url.hostname, target });
      if (struck.length === 0) return handler(asked);
      return playFaults(struck, asked, delivery, { part, routeClass }, handler);
    };
    return part === 'graph' ? throttled(exchange, throttle, handle) : handle(exchange);
  };
}

async function throttled(
  exchange: Exchange,
  throttle: ThrottleGate,
  handle: Handler,
): Promise<Reply> {
  const batch = isBatch(exchange) ? await readBatch(exchange) : undefined;
  const asked = batch?.exchange ?? exchange;
  const verdict = throttle.charge(asked, batch?.calls ?? [exchange]);
  if (verdict.retryAfterSeconds !== undefined)
    return batch === undefined ? throttledReply(verdict) : refusedBatch(batch.calls, verdict);
  const reply = await handle(asked);
  throttle.remember(exchange, reply);
  if (Object.keys(verdict.headers).length === 0) return reply;
  return { ...reply, headers: { ...reply.headers, ...verdict.headers } };
}
