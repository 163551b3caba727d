// Which values of settings can be used. PURE.
import {
  ConflictPolicySchema,
  GonePolicySchema,
  type StringList,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { isReplacement } from '../plan/destination-name.ts';
import { extensionsOf, normalExtension, timeLimits } from './settings.ts';
import { isSpan, parseTimeLimit, timeLimitExpectation } from './time-limit.ts';

const attemptsMax = 10;
const rerunsMax = 4;
const extensionsMax = 500;
const extensionLengthMax = 50;
const patternsMax = 200;
const patternLengthMax = 500;
const foldersMax = 500;
const folderLengthMax = 1000;
const manifestLengthMax = 4096;

/** Throws INVALID_ARGUMENT that names the value below `field` that cannot be used. */
export function checkSettings(settings: TaskSettings | undefined, field: string): void {
  if (settings === undefined) return;
  const { maxAttempts, automaticReruns, preservePermissions } = settings;
  if (maxAttempts !== undefined && (maxAttempts < 1 || maxAttempts > attemptsMax))
    throw DroverError.invalid(`${field}.max_attempts`, `must be from 1 to ${attemptsMax}`);
  if (automaticReruns !== undefined && automaticReruns > rerunsMax)
    throw DroverError.invalid(`${field}.automatic_reruns`, `must be from 0 to ${rerunsMax}`);
  if (preservePermissions === true)
    throw DroverError.invalid(
      `${field}.preserve_permissions`,
      'permissions cannot be migrated yet; leave it off, and set them at the destination',
    );
  checkPolicies(settings, field);
  checkNames(settings, field);
  checkFilters(settings, field);
}

function checkPolicies(settings: TaskSettings, field: string): void {
  const { conflictPolicy, gonePolicy, recyclePercentMax } = settings;
  if (conflictPolicy !== undefined && ConflictPolicySchema.value[conflictPolicy] === undefined)
    throw DroverError.invalid(
      `${field}.conflict_policy`,
      `${conflictPolicy} is not a policy that is known`,
    );
  if (gonePolicy !== undefined && GonePolicySchema.value[gonePolicy] === undefined)
    throw DroverError.invalid(
      `${field}.gone_policy`,
      `${gonePolicy} is not a policy that is known`,
    );
  if (recyclePercentMax !== undefined && recyclePercentMax > 100)
    throw DroverError.invalid(`${field}.recycle_percent_max`, 'must be from 0 to 100');
}

function checkNames({ invalidCharacterReplacement: text }: TaskSettings, field: string): void {
  if (text !== undefined && text !== '' && !isReplacement(text))
    throw DroverError.invalid(
      `${field}.invalid_character_replacement`,
      'must be empty, or one character that can stand anywhere in a name at SharePoint, such as _ or -',
    );
}

function checkFilters(settings: TaskSettings, field: string): void {
  checkExtensions(settings.excludeExtensions, `${field}.exclude_extensions`);
  checkList(settings.excludePatterns, `${field}.exclude_patterns`, patternsMax, patternLengthMax);
  checkList(settings.includePatterns, `${field}.include_patterns`, patternsMax, patternLengthMax);
  const folders = `${field}.exclude_folders`;
  checkList(settings.excludeFolders, folders, foldersMax, folderLengthMax);
  for (const folder of settings.excludeFolders?.values ?? [])
    if (!/[^\\/]/.test(folder))
      throw DroverError.invalid(folders, `"${folder}" is no folder below the source`);
  const { minSize = 0n, maxSize = 0n, manifest = '' } = settings;
  if (maxSize > 0n && minSize > maxSize)
    throw DroverError.invalid(`${field}.max_size`, `is less than min_size, so that no file would be migrated`); // oxfmt-ignore
  checkTimes(settings, field);
  if (manifest !== '') checkManifest(manifest, `${field}.manifest`);
}

function checkExtensions(list: StringList | undefined, field: string): void {
  const values = list?.values ?? [];
  checkList(list, field, extensionsMax, extensionsMax * (extensionLengthMax + 1));
  const extensions = extensionsOf(values);
  checkList({ values: extensions }, field, extensionsMax, extensionLengthMax);
  const bad =
    values.find((value) => value.split(':').some((part) => normalExtension(part) === '')) ??
    extensions.find((extension) => /[/\\*?]/.test(extension));
  if (bad === undefined) return;
  throw DroverError.invalid(field, `"${bad}" is not an extension such as tmp, or several as in TXT:EXE; what has * or ? belongs into exclude_patterns`); // oxfmt-ignore
}

const timeNames: Record<(typeof timeLimits)[number], string> = {
  createdAfter: 'created_after',
  createdBefore: 'created_before',
  modifiedAfter: 'modified_after',
  modifiedBefore: 'modified_before',
};

function checkTimes(settings: TaskSettings, field: string): void {
  for (const key of timeLimits) {
    const text = settings[key] ?? '';
    // Whether a text is a time does not depend on when it is asked, but for spans that lead beyond the first year.
    if (text !== '' && parseTimeLimit(text, spanBaseMs) === undefined)
      throw DroverError.invalid(`${field}.${timeNames[key]}`, timeLimitExpectation);
  }
  checkRange(settings.createdAfter, settings.createdBefore, `${field}.created_before`);
  checkRange(settings.modifiedAfter, settings.modifiedBefore, `${field}.modified_before`);
}

const spanBaseMs = Date.parse('2025-01-01T00:00:00Z');

/** Of a span and a time it changes with every day which one is later. */
function checkRange(after = '', before = '', field: string): void {
  if (after === '' || before === '' || isSpan(after) !== isSpan(before)) return;
  if (parseTimeLimit(after, spanBaseMs)! < parseTimeLimit(before, spanBaseMs)!) return;
  throw DroverError.invalid(field, `"${before}" is not later than "${after}", so that no file would be migrated`); // oxfmt-ignore
}

function checkManifest(manifest: string, field: string): void {
  if (manifest.length > manifestLengthMax)
    throw DroverError.invalid(field, `has more than ${manifestLengthMax} characters`);
  const { kind } = parseLocation(manifest, field);
  if (kind === 'sharepoint')
    throw DroverError.invalid(field, 'must be a file that an agent can read, such as /srv/lists/wave-1.txt'); // oxfmt-ignore
}

function checkList(
  list: Pick<StringList, 'values'> | undefined,
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
