// Several addresses lead to one coordinator: what is asked of it is asked of the first that can be reached.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';

/** Says that it is not the coordinator that was heard there; what the coordinator says, it would say at every address. */
const notHeard = new Set<ErrorReason>([ErrorReason.UNAVAILABLE, ErrorReason.COORDINATOR_MISMATCH]);

/**
 * Asks at one address after the other until the coordinator answers; `addresses` are at least one. Throws a DroverError: what the coordinator
 * says, or why it was not heard at the first address when it was at none. After the signal nothing more is asked.
 */
export async function askAnyCoordinator<T>(
  addresses: readonly CoordinatorAddress[],
  ask: (address: CoordinatorAddress) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const failures: DroverError[] = [];
  for (const address of addresses) {
    try {
      return await ask(address);
    } catch (thrown) {
      const failure = DroverError.from(thrown);
      if (signal?.aborted || !notHeard.has(failure.reason)) throw failure;
      failures.push(failure);
    }
  }
  throw failures[0]!;
}
