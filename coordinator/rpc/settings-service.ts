// SettingsService: the one set of global settings.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { SettingsRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  SettingsSchema,
  TaskSettingsSchema,
  type Settings,
  type SettingsService,
  type UpdateSettingsRequest,
} from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { checkEtag, computeEtag } from './etag.ts';
import { applyUpdate, type FieldRules } from './field-mask.ts';
import type { ServiceParts } from './service-parts.ts';
import { checkSettings } from './check-settings.ts';

const settingsName = 'settings';

/** What callers may change of the settings. */
export const settingsRules: FieldRules = {
  outputOnly: ['update_time'],
  immutable: [],
  addressing: ['name', 'etag'],
};

type Parts = Pick<ServiceParts, 'store' | 'clock'>;

export function createSettingsService(parts: Parts): ServiceImpl<typeof SettingsService> {
  return {
    getSettings: async () => ({ settings: await readSettings(parts.store) }),
    updateSettings: async (request) => ({ settings: await updateSettings(parts, request) }),
  };
}

async function readSettings(reader: Reader): Promise<Settings> {
  const stored = (await reader.settings())?.settings;
  if (stored !== undefined) return stored;
  const defaults = create(TaskSettingsSchema);
  return withEtag(create(SettingsSchema, { name: settingsName, defaults }));
}

async function updateSettings(parts: Parts, request: UpdateSettingsRequest): Promise<Settings> {
  const { settings: incoming, updateMask } = request;
  if (incoming === undefined) throw DroverError.invalid('settings', 'is missing');
  if (incoming.name !== '' && incoming.name !== settingsName)
    throw DroverError.invalid('settings.name', `must be "${settingsName}"`);
  return parts.store.commit(async (transaction) => {
    const current = await readSettings(transaction);
    checkEtag(incoming.etag, current.etag, settingsName);
    const update = { schema: SettingsSchema, current, incoming, mask: updateMask };
    const changed = applyUpdate({ ...update, rules: settingsRules, field: 'settings' });
    checkSettings(changed.defaults, 'settings.defaults');
    const updateTime = timestampFromMs(parts.clock.now());
    const settings = withEtag(create(SettingsSchema, { ...changed, updateTime, etag: '' }));
    transaction.putSettings(create(SettingsRowSchema, { settings }));
    return settings;
  });
}

function withEtag(settings: Settings): Settings {
  settings.etag = computeEtag(SettingsSchema, settings);
  return settings;
}
