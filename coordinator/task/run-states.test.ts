import test from 'ava';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { TaskState } from '../../gen/drover/v1/task_pb.ts';
import { isRunGoing, isRunOpen, taskState } from './run-states.ts';

const open = ['QUEUED', 'RUNNING', 'PAUSED', 'AWAITING_APPROVAL', 'CANCELLING'];
const ended = ['SUCCEEDED', 'SUCCEEDED_WITH_FAILURES', 'FAILED', 'CANCELLED'];

test('every state of a run is open, ended, or unknown', (t) => {
  const known = Object.keys(RunState).filter((name) => name !== 'UNSPECIFIED');
  t.deepEqual(known.toSorted(), [...open, ...ended].toSorted());
  for (const name of known)
    t.is(isRunOpen(RunState[name as keyof typeof RunState]), open.includes(name), name);
  for (const name of known)
    t.is(
      isRunGoing(RunState[name as keyof typeof RunState]),
      name === 'QUEUED' || name === 'RUNNING',
      name,
    );
  t.false(isRunOpen(RunState.UNSPECIFIED));
  t.false(isRunOpen(99 as RunState), 'a state of a newer version');
});

test("a task has the state of its latest run's name", (t) => {
  t.is(taskState(undefined), TaskState.READY);
  for (const name of [...open, ...ended] as (keyof typeof RunState)[])
    t.is(taskState(RunState[name]), TaskState[name as keyof typeof TaskState], name);
  t.is(taskState(99 as RunState), TaskState.UNSPECIFIED);
});
