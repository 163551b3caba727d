// The filters of a run as scans take them.
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { FilterSettings } from '../pool/filter-settings.ts';

/**
 * Complete, and each thing in one form. Throws INVALID_ARGUMENT for a time that is none: to go on without it would migrate what is not to be
 * migrated.
 */
export function filterSettings(settings: TaskSettings | undefined): FilterSettings {
  return {
    migrateHiddenItems: settings?.migrateHiddenItems ?? true,
    migrateSystemItems: settings?.migrateSystemItems ?? true,
    excludeExtensions: (settings?.excludeExtensions?.values ?? []).map((extension) =>
      extension.toLowerCase().replace(/^\./, ''),
    ),
    excludePatterns: settings?.excludePatterns?.values ?? [],
    includePatterns: settings?.includePatterns?.values ?? [],
    // A run of an older coordinator goes on as it began.
    caseSensitivePatterns: settings?.caseSensitivePatterns ?? true,
    excludeFolders: settings?.excludeFolders?.values ?? [],
    minSize: Number(settings?.minSize ?? 0n),
    maxSize: Number(settings?.maxSize ?? 0n),
    createdAfterNs: timeNs(settings?.createdAfter, 'created_after'),
    createdBeforeNs: timeNs(settings?.createdBefore, 'created_before'),
    modifiedAfterNs: timeNs(settings?.modifiedAfter, 'modified_after'),
    modifiedBeforeNs: timeNs(settings?.modifiedBefore, 'modified_before'),
  };
}

function timeNs(text: string | undefined, name: string): bigint | undefined {
  if (text === undefined || text === '') return undefined;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw DroverError.invalid(`settings.${name}`, `"${text}" is no time`);
  return BigInt(timeMs) * 1_000_000n;
}
