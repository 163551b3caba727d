// Settings of tasks: what is a good value, and what a run goes by when task, global settings and defaults are put together. PURE.
import { create } from '@bufbuild/protobuf';
import {
  ConflictPolicy,
  ConflictPolicySchema,
  GonePolicy,
  GonePolicySchema,
  StringListSchema,
  TaskSettingsSchema,
  type StringList,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isReplacement, replacementDefault } from '../plan/destination-name.ts';
import { recycleItemsMaxDefault, recyclePercentMaxDefault } from '../task/gone-guard.ts';

const attemptsMax = 10;
const attemptsDefault = 3;
const extensionsMax = 500;
const extensionLengthMax = 50;
const patternsMax = 200;
const patternLengthMax = 500;

/** Throws INVALID_ARGUMENT that names the value below `field` that cannot be used. */
export function checkSettings(settings: TaskSettings | undefined, field: string): void {
  if (settings === undefined) return;
  const { maxAttempts, excludeExtensions, excludePatterns } = settings;
  if (maxAttempts !== undefined && (maxAttempts < 1 || maxAttempts > attemptsMax))
    throw DroverError.invalid(`${field}.max_attempts`, `must be from 1 to ${attemptsMax}`);
  const extensions = `${field}.exclude_extensions`;
  checkList(excludeExtensions, extensions, extensionsMax, extensionLengthMax);
  for (const extension of excludeExtensions?.values ?? []) {
    if (normalExtension(extension) === '' || /[/\\*?]/.test(extension))
      throw DroverError.invalid(extensions, `"${extension}" is not an extension such as tmp`);
  }
  checkList(excludePatterns, `${field}.exclude_patterns`, patternsMax, patternLengthMax);
  const { invalidCharacterReplacement: replacement } = settings;
  if (replacement !== undefined && replacement !== '' && !isReplacement(replacement))
    throw DroverError.invalid(
      `${field}.invalid_character_replacement`,
      'must be empty, or one character that can stand anywhere in a name at SharePoint, such as _ or -',
    );
  const { conflictPolicy } = settings;
  if (conflictPolicy !== undefined && ConflictPolicySchema.value[conflictPolicy] === undefined)
    throw DroverError.invalid(
      `${field}.conflict_policy`,
      `${conflictPolicy} is not a policy that is known`,
    );
  const { gonePolicy, recyclePercentMax } = settings;
  if (gonePolicy !== undefined && GonePolicySchema.value[gonePolicy] === undefined)
    throw DroverError.invalid(
      `${field}.gone_policy`,
      `${gonePolicy} is not a policy that is known`,
    );
  if (recyclePercentMax !== undefined && recyclePercentMax > 100)
    throw DroverError.invalid(`${field}.recycle_percent_max`, 'must be from 0 to 100');
}

function checkList(
  list: StringList | undefined,
  field: string,
  countMax: number,
  lengthMax: number,
): void {
  const values = list?.values ?? [];
  if (values.length > countMax)
    throw DroverError.invalid(field, `has more than ${countMax} values`);
  for (const value of values) {
    if (value === '') throw DroverError.invalid(field, 'has an empty value');
    if (value.length > lengthMax)
      throw DroverError.invalid(field, `has a value of more than ${lengthMax} characters`);
    if (/\p{Cc}/u.test(value))
      throw DroverError.invalid(field, 'has a value with a control character');
  }
}

/** Complete settings: the task's own value where there is one, else the global one, else the default. */
export function effectiveSettings(
  task: TaskSettings | undefined,
  global: TaskSettings | undefined,
): TaskSettings {
  const extensions = task?.excludeExtensions ?? global?.excludeExtensions;
  const patterns = task?.excludePatterns ?? global?.excludePatterns;
  const normal = (extensions?.values ?? []).map(normalExtension);
  return create(TaskSettingsSchema, {
    migrateHiddenItems: task?.migrateHiddenItems ?? global?.migrateHiddenItems ?? true,
    excludeExtensions: create(StringListSchema, { values: [...new Set(normal)] }),
    excludePatterns: create(StringListSchema, { values: [...(patterns?.values ?? [])] }),
    maxAttempts: task?.maxAttempts ?? global?.maxAttempts ?? attemptsDefault,
    invalidCharacterReplacement:
      task?.invalidCharacterReplacement ??
      global?.invalidCharacterReplacement ??
      replacementDefault,
    // What is not stated is left to the next in turn, also when it is sent.
    conflictPolicy: task?.conflictPolicy || global?.conflictPolicy || ConflictPolicy.SKIP,
    gonePolicy: task?.gonePolicy || global?.gonePolicy || GonePolicy.KEEP,
    recycleItemsMax: task?.recycleItemsMax ?? global?.recycleItemsMax ?? recycleItemsMaxDefault,
    recyclePercentMax:
      task?.recyclePercentMax ?? global?.recyclePercentMax ?? recyclePercentMaxDefault,
  });
}

/** Lower case, without the dot that people like to write before it. */
function normalExtension(extension: string): string {
  return extension.replace(/^\./, '').toLowerCase();
}
