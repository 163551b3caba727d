import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { FilterPreviewState, type FilterPreview } from '../../gen/drover/v1/filter_pb.ts';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { previewSilenceMs, previewsMax } from './filter-previews.ts';
import { openHarness, type Harness } from './testing/harness.ts';
import type { ScriptedAgent } from './testing/scripted-agent.ts';

const { RUNNING, COMPLETE } = FilterPreviewState;
const wanted = {
  source: '/srv/share',
  settings: create(TaskSettingsSchema, { manifest: '/srv/share/list.txt' }),
  group: '',
  samplesMax: 5,
  itemsMax: 10n,
  timeMaxMs: 1500,
};

/** Asks, and collects what comes; `outcome` is the end, or why there was none. */
function ask(harness: Harness, more: Partial<typeof wanted> = {}) {
  const found: FilterPreview[] = [];
  const gone = new AbortController();
  const collect = async (): Promise<unknown> => {
    const previews = harness.dispatcher.previewFilters({ ...wanted, ...more }, gone.signal);
    try {
      for await (const preview of previews) found.push(preview);
      return 'ended';
    } catch (thrown) {
      return thrown;
    }
  };
  return { found, gone, outcome: collect() };
}

function say(agent: ScriptedAgent, preview: string, state: FilterPreviewState, items = 1n): void {
  const found = { state, scannedItems: items };
  agent.push({ case: 'filterPreviewProgress', value: { preview, found } });
}

async function refusal({ outcome }: ReturnType<typeof ask>): Promise<DroverError> {
  const error = await outcome;
  if (error instanceof DroverError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

test('an agent that can read the source looks, and what it says is passed on until it is done', async (t) => {
  const harness = await openHarness(t);
  await harness.attach('elsewhere', { sourceRoots: ['/other'] });
  const agent = await harness.attach('one', { sourceRoots: ['/srv'] });
  const timers = harness.clock.timers;
  const asked = ask(harness);
  await harness.idle();
  const start = agent.take('filterPreviewStart');
  t.like(start, { source: '/srv/share', samplesMax: 5, itemsMax: 10n });
  t.like(start.timeMax, { seconds: 1n, nanos: 500_000_000 });
  t.is(start.settings?.manifest, '/srv/share/list.txt');
  say(agent, start.preview, RUNNING);
  await harness.idle();
  say(agent, start.preview, COMPLETE, 2n);
  t.is(await asked.outcome, 'ended');
  const told = asked.found.map((one) => [one.agent, one.state, one.scannedItems]);
  t.deepEqual(told, [
    ['agents/one', RUNNING, 1n],
    ['agents/one', COMPLETE, 2n],
  ]);
  t.deepEqual(agent.all('filterPreviewStop'), []);
  t.is(harness.clock.timers, timers, 'no timer is left');
});

test('when nobody listens any more, the agent is told to stop', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const asked = ask(harness);
  await harness.idle();
  const { preview } = agent.take('filterPreviewStart');
  asked.gone.abort(new Error('gone'));
  t.like(await asked.outcome, { message: 'gone' });
  await harness.idle();
  t.is(agent.take('filterPreviewStop').preview, preview);
  say(agent, preview, COMPLETE);
  await harness.idle();
  t.false(agent.ended, 'what is said late is ignored');
});

test('an agent that says nothing, goes away or refuses is told of', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const silent = ask(harness);
  for (let passedMs = 0; passedMs < previewSilenceMs; passedMs += 5000) {
    agent.beat();
    await harness.advance(5000);
  }
  t.regex((await refusal(silent)).message, /agents\/one says nothing/);
  t.truthy(agent.take('filterPreviewStop'));
  const refused = ask(harness);
  await harness.idle();
  agent.take('filterPreviewStart');
  const { preview } = agent.all('filterPreviewStart').at(-1)!;
  const reason = ErrorReason.SOURCE_NOT_FOUND;
  agent.push({
    case: 'filterPreviewProgress',
    value: { preview, reason, message: 'no such folder' },
  });
  const error = await refusal(refused);
  t.is(error.reason, reason);
  t.is(error.message, 'agents/one cannot look at "/srv/share": no such folder');
  const left = ask(harness);
  await harness.idle();
  agent.vanish();
  t.regex((await refusal(left)).message, /agents\/one went away while it looked/);
});

test('an agent tries the filters of one at a time, and who cannot read the source of none', async (t) => {
  const harness = await openHarness(t);
  t.is((await refusal(ask(harness))).reason, ErrorReason.SOURCE_UNSUPPORTED);
  const one = await harness.attach('one', { group: 'north' });
  const first = ask(harness);
  await harness.idle();
  t.regex((await refusal(ask(harness))).message, /tries filters already/);
  t.regex(
    (await refusal(ask(harness, { group: 'south' }))).message,
    /of the group "south" can read/,
  );
  const { preview } = one.take('filterPreviewStart');
  say(one, preview, COMPLETE);
  t.is(await first.outcome, 'ended');
  const again = ask(harness);
  await harness.idle();
  say(one, one.all('filterPreviewStart').at(-1)!.preview, COMPLETE);
  t.is(await again.outcome, 'ended');
});

test('there are only so many previews at once, and none when the coordinator stops', async (t) => {
  const harness = await openHarness(t);
  for (let number = 0; number <= previewsMax; number += 1) await harness.attach(`a${number}`);
  const asked = Array.from({ length: previewsMax }, () => ask(harness));
  await harness.idle();
  t.regex((await refusal(ask(harness))).message, /too many filters/);
  await harness.dispatcher.close();
  for (const one of asked) t.regex((await refusal(one)).message, /coordinator is stopping/);
});
