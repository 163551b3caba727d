import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  AttachRequestSchema,
  type AttachRequest,
  type LocationCheck,
} from '../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { DroverError } from '../../lib/error.ts';
import { checkTimeoutMs, checksMax } from './location-checks.ts';
import { openHarness, type Harness } from './testing/harness.ts';
import type { ScriptedAgent } from './testing/scripted-agent.ts';

const destination = 'https://contoso.sharepoint.com/sites/hr/Shared Documents';
const online = { locationKinds: ['file', 'sharepoint'] };

/** Asks, and takes the outcome as a value; `check` is also settled when nobody looks at it yet. */
function ask(harness: Harness, to = destination, signal?: AbortSignal) {
  const check = harness.dispatcher.checkDestination(to, { signal });
  const outcome = check.then(
    ({ agent }) => agent,
    (thrown: unknown) => thrown,
  );
  return { check, outcome };
}

/** The refusal; fails when the check was not refused. */
async function refusal({ outcome }: ReturnType<typeof ask>): Promise<DroverError> {
  const error = await outcome;
  if (error instanceof DroverError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

function answer(
  agent: ScriptedAgent,
  { check }: LocationCheck,
  reason: ErrorReason = ErrorReason.UNSPECIFIED,
  message = '',
): void {
  agent.push({ case: 'locationCheckDone', value: { check, reason, message } });
}

test('an agent with a sign-in looks at the destination', async (t) => {
  const harness = await openHarness(t);
  const files = await harness.attach('files', { slots: 9 });
  const agent = await harness.attach('one', online);
  const timers = harness.clock.timers;
  const asked = ask(harness);
  await harness.idle();
  const request = agent.take('locationCheck');
  t.is(request.destination, destination);
  answer(agent, request);
  t.is(await asked.outcome, 'one');
  t.deepEqual(files.news('locationCheck'), []);
  t.is(harness.clock.timers, timers, 'its timer is gone');
});

test('a refusal keeps the reason and the words of the agent', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', online);
  const asked = ask(harness);
  await harness.idle();
  const { DESTINATION_NOT_FOUND } = ErrorReason;
  answer(agent, agent.take('locationCheck'), DESTINATION_NOT_FOUND, 'there is no library "Docs"');
  const error = await refusal(asked);
  t.is(error.reason, DESTINATION_NOT_FOUND);
  t.true(error.message.includes(destination));
  t.true(error.message.includes('agents/one cannot use it: there is no library "Docs"'));
  t.is(error.violations[0]?.field, 'task.destination');
  t.deepEqual(error.metadata, { destination, agent: 'agents/one' });
});

test('a reason that is not known here still arrives with its words', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', online);
  const asked = ask(harness);
  await harness.idle();
  answer(agent, agent.take('locationCheck'), 9999 as ErrorReason, 'the moon is full');
  const error = await refusal(asked);
  t.is(error.reason, ErrorReason.DESTINATION_UNREACHABLE);
  t.true(error.message.includes('the moon is full'));
});

test('an agent that does not answer in time is named, and its late answer is ignored', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', online);
  const asked = ask(harness);
  for (let passedMs = 0; passedMs < checkTimeoutMs - 5_000; passedMs += 5_000) {
    agent.beat();
    await harness.advance(5_000);
  }
  t.is(await Promise.race([asked.outcome, Promise.resolve('waiting')]), 'waiting');
  agent.beat();
  await harness.advance(5_000);
  const error = await refusal(asked);
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.regex(error.message, /agents\/one did not say within 50 s/);
  answer(agent, agent.take('locationCheck'));
  await harness.idle();
  t.false(agent.ended, 'the session goes on');
  const again = ask(harness);
  await harness.idle();
  answer(agent, agent.take('locationCheck'));
  t.is(await again.outcome, 'one');
});

test('when an agent goes away, the next one is asked', async (t) => {
  const harness = await openHarness(t);
  const agents = [await harness.attach('one', online), await harness.attach('two', online)];
  const asked = ask(harness);
  await harness.idle();
  const first = agents.find((agent) => agent.all('locationCheck').length > 0)!;
  const second = agents.find((agent) => agent !== first)!;
  t.deepEqual(second.all('locationCheck'), []);
  first.vanish();
  await harness.idle();
  const [before, after] = [first.take('locationCheck'), second.take('locationCheck')];
  t.not(before.check, after.check);
  answer(second, after);
  t.is(await asked.outcome, second.name);
});

test('an agent that comes back at once is asked again', async (t) => {
  const harness = await openHarness(t);
  const lost = await harness.attach('one', online);
  const asked = ask(harness);
  await harness.idle();
  const back = await harness.attach('one', online);
  t.true(lost.ended);
  answer(back, lost.take('locationCheck'), ErrorReason.DESTINATION_BUSY, 'an answer of before');
  answer(back, back.take('locationCheck'));
  t.is(await asked.outcome, 'one');
});

test('when the only agent goes away, the caller may try again', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', online);
  const asked = ask(harness);
  await harness.idle();
  agent.vanish();
  const error = await refusal(asked);
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.regex(error.message, /agents\/one went away/);
});

test('without an agent that has a sign-in it is said how to give one', async (t) => {
  const harness = await openHarness(t);
  for (const attach of [undefined, 'files']) {
    if (attach !== undefined) await harness.attach(attach);
    const error = await refusal(ask(harness));
    t.is(error.reason, ErrorReason.DESTINATION_UNSUPPORTED);
    t.regex(
      error.message,
      /no connected agent has a sign-in for SharePoint.*--tenant.*--client-id/,
    );
    t.is(error.violations[0]?.field, 'task.destination');
  }
});

test('an agent that is draining is not asked', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { ...online, draining: true });
  const error = await refusal(ask(harness));
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.regex(error.message, /draining/);
  t.deepEqual(agent.all('locationCheck'), []);
});

test('only an agent of the group looks, and only when it takes work', async (t) => {
  const harness = await openHarness(t);
  const [north, south] = [
    await harness.attach('one', { ...online, group: 'north' }),
    await harness.attach('two', { ...online, group: 'south' }),
  ];
  const check = harness.dispatcher.checkDestination(destination, { group: 'south' });
  await harness.idle();
  answer(south, south.take('locationCheck'));
  t.deepEqual(await check, { agent: 'two' });
  t.deepEqual(north.all('locationCheck'), []);

  harness.dispatcher.setAvailability('two', AgentAvailability.DISABLED);
  await t.throwsAsync(harness.dispatcher.checkDestination(destination, { group: 'south' }), {
    message: /every agent of the group "south" with a sign-in .* draining or disabled/,
  });
  await t.throwsAsync(harness.dispatcher.checkDestination(destination, { group: 'west' }), {
    message: /no connected agent of the group "west" .* drover-agent --group west --tenant/,
  });
  t.deepEqual(north.all('locationCheck'), []);
});

test('many checks are spread over the agents and bounded', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', online);
  const two = await harness.attach('two', online);
  const places = Array.from({ length: checksMax }, (_, index) => `${destination}/${index}`);
  const asked = places.map((place) => ask(harness, place));
  const beyond = await refusal(ask(harness));
  t.is(beyond.reason, ErrorReason.UNAVAILABLE);
  t.regex(beyond.message, /too many/);
  await harness.idle();
  const requests = [one, two].map((agent) => agent.news('locationCheck'));
  t.deepEqual(
    requests.map(({ length }) => length),
    [checksMax / 2, checksMax / 2],
  );
  t.is(new Set(requests.flat().map(({ check }) => check)).size, checksMax);
  // Answered backwards: each asker gets the answer to its own question.
  for (const [index, agent] of [one, two].entries())
    for (const request of requests[index]!.toReversed())
      answer(agent, request, ErrorReason.DESTINATION_NOT_FOUND, request.destination);
  for (const [index, each] of asked.entries())
    t.true((await refusal(each)).message.endsWith(`cannot use it: ${places[index]}`));
  const next = ask(harness);
  await harness.idle();
  answer(one, one.take('locationCheck'));
  t.is(await next.outcome, 'one');
});

test('answers to unknown checks, and by agents that were not asked, are ignored', async (t) => {
  const harness = await openHarness(t);
  const agents = [await harness.attach('one', online), await harness.attach('two', online)];
  const asked = ask(harness);
  await harness.idle();
  const right = agents.find((agent) => agent.all('locationCheck').length > 0)!;
  const wrong = agents.find((agent) => agent !== right)!;
  const request = right.take('locationCheck');
  answer(wrong, request, ErrorReason.DESTINATION_NOT_FOUND, 'not asked');
  answer(right, { ...request, check: 'unknown' }, ErrorReason.DESTINATION_NOT_FOUND, 'unknown');
  await harness.idle();
  answer(right, request);
  t.is(await asked.outcome, right.name);
  t.false(wrong.ended);
});

test('a check ends with its caller, and with the coordinator', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', online);
  const abort = new AbortController();
  const left = ask(harness, destination, abort.signal);
  const stopped = ask(harness);
  await harness.idle();
  const timers = harness.clock.timers;
  abort.abort(new Error('the caller has left'));
  t.like(await left.outcome, { message: 'the caller has left' });
  t.is(harness.clock.timers, timers - 1);
  const never = ask(harness, destination, abort.signal);
  t.like(await never.outcome, { message: 'the caller has left' });
  t.is(agent.all('locationCheck').length, 2);
  await harness.dispatcher.close();
  const error = await refusal(stopped);
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.regex(error.message, /the coordinator is stopping/);
  t.regex((await refusal(ask(harness))).message, /the coordinator is stopping/);
});

test('an agent that reads nothing is cut off, and the next one is asked', async (t) => {
  const harness = await openHarness(t);
  const frames = new AsyncQueue<AttachRequest>(1);
  const hello = { slots: 1, ...online };
  frames.push(create(AttachRequestSchema, { frame: { case: 'hello', value: hello } }));
  const stream = harness.dispatcher.attach('deaf', frames, new AbortController().signal);
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  t.teardown(() => reader.return?.());
  let left = 0;
  for (; left < 5_000; left += 1) {
    const abort = new AbortController();
    const asked = ask(harness, destination, abort.signal);
    abort.abort(new Error('the caller has left'));
    if ((await asked.outcome) instanceof DroverError) break;
  }
  t.true(left < 5_000, 'it is cut off');
  const second = await harness.attach('two', online);
  const asked = ask(harness);
  await harness.idle();
  answer(second, second.take('locationCheck'));
  t.is(await asked.outcome, 'two');
});
