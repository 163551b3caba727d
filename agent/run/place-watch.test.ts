import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { createLog } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { lookedAtMsMax, lookMsFirst, lookMsMax, sameTroubleMs, PlaceWatch } from './place-watch.ts';

const gone = { reason: ErrorReason.SOURCE_NOT_FOUND, message: 'it is not there' };

/** A watch on a clock that goes from one look to the next. */
function makeWatch() {
  let nowMs = 0;
  const timers: { delayMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => 0,
    steady: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { delayMs, callback };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
  };
  const there = new Set<string>();
  const look = async (source: string) => {
    if (!there.has(source)) throw new Error('still not there');
  };
  const watch = new PlaceWatch({ look, clock, log: createLog('agent', 'silent') });
  const told: (readonly string[] | undefined)[] = [];
  watch.subscribe(() => told.push(watch.trouble?.places));
  return {
    ...{ watch, there, told, timers },
    pass: (ms: number): void => void (nowMs += ms),
    /** Lets the first pause end; answers how long it was. */
    nextLook: async (): Promise<number> => {
      const { delayMs, callback } = timers.shift()!;
      nowMs += delayMs;
      callback();
      await new Promise((resolve) => setImmediate(resolve));
      return delayMs;
    },
  };
}

test('a source that cannot be read is looked at with growing pauses until it can', async (t) => {
  const { watch, there, told, timers, nextLook } = makeWatch();
  t.is(watch.trouble, undefined);
  watch.note('/a', gone);
  watch.note('/a', { ...gone, message: 'and again' });
  t.deepEqual(watch.trouble, { ...gone, places: ['/a'] });
  for (let waitMs = lookMsFirst; waitMs < lookMsMax; waitMs *= 2) t.is(await nextLook(), waitMs);
  t.is(await nextLook(), lookMsMax);
  there.add('/a');
  t.is(await nextLook(), lookMsMax);
  t.is(watch.trouble, undefined);
  t.deepEqual(told, [['/a'], undefined]);
  t.is(timers.length, 0);
});

test('several are told in one, and each is looked at by itself', async (t) => {
  const { watch, there, told, nextLook } = makeWatch();
  watch.note('/b', gone);
  watch.note('/a', { ...gone, message: 'nor that' });
  t.deepEqual(watch.trouble, { reason: gone.reason, message: 'it is not there; nor that', places: ['/a', '/b'] }); // oxfmt-ignore
  there.add('/b');
  await nextLook();
  t.deepEqual(told.at(-1), ['/a']);
});

test('one that is lost again as soon as it is back is looked at ever less often, after a while as at first', async (t) => {
  const { watch, there, pass, nextLook } = makeWatch();
  there.add('/a');
  watch.note('/a', gone);
  t.is(await nextLook(), lookMsFirst);
  watch.note('/a', gone);
  t.is(await nextLook(), 2 * lookMsFirst);
  watch.note('/a', gone);
  t.is(await nextLook(), 4 * lookMsFirst);
  watch.note('/a', undefined);
  watch.note('/a', gone);
  t.is(await nextLook(), lookMsFirst, 'work was done');
  pass(sameTroubleMs);
  watch.note('/a', gone);
  t.is(await nextLook(), lookMsFirst);
});

test('nothing is looked at after the end', (t) => {
  const { watch, told, timers } = makeWatch();
  watch.note('/a', gone);
  watch.close();
  t.is(timers.length, 0);
  watch.note('/b', gone);
  t.deepEqual(told, [['/a']]);
});

test('one that is not back for long is looked at no longer, until work needs it again', async (t) => {
  const { watch, told, timers, nextLook } = makeWatch();
  watch.note('/a', gone);
  for (let waitedMs = 0; timers.length > 0;) {
    t.true(waitedMs < lookedAtMsMax);
    waitedMs += await nextLook();
  }
  t.is(watch.trouble, undefined);
  watch.note('/a', gone);
  t.is(await nextLook(), lookMsMax, 'as if it had never been back');
  t.deepEqual(told, [['/a'], undefined, ['/a']]);
});
