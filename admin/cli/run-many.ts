// Does one thing to many tasks: says which they are, asks, then does it to exactly so many.
import { TaskService, type ApplyToTasksRequest, type ApplyToTasksResponse } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { escapeControl, formatCount } from '../../lib/format.ts';
import { ApplyView } from './apply-view.ts';
import { exitStatus } from './exit-status.ts';
import { jsonLine } from './json-view.ts';
import { forExactly, namesOnly, type ManyCommand } from './many.ts';
import type { CommandContext } from './run-command.ts';

/** How many tasks are named before it is asked. */
const namedMax = 5;
const { applyToTasks } = TaskService.method;

/** Whether somebody has to be asked, and can be. */
export interface Asking {
  /** It was said beforehand that nobody is to be asked. */
  isAgreed: boolean;
  isInteractive: boolean;
  stdin: AsyncIterable<Buffer | string>;
}

/**
 * Resolves with the exit status: that some failed when something was refused for one of them, that none was found when the filter wants none.
 * Throws INVALID_ARGUMENT when nobody agreed, and nobody can be asked.
 */
export async function runMany(
  { verb }: ManyCommand,
  request: ApplyToTasksRequest,
  context: CommandContext,
  asking: Asking,
): Promise<number> {
  const { caller, stdout, stderr, registry, format } = context;
  const view = new ApplyView(context);
  const { count, names } = await lookUp(request, context);
  if (count === 0) {
    await stderr.write('drover: the filter wants no task\n');
    return exitStatus.notFound;
  }
  const what = `${formatCount(count)} ${count === 1 ? 'task' : 'tasks'} to ${verb}: ${names.join(', ')}${count > names.length ? ', …' : ''}`;
  if (!asking.isAgreed && !(await isAgreed(what, context, asking))) {
    await stderr.write('nothing was done\n');
    return exitStatus.interrupted;
  }
  for await (const message of caller.stream(applyToTasks, forExactly(request, count))) {
    if (format === 'json') await stdout.write(`${jsonLine(applyToTasks.output, message, registry)}\n`); // oxfmt-ignore
    await view.next(message);
  }
  return view.end();
}

/** How many tasks the filter wants, and the names of some. */
async function lookUp(request: ApplyToTasksRequest, { caller }: CommandContext) {
  let count = 0;
  const names: string[] = [];
  for await (const message of caller.stream(applyToTasks, namesOnly(request))) {
    const { step } = message as ApplyToTasksResponse;
    if (step.case === 'matchedTasks') count = step.value;
    if (step.case === 'outcome') names.push(step.value.name);
    if (names.length === namedMax) break;
  }
  return { count, names };
}

async function isAgreed(
  what: string,
  { stderr }: CommandContext,
  { isInteractive, stdin }: Asking,
): Promise<boolean> {
  if (!isInteractive)
    throw DroverError.invalid('--yes', `is missing, and nobody is there to be asked; the filter wants ${what}`); // oxfmt-ignore
  await stderr.write(`${escapeControl(what)}\nGo on? [y/N] `);
  let answer = '';
  for await (const part of stdin) {
    answer += part.toString();
    if (answer.includes('\n')) break;
  }
  return /^\s*y(es)?\s*$/i.test(answer);
}
