import { ConflictPolicy, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { RunSettings } from '../pool/jobs.ts';

/** A run's settings as jobs take them: complete, and extensions in one form. */
export function runSettings(settings: TaskSettings | undefined): RunSettings {
  return {
    migrateHiddenItems: settings?.migrateHiddenItems ?? true,
    excludeExtensions: (settings?.excludeExtensions?.values ?? []).map((extension) =>
      extension.toLowerCase().replace(/^\./, ''),
    ),
    excludePatterns: settings?.excludePatterns?.values ?? [],
    maxAttempts: settings?.maxAttempts ?? 3,
    conflictPolicy: settings?.conflictPolicy ?? ConflictPolicy.SKIP,
  };
}
