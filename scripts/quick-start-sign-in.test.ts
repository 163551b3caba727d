// How long a person has to sign in, with time that is moved by hand, and what is not waited for.
import test from 'ava';
import { ErrorReason, ErrorReasonSchema } from '../gen/drover/v1/error_pb.ts';
import { DroverError } from '../lib/error.ts';
import type { Service } from './quick-start-service.ts';
import { waitForSignIn } from './quick-start-sign-in.ts';

const { SIGN_IN_FAILED, DESTINATION_BUSY, DESTINATION_NOT_FOUND } = ErrorReason;
const signIn = { tenant: 'contoso.com', clientId: 'id' };
const person: Service = { kind: 'tenant', signIn };

/** A look at the destination: how long it took, and what it ended with when it was refused. */
type Look = [seconds: number, refusal?: ErrorReason];
/** As an agent answers while nobody has typed the code. */
const unanswered: Look = [40, SIGN_IN_FAILED];

/** What comes of the looks, of which the last is repeated; and how many there were. */
async function wait(
  looks: Look[],
  { service = person, signal = new AbortController().signal } = {},
) {
  const ahead = [...looks];
  let nowMs = 0;
  let [made, late] = [0, 0];
  const look = async () => {
    const [seconds, refusal] = ahead.length > 1 ? ahead.shift()! : ahead[0]!;
    made += 1;
    nowMs += seconds * 1000;
    if (refusal !== undefined) throw new DroverError(refusal, 'no');
    return 'signed in';
  };
  const clock = { steady: () => nowMs };
  const waiting = { service, clock, signal, onLate: () => (late += 1) };
  const outcome = await waitForSignIn(waiting, look).catch((error: DroverError) => error.reason);
  return { outcome, made, late, minutes: nowMs / 60_000 };
}

test('a person who needs minutes to sign in is waited for', async (t) => {
  const slow = await wait([unanswered, unanswered, unanswered, [10]]);
  t.like(slow, { outcome: 'signed in', made: 4, late: 3 });
  // Who signed in at the last moment left the rest of the look no time.
  t.like(await wait([unanswered, [40, DESTINATION_BUSY], [3]]), { outcome: 'signed in', made: 3 });
});

test('nobody is waited for longer than a code is good for', async (t) => {
  const { outcome, minutes } = await wait([unanswered]);
  t.is(outcome, SIGN_IN_FAILED);
  t.true(minutes > 15 && minutes < 16, `${minutes} minutes`);
});

test('a refusal is none of a slow person: it comes before a look is over', async (t) => {
  for (const seconds of [0.1, 31, 39])
    for (const reason of [SIGN_IN_FAILED, DESTINATION_BUSY, DESTINATION_NOT_FOUND]) {
      const words = `${ErrorReasonSchema.value[reason]!.name} after ${seconds} s`;
      t.like(await wait([[seconds, reason]]), { outcome: reason, made: 1, late: 0 }, words);
      t.like(await wait([unanswered, [seconds, reason]]), { outcome: reason, made: 2 }, words);
    }
  t.like(await wait([[41, DESTINATION_NOT_FOUND]]), { outcome: DESTINATION_NOT_FOUND, made: 1 });
});

test('where no person signs in, and once somebody stops it, nothing is waited for', async (t) => {
  const secret: Service = { kind: 'tenant', signIn: { ...signIn, clientSecret: 'x' } };
  for (const service of [secret, { kind: 'emulator' }, { kind: 'folder' }] as const)
    t.like(await wait([unanswered], { service }), { outcome: SIGN_IN_FAILED, made: 1 });
  t.is((await wait([unanswered], { signal: AbortSignal.abort() })).made, 1);
});
