// What the next run of a task goes by, setting by setting, and where each value comes from.
import { create, isMessage, type DescField } from '@bufbuild/protobuf';
import { isReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import {
  EffectiveSettingSchema,
  StringListSchema,
  TaskSettingsSchema,
  type EffectiveSetting,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';
import type {
  ListEffectiveSettingsRequest,
  ListEffectiveSettingsResponse,
} from '../../gen/drover/v1/task_pb.ts';
import type { Reader } from '../store/store.ts';
import { parseTaskName } from '../task/names.ts';
import { requireTask } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { effectiveSettings, originOf } from './settings.ts';

/** Throws NOT_FOUND when there is no such task, INVALID_ARGUMENT for a name or a page that is none. */
export async function listEffectiveSettings(
  store: Reader,
  request: ListEffectiveSettingsRequest,
): Promise<Omit<ListEffectiveSettingsResponse, '$typeName' | '$unknown'>> {
  const scope = ['effective_settings', request.parent];
  const { size, cursor } = readPageRequest(request, scope);
  const task = await requireTask(store, parseTaskName(request.parent, 'parent'));
  const global = (await store.settings())?.settings?.defaults;
  const all = describeSettings(task.task!.settings, global);
  const first = all.findIndex(({ setting }) => setting === cursor) + 1;
  const settings = all.slice(first, first + size);
  const hasMore = first + size < all.length;
  return {
    settings,
    nextPageToken: writePageToken(hasMore ? settings.at(-1)?.setting : undefined, scope),
  };
}

/** Every setting with its value as text and its origin. */
export function describeSettings(
  task: TaskSettings | undefined,
  global: TaskSettings | undefined,
): EffectiveSetting[] {
  const effective = effectiveSettings(task, global);
  return TaskSettingsSchema.fields.map((field) =>
    create(EffectiveSettingSchema, {
      setting: field.name,
      value: valueText(effective, field),
      origin: originOf(field, task, global),
    }),
  );
}

function valueText(settings: TaskSettings, field: DescField): string {
  const value = reflect(TaskSettingsSchema, settings).get(field);
  if (typeof value === 'number' && field.fieldKind === 'enum')
    return field.enum.value[value]?.localName ?? `${value}`;
  // Of messages, settings have lists of texts only. A comma in a value is written as the command line takes it.
  if (isReflectMessage(value) && isMessage(value.message, StringListSchema))
    return value.message.values.map(escaped).join(',');
  return isPlain(value) ? `${value}` : '';
}

function isPlain(value: unknown): value is string | number | bigint | boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

/** A comma in braces parts nothing. */
function escaped(text: string): string {
  return /[{}]/.test(text) ? text : text.replaceAll(',', '\\,');
}
