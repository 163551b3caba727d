import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import path from 'node:path';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { createLog } from '../../lib/log.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { openLevelStore } from '../store/level-store.ts';
import { keepLastSeen } from './last-seen.ts';
import { temporaryFolder } from './testing/running-coordinator.ts';

test('it is written down every minute which agents are there, in one commit', async (t) => {
  await using store = await openLevelStore(path.join(temporaryFolder(t), 'store'));
  const clock = new ManualClock();
  const attached = ['a', 'b'];
  const liveAgent = () => ({ ...live, lastSeenTimeMs: clock.now() - 5 });
  await store.commit((transaction) => {
    for (const id of ['a', 'b', 'c']) transaction.putAgent(id, create(AgentRowSchema, { agent: { name: `agents/${id}` } })); // oxfmt-ignore
  });
  const dispatcher = { attachedAgents: () => [...attached, 'removed'], liveAgent };
  const stop = keepLastSeen({ store, dispatcher, clock, log: createLog('test', 'silent') });
  clock.advance(59_999);
  clock.advance(1);
  // A commit comes after those before it.
  await store.commit(() => undefined);
  const seen = timestampFromMs(clock.now() - 5);
  for (const id of attached) t.deepEqual((await store.agent(id))?.agent?.lastSeenTime, seen);
  t.is((await store.agent('c'))?.agent?.lastSeenTime, undefined);
  t.is(await store.agent('removed'), undefined);
  await stop();
  t.is(clock.timers, 0);
});

const live = {
  draining: false,
  slotsUsed: 0,
  version: '1',
  platform: 'linux/x64',
  slots: 3,
  locationKinds: [],
  group: 'default',
  sourceRoots: [],
  attention: undefined,
  unknownSettings: [],
  itemsPerSecond: 0,
  bytesPerSecond: 0,
  attachTimeMs: 500,
};
