import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { TaskService, WatchTaskResponseSchema } from '../../gen/drover/v1/task_pb.ts';
import type { Output } from './output.ts';
import { startTestCoordinator } from './test-coordinator.ts';

type Step = MessageInitShape<typeof WatchTaskResponseSchema>;

function step(state: RunState, succeededItems: bigint, failedItems = 0n): Step {
  const progress = {
    scanComplete: true,
    scannedItems: 4n,
    plannedItems: 4n,
    succeededItems,
    failedItems,
  };
  return { task: { name: 'tasks/a' }, run: { name: 'tasks/a/runs/1', state, progress } };
}

const watching = (steps: Step[]) =>
  startTestCoordinator((router) =>
    router.service(TaskService, {
      async *watchTask({ name }) {
        if (name !== 'tasks/a') throw new Error(name);
        for (const one of steps) yield create(WatchTaskResponseSchema, one);
      },
    }),
  );

const words = ['tasks', 'watch', 'a'];

const ends: [state: RunState, failed: bigint, status: number][] = [
  [RunState.SUCCEEDED, 0n, 0],
  [RunState.SUCCEEDED_WITH_FAILURES, 1n, 1],
  [RunState.FAILED, 0n, 1],
  [RunState.CANCELLED, 0n, 1],
];
for (const [state, failed, status] of ends)
  test(`a run that ends with state ${state} gives status ${status}, in every format`, async (t) => {
    await using coordinator = await watching([step(RunState.RUNNING, 1n), step(state, 3n, failed)]);
    const lines = await coordinator.drover(words);
    t.is(lines.status, status);
    t.is(lines.stdout.includes('drover items list tasks/a/runs/1 --state failed'), failed > 0n);
    const json = await coordinator.drover([...words, '--output', 'json']);
    t.is(json.status, status);
    t.is(json.stdout.trim().split('\n').length, 2);
  });

test('lines are not printed more often than each second, but the last one is', async (t) => {
  const counts = [0n, 1n, 2n, 3n];
  const steps = [
    ...counts.map((count) => step(RunState.RUNNING, count)),
    step(RunState.SUCCEEDED, 4n),
  ];
  await using coordinator = await watching(steps);
  // Each message arrives 400 ms after the one before.
  let nowMs = 0;
  const clock = { now: () => nowMs, steady: () => (nowMs += 400), after: () => () => {} };
  const { stdout } = await coordinator.drover(words, { clock });
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => /(\d) of 4 items/.exec(line)?.[1]),
    ['0', '3', '4'],
  );
});

test('on a terminal the view is drawn over itself', async (t) => {
  await using coordinator = await watching([
    step(RunState.RUNNING, 1n),
    step(RunState.SUCCEEDED, 4n),
  ]);
  const screen: string[] = [];
  const stdout: Output = {
    isTerminal: true,
    columns: 60,
    write: (text: string) => {
      screen.push(text);
      return Promise.resolve();
    },
  };
  t.is((await coordinator.drover(words, { stdout })).status, 0);
  t.is(screen.length, 2);
  const firstLines = screen[0]!.split('\n').length - 1;
  t.true(screen[1]!.startsWith(`\x1b[${firstLines}A\r\x1b[J`));
  t.true(screen[1]!.includes('100%'));
});

test('a task that was never run', async (t) => {
  await using coordinator = await watching([{ task: { name: 'tasks/a' } }]);
  const { status, stdout } = await coordinator.drover(words);
  t.is(status, 5);
  t.is(stdout, 'tasks/a has not been run\nRun it with: drover tasks run tasks/a\n');
});
