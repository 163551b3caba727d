// Who gets which readiness. What is in it is tested in dispatch/readiness.test.ts.
import test from 'ava';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { ReadinessIssueKind, ReadinessStatus } from '../../gen/drover/v1/readiness_pb.ts';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { encodePage } from '../dispatch/testing/scripted-agent.ts';
import { attach } from './testing/attached-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

test('the readiness of a run, and of a task that of its latest run that has one', async (t) => {
  const running = await runCoordinator(t);
  const [tasks, runs] = [running.client(TaskService), running.client(RunService)];
  const { identity } = await running.join('scanner');
  const agent = await attach(running, identity);
  await tasks.createTask({ task: { source: '/srv/a', destination: 'file:///srv/b' }, taskId: 'a' });
  const refused = async (name: string) => {
    const { reasons, message } = await refusalOf(runs.getReadiness({ name }));
    return `${reasons.join()}: ${message}`;
  };
  t.regex(
    await refused('tasks/a'),
    /^WRONG_STATE: .*tasks\/a has no run .*drover runs plan tasks\/a/,
  );
  t.regex(await refused('tasks/b'), /^NOT_FOUND: .*tasks\/b/);
  t.regex(await refused('tasks/a/runs/1'), /^NOT_FOUND: .*tasks\/a\/runs\/1/);
  for (const name of ['a', 'tasks/a/runs', 'tasks/a/runs/x', 'runs/1', 'tasks/a/runs/1/2', ''])
    t.regex(
      await refused(name),
      /^INVALID_ARGUMENT: .*is neither a run's name, .* nor that of a task/,
    );
  await runs.planRun({ name: 'tasks/a' });
  t.is((await runs.getReadiness({ name: 'tasks/a' })).readiness!.files, 0n, 'nothing yet');
  const { key } = await agent.next('scanLease');
  const items = encodePage([{ path: 'a', kind: ItemKind.FOLDER }, { path: 'a/b', size: 5n }, { path: 'l', kind: ItemKind.SYMBOLIC_LINK }]); // oxfmt-ignore
  agent.send({ case: 'scanPage', value: { key: key!, page: 1n, items } });
  agent.send({ case: 'scanDone', value: { key: key!, pages: 1n } });
  for await (const { run } of tasks.watchTask({ name: 'tasks/a' })) t.truthy(run);
  const { readiness } = await runs.getReadiness({ name: 'tasks/a/runs/1' });
  t.like(readiness, { run: 'tasks/a/runs/1', status: ReadinessStatus.WARNINGS, scanComplete: true, files: 1n, folders: 1n }); // oxfmt-ignore
  t.like(readiness!.ready, { items: 2n, bytes: 5n });
  t.deepEqual(readiness!.issues.map(({ kind }) => kind), [ReadinessIssueKind.LEFT_OUT, ReadinessIssueKind.READING_NOT_TRIED]); // oxfmt-ignore
  await tasks.runTask({ name: 'tasks/a' });
  t.regex(await refused('tasks/a/runs/2'), /^WRONG_STATE: .*runs\/2 has no readiness: it migrates/);
  t.deepEqual((await runs.getReadiness({ name: 'tasks/a' })).readiness, readiness);
  await agent.leave();
});
