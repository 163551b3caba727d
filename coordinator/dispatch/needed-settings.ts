// Settings that an agent must understand to work for a run. One that does not know a setting passes over it, and would migrate what the setting
// leaves out. What is needed is read off the schema, so that a setting that is added to it cannot be forgotten. PURE.
import { create, equals, getOption, isFieldSet, type DescField } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { coordinator_only } from '../../gen/drover/v1/annotations_pb.ts';
import type { KnownSetting } from '../../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { defaultSettings } from '../task/default-settings.ts';

/** The settings that an agent understands, by the number of the field, with the values it understands of those that are enums. */
export type KnownSettings = ReadonlyMap<number, ReadonlySet<number>>;

/** A setting that counts in a run. */
export interface NeededSetting {
  field: number;
  /** As people write it, such as exclude_folders, or conflict_policy newer_wins. */
  name: string;
  /** Of an enum. */
  value?: number;
}

/** The most settings, and values of one, that an agent may name. */
const namedMax = 1000;
const none: ReadonlySet<number> = new Set();

/** What agents understood that do not say what they understand; it never changes. */
const firstKnown: KnownSettings = new Map([
  ...[1, 2, 3, 4, 5, 8, 9].map((field) => [field, none] as const),
  // conflict_policy: skip, overwrite, keep_both, newer_wins.
  [6, new Set([1, 2, 3, 4])],
  // gone_policy: keep, recycle.
  [7, new Set([1, 2])],
]);

/** What a hello says; throws INVALID_ARGUMENT when that is more than there can be. */
export function readKnownSettings(named: readonly KnownSetting[]): KnownSettings {
  if (named.length === 0) return firstKnown;
  if (named.length > namedMax || named.some(({ values }) => values.length > namedMax))
    throw DroverError.invalid('hello.known_settings', `holds more than ${namedMax}`);
  return new Map(named.map(({ field, values }) => [field, new Set(values)]));
}

/**
 * Whether a setting counts whose agents go by something else than its default when they do not know it. Of every other one, what is its default
 * is what they do.
 */
const countsFor: Readonly<Record<string, (settings: TaskSettings) => boolean>> = {
  // Case counted before it could be set.
  caseSensitivePatterns: ({ caseSensitivePatterns, excludePatterns, includePatterns }) =>
    caseSensitivePatterns === false &&
    [excludePatterns, includePatterns].some((list) => list !== undefined && list.values.length > 0),
};

/** The settings of a run, complete, that its agents have to understand. */
export function neededSettings(settings: TaskSettings | undefined): NeededSetting[] {
  if (settings === undefined) return [];
  return agentFields
    .filter((field) => isFieldSet(settings, field))
    .filter((field) => (countsFor[field.localName] ?? isNotDefault(field))(settings))
    .map((field) => needed(field, settings));
}

/** Those of the needed settings that an agent does not understand. */
export function unknownOf(known: KnownSettings, needed: readonly NeededSetting[]): NeededSetting[] {
  return needed.filter(({ field, value }) => {
    const values = known.get(field);
    return values === undefined || (value !== undefined && !values.has(value));
  });
}

/** The names of all settings, and of values of them, that an agent does not understand. */
export function unknownSettings(known: KnownSettings): string[] {
  return unknownOf(known, allSettings).map(({ name }) => name);
}

const agentFields = TaskSettingsSchema.fields.filter((field) => !getOption(field, coordinator_only)); // oxfmt-ignore

const allSettings: readonly NeededSetting[] = agentFields.flatMap((field) =>
  field.fieldKind === 'enum'
    ? field.enum.values.filter(({ number }) => number !== 0).map(({ number }) => ofEnum(field, number)) // oxfmt-ignore
    : [{ field: field.number, name: field.name }],
);

function needed(field: DescField, settings: TaskSettings): NeededSetting {
  return field.fieldKind === 'enum'
    ? ofEnum(field, reflect(TaskSettingsSchema, settings).get(field))
    : { field: field.number, name: field.name };
}

function ofEnum(field: DescField & { fieldKind: 'enum' }, value: number): NeededSetting {
  const { sharedPrefix = '', value: values } = field.enum;
  const word = values[value]?.name.toLowerCase().replace(sharedPrefix, '') ?? String(value);
  return { field: field.number, name: `${field.name} ${word}`, value };
}

const defaults = defaultSettings();

function isNotDefault(field: DescField): (settings: TaskSettings) => boolean {
  const usual = only(field, defaults);
  return (settings) => !equals(TaskSettingsSchema, only(field, settings), usual);
}

/** Settings that say nothing but this. */
function only(field: DescField, settings: TaskSettings): TaskSettings {
  const one = create(TaskSettingsSchema);
  reflect(TaskSettingsSchema, one).set(field, reflect(TaskSettingsSchema, settings).get(field));
  return one;
}
