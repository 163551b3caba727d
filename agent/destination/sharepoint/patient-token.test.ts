import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import type { Clock } from '../../../lib/time.ts';
import { patientToken } from './patient-token.ts';

/** A clock on which every wait is over at once. */
function fastClock(): Clock {
  let nowMs = 0;
  return {
    now: () => 0,
    steady: () => nowMs,
    after: (delayMs, callback) => {
      nowMs += delayMs;
      queueMicrotask(callback);
      return () => undefined;
    },
  };
}

function failing(reason: ErrorReason, times: number) {
  const calls = { count: 0 };
  const getToken = () => {
    calls.count += 1;
    return calls.count > times
      ? Promise.resolve('token')
      : Promise.reject(new DroverError(reason, 'the words of the sign-in'));
  };
  return { calls, getToken };
}

const parts = () => ({
  clock: fastClock(),
  log: () => undefined,
  signal: new AbortController().signal,
});

test('a sign-in service that is out of reach is asked again', async (t) => {
  const { calls, getToken } = failing(ErrorReason.SIGN_IN_UNREACHABLE, 5);
  t.is(await patientToken({ ...parts(), getToken })(false), 'token');
  t.is(calls.count, 6);
});

test('one that stays out of reach is given up after ten minutes, with its words', async (t) => {
  const { getToken } = failing(ErrorReason.SIGN_IN_UNREACHABLE, Infinity);
  const given = parts();
  await t.throwsAsync(patientToken({ ...given, getToken })(false), { message: /the words/ });
  const minutes = given.clock.steady() / 60_000;
  t.true(minutes > 10 && minutes < 11.5, `${minutes} minutes`);
});

test('a refusal is not asked again', async (t) => {
  const { calls, getToken } = failing(ErrorReason.SIGN_IN_FAILED, 1);
  await t.throwsAsync(patientToken({ ...parts(), getToken })(false), { message: /the words/ });
  t.is(calls.count, 1);
});

test('work that is to stop does not wait for it', async (t) => {
  const stop = new AbortController();
  const { getToken } = failing(ErrorReason.SIGN_IN_UNREACHABLE, Infinity);
  const clock: Clock = { now: () => 0, steady: () => 0, after: () => () => undefined };
  const asked = patientToken({ ...parts(), clock, signal: stop.signal, getToken })(false);
  stop.abort(new Error('stopped'));
  await t.throwsAsync(asked, { message: 'stopped' });
});
