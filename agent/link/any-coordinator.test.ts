import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { askAnyCoordinator } from './any-coordinator.ts';

const addresses = [1, 2, 3].map((port) => ({ host: 'control', port, proxy: undefined }));

/** Asks at addresses that answer as listed; answers with the outcome, and with how many were asked. */
async function ask(outcomes: (ErrorReason | 'yes')[], signal?: AbortSignal) {
  let asked = 0;
  const answer = await askAnyCoordinator(addresses, async ({ port }) => {
    asked += 1;
    const outcome = outcomes[port - 1]!;
    if (outcome !== 'yes') throw new DroverError(outcome, `${port}`);
    return `yes at ${port}`;
  }, signal).catch((error: DroverError) => error.message); // oxfmt-ignore
  return [answer, asked];
}

const { UNAVAILABLE, COORDINATOR_MISMATCH, AGENT_DISABLED } = ErrorReason;

test('where the coordinator is not heard, the next address is tried, and what it says counts', async (t) => {
  t.deepEqual(await ask(['yes', 'yes', 'yes']), ['yes at 1', 1]);
  t.deepEqual(await ask([UNAVAILABLE, COORDINATOR_MISMATCH, 'yes']), ['yes at 3', 3]);
  t.deepEqual(await ask([UNAVAILABLE, AGENT_DISABLED, 'yes']), ['2', 2]);
  t.deepEqual(await ask([COORDINATOR_MISMATCH, UNAVAILABLE, UNAVAILABLE]), ['1', 3]);
});

test('after the signal no other address is asked', async (t) => {
  t.deepEqual(await ask([UNAVAILABLE, 'yes', 'yes'], AbortSignal.abort()), ['1', 1]);
});
