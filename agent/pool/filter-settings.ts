// What of a source is migrated, complete: no field is optional any more.

export interface FilterSettings {
  migrateHiddenItems: boolean;
  migrateSystemItems: boolean;
  /** Lower case, without the leading dot. */
  excludeExtensions: readonly string[];
  excludePatterns: readonly string[];
  /** None: all files. */
  includePatterns: readonly string[];
  caseSensitivePatterns: boolean;
  /** Names, and paths that have a slash or a backslash. */
  excludeFolders: readonly string[];
  /** Bytes; 0: no limit. */
  minSize: number;
  maxSize: number;
  /** Nanoseconds since 1970; undefined: no limit. What is at `after` is migrated, what is at `before` is not. */
  createdAfterNs: bigint | undefined;
  createdBeforeNs: bigint | undefined;
  modifiedAfterNs: bigint | undefined;
  modifiedBeforeNs: bigint | undefined;
}

/** Everything is migrated. */
export const noFilters: FilterSettings = {
  migrateHiddenItems: true,
  migrateSystemItems: true,
  excludeExtensions: [],
  excludePatterns: [],
  includePatterns: [],
  caseSensitivePatterns: true,
  excludeFolders: [],
  minSize: 0,
  maxSize: 0,
  createdAfterNs: undefined,
  createdBeforeNs: undefined,
  modifiedAfterNs: undefined,
  modifiedBeforeNs: undefined,
};
