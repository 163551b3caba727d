// What the states of a run and of a task mean to each other. PURE.
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { TaskState } from '../../gen/drover/v1/task_pb.ts';

/** Whether a run has not ended. */
export function isRunOpen(state: RunState): boolean {
  switch (state) {
    case RunState.QUEUED:
    case RunState.RUNNING:
    case RunState.PAUSED:
    case RunState.AWAITING_APPROVAL:
    case RunState.CANCELLING:
      return true;
    default:
      return false;
  }
}

/** Whether leases of a run may be given. */
export function isRunGoing(state: RunState): boolean {
  return state === RunState.QUEUED || state === RunState.RUNNING;
}

const taskStates = new Map<RunState, TaskState>([
  [RunState.QUEUED, TaskState.QUEUED],
  [RunState.RUNNING, TaskState.RUNNING],
  [RunState.PAUSED, TaskState.PAUSED],
  [RunState.AWAITING_APPROVAL, TaskState.AWAITING_APPROVAL],
  [RunState.CANCELLING, TaskState.CANCELLING],
  [RunState.SUCCEEDED, TaskState.SUCCEEDED],
  [RunState.SUCCEEDED_WITH_FAILURES, TaskState.SUCCEEDED_WITH_FAILURES],
  [RunState.FAILED, TaskState.FAILED],
  [RunState.CANCELLED, TaskState.CANCELLED],
]);

/** A task's state is that of its latest run, or READY when there was none. */
export function taskState(latestRun: RunState | undefined): TaskState {
  if (latestRun === undefined) return TaskState.READY;
  return taskStates.get(latestRun) ?? TaskState.UNSPECIFIED;
}
