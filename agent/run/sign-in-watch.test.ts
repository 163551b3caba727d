import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { retryMsFirst, retryMsMax, SignInWatch, unreachableMsMax } from './sign-in-watch.ts';

const refused = new DroverError(ErrorReason.SIGN_IN_FAILED, 'the secret has expired');
const unreachable = new DroverError(ErrorReason.SIGN_IN_UNREACHABLE, 'nothing listens there');

/** A watch on a clock that goes from one timer to the next, with all that came of it. */
function makeWatch() {
  let nowMs = 0;
  let timer: { delayMs: number; callback: () => void } | undefined;
  const clock: Clock = {
    now: () => 0,
    steady: () => nowMs,
    after: (delayMs, callback) => {
      timer = { delayMs, callback };
      return () => (timer = undefined);
    },
  };
  const tries: boolean[] = [];
  const lines: string[] = [];
  const write = (...[, words]: unknown[]) => lines.push(String(words));
  const log = { info: (words: string) => lines.push(words), warn: write } as unknown as Logger;
  let next: () => void = () => {};
  const tryAgain = async (force: boolean) => {
    tries.push(force);
    next();
  };
  const watch = new SignInWatch({ tryAgain, clock, log });
  let changes = 0;
  watch.subscribe(() => (changes += 1));
  return {
    ...{ watch, tries, lines },
    changes: () => changes,
    /** What the next attempts come to. */
    onTry: (come: () => void) => (next = come),
    pass: (ms: number): void => void (nowMs += ms),
    isWaiting: () => timer !== undefined,
    /** Lets the pause end that is going; answers how long it was. */
    nextTry: async (): Promise<number> => {
      const { delayMs, callback } = timer!;
      timer = undefined;
      nowMs += delayMs;
      callback();
      await new Promise((resolve) => setImmediate(resolve));
      return delayMs;
    },
  };
}

test('a sign-in that is refused is tried again with growing pauses until it works', async (t) => {
  const { watch, tries, lines, changes, onTry, nextTry, isWaiting } = makeWatch();
  watch.worked('first');
  t.is(watch.trouble, undefined);
  watch.failed(refused);
  watch.failed(refused);
  const trouble = { reason: ErrorReason.SIGN_IN_FAILED, message: 'the secret has expired' };
  t.deepEqual(watch.trouble, trouble);
  t.is(changes(), 1);
  onTry(() => watch.failed(refused));
  const pauses: number[] = [];
  for (let count = 0; count < 8; count += 1) pauses.push(await nextTry());
  t.deepEqual(pauses.slice(0, 3), [retryMsFirst, 2 * retryMsFirst, 4 * retryMsFirst]);
  t.deepEqual(pauses.slice(-2), [retryMsMax, retryMsMax]);
  t.true(
    tries.every((force) => force),
    'a kept token would be no answer',
  );
  onTry(() => watch.worked('second'));
  await nextTry();
  t.is(watch.trouble, undefined);
  t.false(isWaiting());
  t.is(changes(), 2);
  t.deepEqual(lines, ['not signed in: the secret has expired', 'signed in again']);
  // The next trouble begins anew.
  watch.failed(refused);
  t.is(await nextTry(), retryMsFirst);
});

test('a token that was there before does not say that the sign-in works', (t) => {
  const { watch } = makeWatch();
  watch.worked('first');
  watch.failed(refused);
  watch.worked('first');
  t.truthy(watch.trouble);
  watch.worked('second');
  t.is(watch.trouble, undefined);
});

test('a service that is out of reach is waited for where work is going on, and not at the start', (t) => {
  const started = makeWatch();
  started.watch.failed(unreachable);
  t.is(started.watch.trouble?.reason, ErrorReason.SIGN_IN_UNREACHABLE);

  const { watch, pass } = makeWatch();
  watch.worked('first');
  watch.failed(unreachable);
  pass(unreachableMsMax - 1);
  watch.failed(unreachable);
  t.is(watch.trouble, undefined);
  pass(3 * unreachableMsMax);
  watch.failed(unreachable);
  t.is(watch.trouble, undefined, 'that was another time');
  pass(unreachableMsMax);
  watch.failed(unreachable);
  t.is(watch.trouble?.reason, ErrorReason.SIGN_IN_UNREACHABLE);
});

test('what is no failure of the sign-in is no trouble, and nothing is after the end', (t) => {
  const { watch, isWaiting } = makeWatch();
  watch.failed(new DroverError(ErrorReason.CANCELLED, 'stopped'));
  t.is(watch.trouble, undefined);
  watch.close();
  watch.failed(refused);
  t.is(watch.trouble, undefined);
  t.false(isWaiting());
});

test('what it is signed in with is another one: it is tried at once, and then with growing pauses again', async (t) => {
  const { watch, tries, onTry, nextTry, isWaiting } = makeWatch();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  watch.worked('first');
  // While all is well, nothing is tried, also not at the beginning of a trouble that comes later.
  watch.hurry();
  watch.failed(refused);
  await settled();
  t.is(tries.length, 0);
  onTry(() => watch.failed(refused));
  for (let count = 0; count < 4; count += 1) await nextTry();
  watch.hurry();
  watch.hurry();
  await settled();
  t.is(tries.length, 5);
  t.is(await nextTry(), retryMsFirst);
  t.is(await nextTry(), 2 * retryMsFirst);
  onTry(() => watch.worked('second'));
  watch.hurry();
  await settled();
  t.is(watch.trouble, undefined);
  t.false(isWaiting());
});
