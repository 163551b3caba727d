// Runs that begin by themselves, in a real coordinator with an agent that finds what the test says.
import test, { type ExecutionContext } from 'ava';
import { setImmediate } from 'node:timers/promises';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { RunService, RunState, type Run } from '../../gen/drover/v1/run_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { encodePage } from '../dispatch/testing/scripted-agent.ts';
import { attach } from '../rpc/testing/attached-agent.ts';
import { runCoordinator, temporaryFolder, type RunningCoordinator } from '../rpc/testing/running-coordinator.ts'; // oxfmt-ignore
import { rerunPauseMs } from './reruns.ts';

const parent = 'tasks/a';

/** Attaches an agent that finds one file, which cannot be read for this reason, and leaves when its run has ended. */
async function scanOnce(running: RunningCoordinator, reason: ErrorReason): Promise<Run> {
  const { identity } = await running.join('one');
  const agent = await attach(running, identity);
  const { key } = await agent.next('scanLease');
  const items = encodePage([{ path: 'a', remark: { reason, message: 'it cannot be read' } }]);
  agent.send({ case: 'scanPage', value: { key: key!, page: 1n, items } });
  agent.send({ case: 'scanDone', value: { key: key!, pages: 1n } });
  await agent.next('acknowledgement');
  const run = await until(running, (runs) => runs.at(-1)!.endTime !== undefined);
  await agent.leave();
  return run.at(-1)!;
}

async function until(running: RunningCoordinator, isSo: (runs: Run[]) => boolean): Promise<Run[]> {
  for (let tries = 0; tries < 2000; tries += 1) {
    const { runs } = await running.client(RunService).listRuns({ parent });
    if (isSo(runs)) return runs;
    await setImmediate();
  }
  throw new Error('it does not happen');
}

async function open(t: ExecutionContext, automaticReruns: number) {
  const clock = new ManualClock(Date.now());
  const dataFolder = temporaryFolder(t);
  const running = await runCoordinator(t, dataFolder, clock);
  const tasks = running.client(TaskService);
  const task = { source: '/srv/a', destination: 'file:///srv/b', settings: { automaticReruns } };
  await tasks.createTask({ task, taskId: 'a' });
  await tasks.runTask({ name: parent });
  /** The next run begins when the pause is over, and not before. */
  const untilRerun = async (on: RunningCoordinator, count: number) => {
    for (let tries = 0; clock.timers === 0 && tries < 2000; tries += 1) await setImmediate();
    await until(on, (runs) => {
      if (runs.length < count) clock.advance(rerunPauseMs / 10);
      return runs.length === count;
    });
  };
  return { clock, dataFolder, running, tasks, untilRerun };
}

test('what failed for a reason that passes is tried again as often as the settings say', async (t) => {
  const { running, untilRerun, clock } = await open(t, 2);
  const reason = ErrorReason.SOURCE_READ_FAILED;
  const first = await scanOnce(running, reason);
  t.is(first.state, RunState.SUCCEEDED_WITH_FAILURES);
  for (const number of [1, 2]) {
    await untilRerun(running, number + 1);
    const again = await scanOnce(running, reason);
    t.is(again.automaticRerun, number);
    t.is(again.retriedRun, `${parent}/runs/${number}`);
  }
  for (let times = 0; times < 20; times += 1) {
    clock.advance(rerunPauseMs);
    await setImmediate();
  }
  const { runs } = await running.client(RunService).listRuns({ parent });
  t.is(runs.length, 3, 'no more than that');
});

test('what no other try can help is not tried again', async (t) => {
  const { running, clock } = await open(t, 4);
  await scanOnce(running, ErrorReason.NAME_INVALID);
  for (let times = 0; times < 20; times += 1) {
    clock.advance(rerunPauseMs);
    await setImmediate();
  }
  t.is((await running.client(RunService).listRuns({ parent })).runs.length, 1);
});

test('what was to be tried again when the coordinator stopped is when it is back', async (t) => {
  const { running, clock, dataFolder, untilRerun } = await open(t, 1);
  await scanOnce(running, ErrorReason.SOURCE_READ_FAILED);
  await running.coordinator.close();
  const back = await runCoordinator(t, dataFolder, clock);
  t.is((await back.client(RunService).listRuns({ parent })).runs.length, 1);
  await untilRerun(back, 2);
  t.is((await scanOnce(back, ErrorReason.SOURCE_READ_FAILED)).automaticRerun, 1);
});

test('a run that somebody starts meanwhile counts, and is not followed by one for the run before', async (t) => {
  const { running, clock, tasks } = await open(t, 1);
  await scanOnce(running, ErrorReason.SOURCE_READ_FAILED);
  await tasks.runTask({ name: parent });
  clock.advance(rerunPauseMs);
  for (let times = 0; times < 20; times += 1) await setImmediate();
  const { runs } = await running.client(RunService).listRuns({ parent });
  t.deepEqual(runs.map(({ retriedRun }) => retriedRun), ['', '']); // oxfmt-ignore
});
