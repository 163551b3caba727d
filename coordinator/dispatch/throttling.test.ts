import test from 'ava';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Throttling } from './throttling.ts';

test('what an agent says is counted once, over sessions and when it is started again', (t) => {
  const throttling = new Throttling();
  const note = (requests: number, waitMs: number) =>
    throttling.note({
      throttledRequests: BigInt(requests),
      ...(waitMs === 0 ? {} : { throttleWait: durationFromMs(waitMs) }),
    });
  t.deepEqual(note(7, 9000), { requests: 0, waitMs: 0 });
  t.deepEqual(note(7, 9500), { requests: 0, waitMs: 500 });
  t.deepEqual(note(10, 12_000), { requests: 3, waitMs: 2500 });
  t.deepEqual(note(0, 0), { requests: 0, waitMs: 0 });
  t.deepEqual(note(2, 100), { requests: 2, waitMs: 100 });
});
