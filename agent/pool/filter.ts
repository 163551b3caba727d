// PURE. Which items a task leaves out. An item is migrated when no filter leaves it out; a folder that is left out is left out with all that
// is in it.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { ItemFacts, Source } from '../source/source.ts';
import type { FilterSettings } from './filter-settings.ts';
import { PatternSet } from './pattern-set.ts';
import { isSystemName } from './system-names.ts';
import type { Remark } from './walk.ts';

/** Why an item is left out; undefined when it is not. */
export type FilterJudge = (path: string, name: string, facts: ItemFacts) => LeftOut | undefined;

/** A remark that names the filter. */
export type LeftOut = Remark & { rule: string };

/** One filter, of those that are set. */
type Filter = FilterJudge;

/** Compiles a run's filters. Where the source knows attributes, it is asked for them if a filter needs them. */
export function compileFilters(
  settings: FilterSettings,
  source: Pick<Source, 'attributes'>,
): FilterJudge {
  const filters = [
    settings.migrateHiddenItems ? undefined : hiddenFilter(source),
    settings.migrateSystemItems ? undefined : systemFilter(source),
    folderFilter(settings.excludeFolders),
    extensionFilter(settings.excludeExtensions),
    excludeFilter(settings),
    includeFilter(settings),
    ...sizeFilters(settings),
    ...timeFilters(settings),
  ].filter((filter) => filter !== undefined);
  return (path, name, facts) => {
    for (const filter of filters) {
      const leftOut = filter(path, name, facts);
      if (leftOut !== undefined) return leftOut;
    }
    return undefined;
  };
}

function leftOut(rule: string, message: string): LeftOut {
  return { reason: ErrorReason.FILTERED, message, rule };
}

/** What is left out is told of with one and the same object for each rule: there may be millions. */
function rulesOf(setting: string, say: (value: string) => string): (value: string) => LeftOut {
  const known = new Map<string, LeftOut>();
  return (value) => {
    let rule = known.get(value);
    if (rule === undefined) known.set(value, (rule = leftOut(`${setting}: ${value}`, say(value))));
    return rule;
  };
}

function hiddenFilter(source: Pick<Source, 'attributes'>): Filter {
  const out = leftOut('migrate_hidden_items', 'hidden items are left out');
  return (path, name) => {
    const isHidden = source.attributes(path)?.isHidden ?? name.startsWith('.');
    return isHidden ? out : undefined;
  };
}

function systemFilter(source: Pick<Source, 'attributes'>): Filter {
  const out = leftOut('migrate_system_items', 'what belongs to a system is left out');
  return (path, name) =>
    isSystemName(name) || source.attributes(path)?.isSystem === true ? out : undefined;
}

function folderFilter(folders: readonly string[]): Filter | undefined {
  if (folders.length === 0) return undefined;
  const rule = rulesOf('exclude_folders', (folder) => `the folder "${folder}" is left out`);
  const names = new Map<string, string>();
  const paths = new Map<string, string>();
  for (const folder of folders) {
    const text = folder.replaceAll('\\', '/').toLowerCase();
    const isPath = text.replace(/\/+$/, '').includes('/');
    (isPath ? paths : names).set(text.replaceAll(/\/+/g, '/').replaceAll(/^\/|\/$/g, ''), folder);
  }
  return (path, name, { kind }) => {
    if (kind !== ItemKind.FOLDER) return undefined;
    const folder = names.get(name.toLowerCase()) ?? (paths.size > 0 ? paths.get(path.toLowerCase()) : undefined); // oxfmt-ignore
    return folder === undefined ? undefined : rule(folder);
  };
}

/**
 * Extensions may have several parts: `tar.gz` matches `a.tar.gz`, and `gz` does too. A name that is nothing but a dot and
 * the extension, such as `.bak`, is a hidden file without one.
 */
function extensionFilter(extensions: readonly string[]): Filter | undefined {
  if (extensions.length === 0) return undefined;
  const rule = rulesOf(
    'exclude_extensions',
    (extension) => `files with the extension "${extension}" are left out`,
  );
  const wanted = new Set(extensions);
  const isLong = extensions.some((extension) => extension.includes('.'));
  return (_path, name, { kind }) => {
    if (kind !== ItemKind.FILE) return undefined;
    const lower = name.toLowerCase();
    const firstDot = isLong ? lower.indexOf('.', 1) : lower.lastIndexOf('.');
    for (let dot = firstDot; dot > 0; dot = lower.indexOf('.', dot + 1)) {
      const extension = lower.slice(dot + 1);
      if (wanted.has(extension)) return rule(extension);
    }
    return undefined;
  };
}

function excludeFilter(settings: FilterSettings): Filter | undefined {
  const patterns = new PatternSet(settings.excludePatterns, settings.caseSensitivePatterns);
  if (patterns.size === 0) return undefined;
  const rule = rulesOf('exclude_patterns', (pattern) => `the pattern "${pattern}" leaves it out`);
  return (path, name) => {
    const pattern = patterns.find(path, name);
    return pattern === undefined ? undefined : rule(pattern);
  };
}

/** How many folders are remembered. */
const knownFoldersMax = 1000;

function includeFilter(settings: FilterSettings): Filter | undefined {
  const patterns = new PatternSet(settings.includePatterns, settings.caseSensitivePatterns);
  if (patterns.size === 0) return undefined;
  const out = leftOut('include_patterns', 'none of the patterns of what is migrated matches it');
  const known = new Map<string, boolean>();
  /** Whether the folder, or one above it, matches, so that all in it is migrated. */
  const isTaken = (folder: string): boolean => {
    if (folder === '') return false;
    let taken = known.get(folder);
    if (taken !== undefined) return taken;
    const cut = folder.lastIndexOf('/');
    taken = isTaken(folder.slice(0, Math.max(cut, 0))) || patterns.find(folder, folder.slice(cut + 1)) !== undefined; // oxfmt-ignore
    if (known.size >= knownFoldersMax) known.clear();
    known.set(folder, taken);
    return taken;
  };
  return (path, name, { kind }) => {
    if (kind === ItemKind.FOLDER) return isTaken(path) || patterns.canMatchBelow(path) ? undefined : out; // oxfmt-ignore
    if (kind !== ItemKind.FILE || patterns.find(path, name) !== undefined) return undefined;
    return isTaken(path.slice(0, Math.max(path.length - name.length - 1, 0))) ? undefined : out;
  };
}

function sizeFilters({ minSize, maxSize }: FilterSettings): (Filter | undefined)[] {
  const small = leftOut('min_size', `files of less than ${minSize} bytes are left out`);
  const large = leftOut('max_size', `files of more than ${maxSize} bytes are left out`);
  return [
    minSize > 0 ? ofFiles((facts) => (facts.size < minSize ? small : undefined)) : undefined,
    maxSize > 0 ? ofFiles((facts) => (facts.size > maxSize ? large : undefined)) : undefined,
  ];
}

/** A file of which the source does not know when it was created is never left out by that. */
function timeFilters(settings: FilterSettings): (Filter | undefined)[] {
  const { createdAfterNs, createdBeforeNs, modifiedAfterNs, modifiedBeforeNs } = settings;
  return [
    afterFilter('created_after', 'created', createdAfterNs, createdAt),
    beforeFilter('created_before', 'created', createdBeforeNs, createdAt),
    afterFilter('modified_after', 'last modified', modifiedAfterNs, modifiedAt),
    beforeFilter('modified_before', 'last modified', modifiedBeforeNs, modifiedAt),
  ];
}

type Time = (facts: ItemFacts) => bigint | undefined;

const createdAt: Time = ({ createdNs }) => (createdNs === 0n ? undefined : createdNs);
const modifiedAt: Time = ({ modifiedNs }) => modifiedNs;

function afterFilter(rule: string, what: string, limitNs: bigint | undefined, time: Time) {
  if (limitNs === undefined) return undefined;
  const out = leftOut(rule, `files that were ${what} before ${dateOf(limitNs)} are left out`);
  return ofFiles((facts) => ((time(facts) ?? limitNs) < limitNs ? out : undefined));
}

function beforeFilter(rule: string, what: string, limitNs: bigint | undefined, time: Time) {
  if (limitNs === undefined) return undefined;
  const out = leftOut(rule, `files that were ${what} at ${dateOf(limitNs)} or later are left out`);
  return ofFiles((facts) => ((time(facts) ?? limitNs - 1n) >= limitNs ? out : undefined));
}

function ofFiles(judge: (facts: ItemFacts) => LeftOut | undefined): Filter {
  return (_path, _name, facts) => (facts.kind === ItemKind.FILE ? judge(facts) : undefined);
}

function dateOf(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString();
}
