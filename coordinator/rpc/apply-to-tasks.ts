// ApplyToTasks: one thing is done to every task that a filter wants. Each task has its own commit, as if it had been called for by itself: what is
// refused for one task says nothing of the others, and the audit log has an entry for each.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  DeleteTaskRequestSchema,
  RunTaskRequestSchema,
  TaskAction,
  type ApplyToTasksRequest,
  type ApplyToTasksResponseSchema,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatCount } from '../../lib/format.ts';
import { taskName } from '../task/names.ts';
import { currentCall, serving } from '../trust/audit-call.ts';
import { deleteTask } from './delete-task.ts';
import { parseTaskFilter } from './filter.ts';
import { filteredTasks } from './filtered-tasks.ts';
import { cancelTask, pauseTask, resumeTask, runTask } from './run-control.ts';
import type { TaskServiceParts } from './service-parts.ts';

/** To how many tasks something is done at once: as many commits are written together, and as many destinations looked at. */
const tasksAtOnce = 16;

type Step = MessageInitShape<typeof ApplyToTasksResponseSchema>;
type Outcome = { reason?: ErrorReason; message?: string; run?: string };
/** Does it to a task; answers with the name of the run that was started, if one was. */
type Deed = (id: string, signal: AbortSignal) => Promise<string | undefined>;

/** Throws INVALID_ARGUMENT, or WRONG_STATE when the filter wants another number of tasks than the caller expects. */
export function applyToTasks(
  parts: TaskServiceParts,
  request: ApplyToTasksRequest,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  // A stream is made when the call is no longer the present one.
  const call = currentCall();
  const asked = deedOf(parts, request);
  const deed = request.validateOnly ? nothing : asked;
  const audited: Deed = (id, ended) => serving({ ...call, resource: taskName(id) }, () => deed(id, ended)); // oxfmt-ignore
  return outcomes(parts, request, audited, signal);
}

async function* outcomes(
  { store }: TaskServiceParts,
  request: ApplyToTasksRequest,
  deed: Deed,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { expectedCount } = request;
  if (request.filter.trim() === '')
    throw DroverError.invalid('filter', 'is missing; name:tasks/ wants all tasks');
  const filter = parseTaskFilter(request.filter);
  const ids: string[] = [];
  for await (const found of filteredTasks(store, filter, signal))
    ids.push(...found.map(({ id }) => id));
  if (expectedCount !== undefined && expectedCount !== ids.length)
    throw unexpectedCount(expectedCount, ids.length);
  yield { step: { case: 'matchedTasks', value: ids.length } };
  for (let at = 0; at < ids.length; at += tasksAtOnce) {
    signal.throwIfAborted();
    const some = ids.slice(at, at + tasksAtOnce);
    const deeds = some.map((id) => outcomeOf(id, deed, signal));
    const done = await Promise.all(deeds);
    for (const [index, outcome] of done.entries())
      yield { step: { case: 'outcome', value: { name: taskName(some[index]!), ...outcome } } };
  }
}

async function outcomeOf(id: string, deed: Deed, signal: AbortSignal): Promise<Outcome> {
  try {
    const run = await deed(id, signal);
    return run === undefined ? {} : { run };
  } catch (thrown) {
    const { reason, message } = DroverError.from(thrown);
    // Nobody hears of it any more, and a bug is one for all of them.
    if (signal.aborted || reason === ErrorReason.INTERNAL) throw thrown;
    return { reason, message };
  }
}

/** Waits for what starts no run. */
async function withoutRun(done: Promise<unknown>): Promise<undefined> {
  await done;
}

const nothing: Deed = async () => undefined;

function deedOf(parts: TaskServiceParts, request: ApplyToTasksRequest): Deed {
  const { action, scanOnly, requireApproval, gone, ledger } = request;
  switch (action) {
    case TaskAction.RUN:
      return async (id, signal) => {
        const run = create(RunTaskRequestSchema, { name: taskName(id), scanOnly, requireApproval });
        return (await runTask(parts, run, signal)).name;
      };
    case TaskAction.PAUSE:
      return async (id) => withoutRun(pauseTask(parts, id));
    case TaskAction.RESUME:
      return async (id) => withoutRun(resumeTask(parts, id, gone));
    case TaskAction.CANCEL:
      return async (id) => withoutRun(cancelTask(parts, id));
    case TaskAction.DELETE:
      return async (id) =>
        withoutRun(deleteTask(parts, create(DeleteTaskRequestSchema, { name: taskName(id), ledger }))); // oxfmt-ignore
    default:
      throw DroverError.invalid('action', action === TaskAction.UNSPECIFIED ? 'is missing' : `${action} is nothing that can be done to tasks`); // oxfmt-ignore
  }
}

function unexpectedCount(expected: number, found: number): DroverError {
  return new DroverError(
    ErrorReason.WRONG_STATE,
    `the filter wants ${formatCount(found)} tasks, not ${formatCount(expected)}; nothing was done; look again, and say the new number`,
    { metadata: { expected: String(expected), found: String(found) } },
  );
}
