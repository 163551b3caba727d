// Whether a task that a file lists can be made: the same checks as CreateTask's, of which every one is made, so that a person hears at once of
// all that is wrong. PURE.
import { clone, create, isFieldSet } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { TaskSchema, type ImportTasksRequest, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { FileNote, ListedTask } from '../bulk/task-file.ts';
import { checkId } from '../task/names.ts';
import { checkTask } from './task-fields.ts';
import { checkLocations } from './task-locations.ts';

/** What a request says of every task. */
export type ImportDefaults = Pick<ImportTasksRequest, 'agentGroup' | 'tags' | 'settings'>;

/** Throws INVALID_ARGUMENT that names the field of the request that cannot be kept. */
export function checkDefaults({ agentGroup, tags, settings }: ImportDefaults, nowMs: number): void {
  const task = create(TaskSchema, { agentGroup, tags, ...(settings && { settings }) });
  try {
    checkTask(task, nowMs);
  } catch (thrown) {
    const [violation] = DroverError.from(thrown).violations;
    if (violation === undefined) throw thrown;
    throw DroverError.invalid(withoutTask(violation.field), violation.description, thrown);
  }
}

/** The task with the defaults where the file says nothing. */
export function withDefaults(task: Task, defaults: ImportDefaults): Task {
  const settings = mergedSettings(task.settings, defaults.settings);
  return create(TaskSchema, {
    ...task,
    agentGroup: task.agentGroup === '' ? defaults.agentGroup : task.agentGroup,
    tags: [...new Set([...task.tags, ...defaults.tags])],
    ...(settings === undefined ? {} : { settings }),
  });
}

function mergedSettings(
  own: TaskSettings | undefined,
  defaults: TaskSettings | undefined,
): TaskSettings | undefined {
  if (own === undefined || defaults === undefined) return own ?? defaults;
  const merged = clone(TaskSettingsSchema, defaults);
  const [from, to] = [reflect(TaskSettingsSchema, own), reflect(TaskSettingsSchema, merged)];
  for (const field of TaskSettingsSchema.fields)
    if (isFieldSet(own, field)) to.set(field, from.get(field));
  return merged;
}

export interface JudgeOptions {
  /** The kinds of places that can be served. */
  kinds: ReadonlySet<string>;
  nowMs: number;
}

/** What is wrong with a listed task, which is handed over with its defaults. */
export function judgeListed(
  listed: ListedTask,
  task: Task,
  { kinds, nowMs }: JudgeOptions,
): FileNote[] {
  const checks = [
    () => void (listed.taskId === '' || checkId(listed.taskId, 'task_id')),
    () => checkLocations(task, kinds),
    () => checkTask(task, nowMs),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (thrown) {
      return problemsOf(listed, thrown);
    }
  });
}

/** What an error says of a listed task, with its places in the file. */
export function problemsOf(listed: ListedTask, thrown: unknown): FileNote[] {
  const { violations, reason, message } = DroverError.from(thrown);
  if (reason === ErrorReason.INTERNAL) throw thrown;
  if (violations.length > 0)
    return violations.map(({ field, description }) => ({
      ...listed.placeOf(withoutTask(field)),
      message: description,
    }));
  const field = fieldsByReason.get(reason) ?? 'task_id';
  return [{ ...listed.placeOf(field), message }];
}

/** What an error is about that names no field. */
const fieldsByReason = new Map<ErrorReason, string>([
  [ErrorReason.SOURCE_UNSUPPORTED, 'source'],
  [ErrorReason.DESTINATION_UNSUPPORTED, 'destination'],
]);

function withoutTask(field: string): string {
  return field.replace(/^task\./, '');
}
