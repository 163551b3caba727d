// What counts where neither a task nor the global settings say anything. PURE.
import { create } from '@bufbuild/protobuf';
import {
  ConflictPolicy,
  GonePolicy,
  StringListSchema,
  TaskSettingsSchema,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';
import { replacementDefault } from '../plan/destination-name.ts';
import { recycleItemsMaxDefault, recyclePercentMaxDefault } from './gone-guard.ts';

const attemptsDefault = 3;

/** Every setting has its default here. */
export function defaultSettings(): TaskSettings {
  return create(TaskSettingsSchema, {
    migrateHiddenItems: true,
    excludeExtensions: create(StringListSchema),
    excludePatterns: create(StringListSchema),
    maxAttempts: attemptsDefault,
    invalidCharacterReplacement: replacementDefault,
    conflictPolicy: ConflictPolicy.SKIP,
    gonePolicy: GonePolicy.KEEP,
    recycleItemsMax: recycleItemsMaxDefault,
    recyclePercentMax: recyclePercentMaxDefault,
    createdAfter: '',
    createdBefore: '',
    modifiedAfter: '',
    modifiedBefore: '',
    includePatterns: create(StringListSchema),
    caseSensitivePatterns: false,
    excludeFolders: create(StringListSchema),
    minSize: 0n,
    maxSize: 0n,
    migrateSystemItems: true,
    manifest: '',
    scanOnly: false,
    preservePermissions: false,
    migrateItemsWithInvalidNames: true,
    automaticReruns: 0,
    requireApproval: false,
    tryReading: false,
  });
}
