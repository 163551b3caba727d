// Calls that are one too many: waited for and repeated, where that does no harm.
import test from 'ava';
import { Code, ConnectError } from '@connectrpc/connect';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { errorDomain } from '../../lib/error.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { startTestCoordinator } from './test-coordinator.ts';

function tooMany(retryDelayMs: number): ConnectError {
  const info = { reason: 'TOO_MANY_CALLS', domain: errorDomain, metadata: {} };
  return new ConnectError('you call too often', Code.ResourceExhausted, undefined, [
    { desc: ErrorInfoSchema, value: info },
    { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(retryDelayMs) } },
  ]);
}

/** Waits for nothing, and remembers for how long it was to. */
function hurriedClock() {
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, callback) => {
      waits.push(delayMs);
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    },
  };
  return { clock, waits };
}

test('what was one call too many is repeated twice, after as long as the coordinator says', async (t) => {
  let calls = 0;
  let refusals = 2;
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      listTasks: () => {
        if ((calls += 1) <= refusals) throw tooMany(1500);
        return {};
      },
    }),
  );
  const { clock, waits } = hurriedClock();
  t.is((await coordinator.drover(['tasks', 'list'], { clock })).status, 0);
  t.deepEqual(waits, [1500, 1500]);
  [calls, refusals] = [0, 9];
  const { status, stderr } = await coordinator.drover(['tasks', 'list'], { clock });
  t.is(status, 8);
  t.regex(stderr, /you call too often \(TOO_MANY_CALLS\)/);
  t.is(calls, 3);
});

test('it is not repeated when the wait would be long, or when it could be done twice', async (t) => {
  let calls = 0;
  const refuse = (retryDelayMs: number) => () => {
    calls += 1;
    throw tooMany(retryDelayMs);
  };
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, { listTasks: refuse(60_000), pauseTask: refuse(10) }),
  );
  t.is((await coordinator.drover(['tasks', 'list'])).status, 8);
  t.is((await coordinator.drover(['tasks', 'pause', 'a'])).status, 8);
  t.is(calls, 2);
});
