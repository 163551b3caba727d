// A person needs longer to type a sign-in code than an agent looks at a destination, and the coordinator waits for that. So it is asked to
// look again, as long as a code is good for; the code stays the same meanwhile.
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import type { Clock } from '../lib/time.ts';
import { callError } from './api-client.ts';
import { waitsForPerson, type Service } from './quick-start-service.ts';

const signInMsMax = 15 * 60_000;
/**
 * An agent ends a look of its own accord after 40 seconds, which is what tells a person who is slow from a refusal: that one has the same
 * reason, and comes before.
 */
const lateMsMin = 39_500;
/** Nobody signed in during the look; or somebody did, so late that the service had no time left to answer. */
const lateReasons: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.SIGN_IN_FAILED,
  ErrorReason.DESTINATION_BUSY,
]);

export interface SignInWait {
  service: Service;
  clock: Pick<Clock, 'steady'>;
  signal: AbortSignal;
  /** Called before each look but the first. */
  onLate: () => void;
}

/** Calls the coordinator, again when a person was late. Throws what `call` does. */
export async function waitForSignIn<Answer>(
  { service, clock, signal, onLate }: SignInWait,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const deadlineMs = clock.steady() + signInMsMax;
  for (;;) {
    const startMs = clock.steady();
    try {
      return await call();
    } catch (thrown) {
      const nowMs = clock.steady();
      const isLate =
        waitsForPerson(service) &&
        lateReasons.has(callError(thrown).reason) &&
        nowMs - startMs >= lateMsMin;
      if (!isLate || signal.aborted || nowMs > deadlineMs) throw thrown;
      onLate();
    }
  }
}
