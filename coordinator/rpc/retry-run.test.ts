// Which runs can be tried again. What such a run does is tested in dispatch/retry.test.ts.
import test from 'ava';
import { randomUUID } from 'node:crypto';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const task = { source: '/srv/a', destination: 'file:///srv/b' };

test('a run is not tried again when there is none, while one is going, or when nothing failed in it', async (t) => {
  const { client } = await runCoordinator(t);
  const [tasks, runs] = [client(TaskService), client(RunService)];
  await tasks.createTask({ task, taskId: 'a' });
  const refused = async (name: string) => {
    const { reasons, message } = await refusalOf(runs.retryRun({ name }));
    return `${reasons.join()}: ${message}`;
  };
  t.regex(await refused('tasks/a'), /^WRONG_STATE: .*tasks\/a was never run/);
  t.regex(await refused('tasks/a/runs/1'), /^NOT_FOUND: .*tasks\/a\/runs\/1/);
  t.regex(await refused('tasks/b/runs/1'), /^NOT_FOUND: .*tasks\/b/);
  t.regex(await refused('a'), /^INVALID_ARGUMENT: /);
  t.regex(await refused('tasks/a/runs/0'), /^INVALID_ARGUMENT: /);
  await tasks.runTask({ name: 'tasks/a' });
  t.regex(await refused('tasks/a/runs/1'), /^WRONG_STATE: .*tasks\/a\/runs\/1 is still going/);
  await tasks.cancelTask({ name: 'tasks/a' });
  for await (const { run } of tasks.watchTask({ name: 'tasks/a' })) t.truthy(run);
  for (const name of ['tasks/a/runs/1', 'tasks/a'])
    t.regex(await refused(name), /^WRONG_STATE: .*runs\/1 cannot be tried again: nothing failed/);
  const bad = await refusalOf(runs.retryRun({ name: 'tasks/a', requestId: 'x' }));
  t.deepEqual(bad.fields, ['request_id']);
  const requestId = randomUUID();
  t.deepEqual((await refusalOf(runs.retryRun({ name: 'tasks/a', requestId }))).reasons, [
    'WRONG_STATE',
  ]);
  t.is((await runs.listRuns({ parent: 'tasks/a' })).runs.length, 1, 'nothing was started');
});
