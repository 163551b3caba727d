// What is asked of an upload session by its address, apart from taking bytes.
import { pause } from '../../../lib/time.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure } from './graph-error.ts';

/** The next byte that a session expects; undefined when the service does not say. Throws GraphFailure 404 or 401 when it is gone. */
export async function sessionPosition(
  client: GraphClient,
  url: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const answer = await client.call({ method: 'GET', address: url, resourceUnits: 1 }, signal);
  return nextExpected(answer.body);
}

/** How long to try to cancel a session: whoever waits for it wants to stop. */
const cancelMsMax = 5000;
const cancelPauseMs = 100;

/** Cancels a session. Answers whether it is certainly gone; never throws. */
export async function cancelSession(client: GraphClient, url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(cancelMsMax);
  for (;;) {
    try {
      await client.call({ method: 'DELETE', address: url, resourceUnits: 1 }, signal);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure)) return false;
      if (isSessionGone(thrown)) return true;
      // The service may still be reading a chunk whose connection has ended already.
      if (![409, 416, 423].includes(thrown.status)) return false;
      await pause(client.clock, cancelPauseMs, signal);
    }
  }
}

/** Unknown, or its address is not accepted any more: then nothing can be done with it, by anybody. */
export function isSessionGone(thrown: unknown): boolean {
  return thrown instanceof GraphFailure && (thrown.status === 404 || thrown.status === 401);
}

/** Where a session goes on, as an answer says it. */
export function nextExpected(body: unknown): number | undefined {
  const ranges = (body as { nextExpectedRanges?: unknown } | undefined)?.nextExpectedRanges;
  if (!Array.isArray(ranges) || typeof ranges[0] !== 'string') return undefined;
  const start = Number.parseInt(ranges[0], 10);
  return Number.isSafeInteger(start) ? start : undefined;
}
