// A person needs longer to type a sign-in code than the coordinator waits for an agent's look at a destination. So it is asked to look
// again, as long as a code is usually good for; each look comes with a code of its own.
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { callError } from './api-client.ts';
import { waitsForPerson, type Service } from './quick-start-service.ts';

const signInMsMax = 15 * 60_000;
/** A look that ended sooner did not end because a person was slow. */
const lateMsMin = 30_000;
const lateReasons: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.CANCELLED,
  ErrorReason.DESTINATION_BUSY,
]);

/** Calls the coordinator, again when a person was late; `onLate` is called before that. Throws what `call` does. */
export async function waitForSignIn<Answer>(
  service: Service,
  onLate: () => void,
  signal: AbortSignal,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const deadlineMs = performance.now() + signInMsMax;
  for (;;) {
    const startMs = performance.now();
    try {
      return await call();
    } catch (thrown) {
      const nowMs = performance.now();
      const isLate =
        waitsForPerson(service) &&
        lateReasons.has(callError(thrown).reason) &&
        nowMs - startMs >= lateMsMin;
      if (!isLate || signal.aborted || nowMs > deadlineMs) throw thrown;
      onLate();
    }
  }
}
