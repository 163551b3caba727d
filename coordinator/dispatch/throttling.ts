// What throttling costs an agent, from what it says in its heartbeats: sums since it was started, of which the difference is news. PURE.
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Heartbeat } from '../../gen/drover/v1/session_pb.ts';

/** Throttled requests, and how long requests waited. */
export interface Throttled {
  requests: number;
  waitMs: number;
}

export class Throttling {
  #last: Throttled | undefined;

  /**
   * What came to it since the heartbeat before. Nothing with the first: what was before this coordinator began was counted by one before it,
   * or by nobody. An agent that says less than before was started again.
   */
  note({
    throttledRequests,
    throttleWait,
  }: Pick<Heartbeat, 'throttledRequests' | 'throttleWait'>): Throttled {
    // oxfmt-ignore
    const now = {
      requests: Number(throttledRequests),
      waitMs: throttleWait === undefined ? 0 : Math.max(0, durationMs(throttleWait)),
    };
    const before = this.#last ?? now;
    this.#last = now;
    const isNew = now.requests < before.requests || now.waitMs < before.waitMs;
    if (isNew) return now;
    return { requests: now.requests - before.requests, waitMs: now.waitMs - before.waitMs };
  }
}
