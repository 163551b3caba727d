// What people may set of a task, beside its source and destination. PURE.
import { equals } from '@bufbuild/protobuf';
import { ScheduleSchema, type Schedule, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkSchedule } from '../schedule/check-schedule.ts';
import { checkDisplayName } from '../task/display-name.ts';
import { checkSettings } from './check-settings.ts';

const displayNameLengthMax = 200;
const priorityMax = 9;
const tagsMax = 20;
const tagLengthMax = 100;
const groupPattern = /^[A-Za-z0-9._-]{1,63}$/;

/**
 * Throws INVALID_ARGUMENT that names the field that cannot be kept. `before` is the task before the change; absent: it is new. A schedule
 * that was not changed may have had its time.
 */
export function checkTask(task: Task, nowMs: number, before?: Task): void {
  const { displayName, settings, agentGroup, priority, schedule } = task;
  checkDisplayName(displayName, 'task.display_name', displayNameLengthMax);
  checkSettings(settings, 'task.settings');
  if (agentGroup !== '' && !groupPattern.test(agentGroup))
    throw DroverError.invalid(
      'task.agent_group',
      `"${agentGroup}" is no group's name; it has letters, digits, -, _ and ., and at most 63 characters`,
    );
  if (priority > priorityMax)
    throw DroverError.invalid('task.priority', `must be from 1 to ${priorityMax}`);
  checkTags(task.tags, 'task.tags');
  const isNew = !isSameSchedule(schedule, before?.schedule);
  checkSchedule(schedule, 'task.schedule', { nowMs, isNew });
}

/** Throws INVALID_ARGUMENT that names `field`. Files of tags part them by semicolons. */
export function checkTags(tags: readonly string[], field: string): void {
  if (tags.length > tagsMax) throw DroverError.invalid(field, `has more than ${tagsMax} tags`);
  for (const tag of tags) {
    if (tag.trim() === '') throw DroverError.invalid(field, 'has an empty tag');
    if (tag.length > tagLengthMax)
      throw DroverError.invalid(field, `has a tag of more than ${tagLengthMax} characters`);
    if (/[;\p{Cc}]/u.test(tag) || tag !== tag.trim())
      throw DroverError.invalid(
        field,
        `"${tag}" is no tag: it has no semicolon, no control character, and no space around it`,
      );
  }
  if (new Set(tags).size < tags.length) throw DroverError.invalid(field, 'has a tag twice');
}

export function isSameSchedule(one: Schedule | undefined, other: Schedule | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equals(ScheduleSchema, one, other);
}
