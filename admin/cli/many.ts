// Commands that can be done to all tasks that a filter wants, in place of one: `drover tasks run --filter tags:wave-2`.
import {
  create,
  fromJson,
  type DescMethod,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { ApplyToTasksRequestSchema, TaskAction, TaskService, type ApplyToTasksRequest } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import type { Flag } from './flag.ts';

export interface ManyCommand {
  action: TaskAction;
  /** As in "12 tasks to run". */
  verb: string;
}

const { runTask, pauseTask, resumeTask, cancelTask, deleteTask } = TaskService.method;

const commands = new Map<DescMethod, ManyCommand>([
  [runTask, { action: TaskAction.RUN, verb: 'run' }],
  [pauseTask, { action: TaskAction.PAUSE, verb: 'pause' }],
  [resumeTask, { action: TaskAction.RESUME, verb: 'resume' }],
  [cancelTask, { action: TaskAction.CANCEL, verb: 'cancel' }],
  [deleteTask, { action: TaskAction.DELETE, verb: 'delete' }],
]);

/** How the method is done to many tasks; undefined when it cannot be. */
export function manyOf(method: DescMethod): ManyCommand | undefined {
  return commands.get(method);
}

/** What was given for a command of one task, beside the filter. */
export interface ManyInput {
  positional: string | undefined;
  flags: ReadonlyMap<Flag, JsonValue>;
  options: { requestJson?: string };
}

/** The request for many tasks. Throws INVALID_ARGUMENT for what can only be said of one. */
export function manyRequest(
  { action }: ManyCommand,
  { positional, flags, options }: ManyInput,
  filter: string,
): ApplyToTasksRequest {
  if (positional !== undefined)
    throw DroverError.invalid('--filter', `cannot be given together with ${positional}; give the one or the other`); // oxfmt-ignore
  if (options.requestJson !== undefined)
    throw DroverError.invalid('--filter', 'cannot be given together with --request-json');
  const json: JsonObject = {};
  for (const [flag, value] of flags) {
    const { jsonName, name } = flag.path.at(-1)!;
    const isKnown = ApplyToTasksRequestSchema.fields.some((field) => field.name === name);
    if (!isKnown || flag.path.length > 1)
      throw DroverError.invalid(`--${flag.name}`, 'is about one task; it cannot be given together with --filter'); // oxfmt-ignore
    json[jsonName] = value;
  }
  const request = fromJson(ApplyToTasksRequestSchema, json);
  return create(ApplyToTasksRequestSchema, { ...request, filter, action });
}

/** The same request, which only names the tasks. */
export function namesOnly(request: ApplyToTasksRequest): ApplyToTasksRequest {
  return create(ApplyToTasksRequestSchema, { ...request, validateOnly: true });
}

/** The same request, for exactly so many tasks. */
export function forExactly(request: ApplyToTasksRequest, count: number): ApplyToTasksRequest {
  return create(ApplyToTasksRequestSchema, { ...request, expectedCount: count });
}
