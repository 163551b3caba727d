// Settings of tasks: what a run goes by when task, global settings and defaults are put together, and where each value comes from. What is a
// good value is in check-settings.ts. PURE.
import { clone, create, isFieldSet, type DescField } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import {
  SettingOrigin,
  StringListSchema,
  TaskSettingsSchema,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';
import { defaultSettings } from '../task/default-settings.ts';
import { parseTimeLimit } from './time-limit.ts';

/** Complete settings: the task's own value where there is one, else the global one, else the default. */
export function effectiveSettings(
  task: TaskSettings | undefined,
  global: TaskSettings | undefined,
): TaskSettings {
  const settings = defaultSettings();
  const target = reflect(TaskSettingsSchema, settings);
  for (const field of TaskSettingsSchema.fields) {
    const from = sourceOf(field, task, global);
    if (from !== undefined)
      target.set(field, reflect(TaskSettingsSchema, clone(TaskSettingsSchema, from)).get(field));
  }
  settings.excludeExtensions = create(StringListSchema, {
    values: extensionsOf(settings.excludeExtensions?.values ?? []),
  });
  return settings;
}

/** Where the value of a setting comes from. */
export function originOf(
  field: DescField,
  task: TaskSettings | undefined,
  global: TaskSettings | undefined,
): SettingOrigin {
  const from = sourceOf(field, task, global);
  if (from === undefined) return SettingOrigin.DEFAULT;
  return from === task ? SettingOrigin.TASK : SettingOrigin.GLOBAL;
}

/** Whose value counts; undefined: the default. */
function sourceOf(
  field: DescField,
  task: TaskSettings | undefined,
  global: TaskSettings | undefined,
): TaskSettings | undefined {
  // What is required of all tasks, none can do without.
  if (field.localName === 'requireApproval' && global?.requireApproval === true) return global;
  return [task, global].find((one) => says(one, field));
}

/** Complete settings as a run keeps them that starts now: spans back from its start are times, so that every part of it judges alike. */
export function settingsAt(effective: TaskSettings, nowMs: number): TaskSettings {
  const resolved = clone(TaskSettingsSchema, effective);
  for (const key of timeLimits) {
    const timeMs = parseTimeLimit(resolved[key] ?? '', nowMs);
    resolved[key] = timeMs === undefined ? '' : new Date(timeMs).toISOString();
  }
  return resolved;
}

/** The settings that are times. */
export const timeLimits = [
  'createdAfter',
  'createdBefore',
  'modifiedAfter',
  'modifiedBefore',
] as const;

/** An enum that is sent without a value says nothing: the next in turn counts. */
function says(settings: TaskSettings | undefined, field: DescField): boolean {
  if (settings === undefined || !isFieldSet(settings, field)) return false;
  return field.fieldKind !== 'enum' || reflect(TaskSettingsSchema, settings).get(field) !== 0;
}

/** Extensions one by one, each once: lower case, without the dot that people like to write before it. */
export function extensionsOf(values: readonly string[]): string[] {
  const extensions = values.flatMap((value) => value.split(':')).map(normalExtension);
  return [...new Set(extensions)].filter((extension) => extension !== '');
}

/** Empty for what is none. */
export function normalExtension(extension: string): string {
  return extension.trim().replace(/^\./, '').toLowerCase();
}
