// A token for work that is going on: a sign-in service that is out of reach for a while holds the work up, and fails none of it.
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import { pause, type Clock } from '../../../lib/time.ts';
import type { GetToken, LogLine } from './access.ts';
import { backoffMs } from './graph-client.ts';

export interface PatientTokenParts {
  getToken: GetToken;
  clock: Clock;
  log: LogLine;
  /** Aborts when the work is to stop. */
  signal: AbortSignal;
}

/** As long as an answer of the tenant itself is waited for. */
const unreachableMsMax = 10 * 60_000;

/** Asks again while the sign-in service is out of reach; rejects with its last words when that takes too long. */
export function patientToken({ getToken, clock, log, signal }: PatientTokenParts): GetToken {
  return async (forceRefresh) => {
    const startMs = clock.steady();
    for (let attempt = 0; ; attempt++) {
      try {
        return await getToken(forceRefresh);
      } catch (thrown) {
        const isPassing = thrown instanceof DroverError && thrown.reason === ErrorReason.SIGN_IN_UNREACHABLE; // oxfmt-ignore
        if (!isPassing || clock.steady() - startMs > unreachableMsMax) throw thrown;
        const pauseMs = backoffMs(attempt, Math.random());
        log('info', 'signing in again', { what: thrown.message, pauseMs });
        await pause(clock, pauseMs, signal);
        signal.throwIfAborted();
      }
    }
  };
}
