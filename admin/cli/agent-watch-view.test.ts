import test from 'ava';
import { AgentService, AgentState } from '../../gen/drover/v1/agent_pb.ts';
import { startTestCoordinator } from './test-coordinator.ts';

const { ONLINE, BUSY, NEEDS_ATTENTION } = AgentState;

test('a line is written for each agent, and another one only when there is news of it', async (t) => {
  await using coordinator = await startTestCoordinator((router) =>
    router.service(AgentService, {
      async *watchAgents() {
        const one = { name: 'agents/one', state: ONLINE, slots: 2 };
        yield { agent: one };
        yield { agent: { name: 'agents/two', state: ONLINE, slots: 4 } };
        yield { agent: { ...one, itemsPerSecond: 3 } };
        yield { agent: { ...one, state: BUSY, slotsUsed: 1 } };
        yield { agent: { ...one, state: BUSY, slotsUsed: 1, bytesPerSecond: 7n } };
        yield { agent: one };
        yield { agent: { ...one, state: NEEDS_ATTENTION, attentionMessage: 'no secret' } };
        yield { agent: { ...one, state: NEEDS_ATTENTION, attentionMessage: 'no certificate' } };
        yield { removedAgent: 'agents/one' };
        yield { agent: one };
      },
    }),
  );
  const { status, stdout } = await coordinator.drover(['agents', 'watch']);
  t.is(status, 0);
  t.deepEqual(stdout.split('\n'), [
    'NAME        STATE   SINCE  GROUP  USED  SLOTS  ATTENTION',
    'agents/one  online                   0      2',
    'agents/two  online                   0      4',
    'agents/one  busy                     1      2',
    'agents/one  online                   0      2',
    'agents/one  needs attention                   0      2  no secret',
    'agents/one  needs attention                   0      2  no certificate',
    'agents/one  removed',
    'agents/one  online                   0      2',
    '',
  ]);
  const json = await coordinator.drover(['agents', 'watch', '--output', 'json']);
  t.is(json.stdout.trim().split('\n').length, 10);
});
