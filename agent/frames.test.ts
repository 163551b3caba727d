// Whatever a coordinator sends, an agent goes on, and stays where it may be. `npm run fuzz` sends more of the same.
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { TaskSettingsSchema } from '../gen/drover/v1/settings_pb.ts';
import { runSettings } from './run/run-settings.ts';
import { pesterAgent } from './testing/pester-agent.ts';

test('nonsense from a coordinator makes the agent neither crash, nor stand still, nor leave its folders', async (t) => {
  t.timeout(180_000);
  const { problems, streams, answers } = await pesterAgent({ seed: 1, messages: 600 });
  t.deepEqual(problems, []);
  // It was no one-sided talk: there were streams that ended, and leases that were worked on.
  t.true(streams > 5, `${streams}`);
  for (const kind of ['batchDone', 'scanDone', 'scanPage', 'leaseReturn'])
    t.true((answers.get(kind) ?? 0) > 0, kind);
});

test('no thread is kept by more attempts than a task can have', (t) => {
  t.is(runSettings(create(TaskSettingsSchema, { maxAttempts: 2 ** 32 - 1 })).maxAttempts, 10);
});
