// What a program understands of the settings of tasks, read off its own schema: a setting that is added to the schema cannot be forgotten.
import { create } from '@bufbuild/protobuf';
import { KnownSettingSchema, type KnownSetting } from '../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema } from '../gen/drover/v1/settings_pb.ts';

/** Every setting that this version understands, with the values of those that are enums. */
export function knownSettings(): KnownSetting[] {
  return TaskSettingsSchema.fields.map((field) =>
    create(KnownSettingSchema, {
      field: field.number,
      values: field.fieldKind === 'enum' ? field.enum.values.map(({ number }) => number) : [],
    }),
  );
}
