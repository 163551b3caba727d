import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { Patience } from './patience.ts';

const { AGENT_DISABLED, SESSION_REPLACED, UNAVAILABLE } = ErrorReason;

/** The longest pauses that come of so many attempts in a row. */
function pauses(patience: Patience, reason: ErrorReason, count: number, tookMs = 10): number[] {
  return Array.from({ length: count }, () => patience.wait(reason, tookMs, 0.999_999).delayMs);
}

test('a lost stream is tried again soon, and at once after one that held', (t) => {
  const patience = new Patience();
  t.deepEqual(pauses(patience, UNAVAILABLE, 4), [200, 400, 800, 1600]);
  t.deepEqual(pauses(patience, UNAVAILABLE, 2, 5000), [200, 200]);
});

test('a disabled agent tries again with pauses of up to a minute, and says so once', (t) => {
  const patience = new Patience();
  t.deepEqual(pauses(patience, AGENT_DISABLED, 6), [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  t.false(patience.wait(AGENT_DISABLED, 10, 0).isNews);
  // That the coordinator was away meanwhile does not make it news.
  t.true(patience.wait(UNAVAILABLE, 10, 0).isNews);
  t.false(patience.wait(AGENT_DISABLED, 10, 0).isNews);
  patience.attached();
  t.true(patience.wait(AGENT_DISABLED, 10, 0).isNews);
});

test('who lost its place to another waits longer each time, however long a stream held in between', (t) => {
  const patience = new Patience();
  const minute = 60_000;
  t.deepEqual(pauses(patience, SESSION_REPLACED, 8, 20 * minute), [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]); // oxfmt-ignore
  patience.attached();
  t.is(pauses(patience, SESSION_REPLACED, 1)[0], 600_000);
  t.is(pauses(patience, SESSION_REPLACED, 1, 60 * minute)[0], 10_000);
});
