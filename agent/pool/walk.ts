// The walk through a source, in the order of the coordinator's keys: depth first, names sorted by their bytes, a folder
// before what is in it. It keeps one list of names for each folder on the way down, and no more.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { compareNames } from '../source/folder-names.ts';
import { invalidNameError, specialFileError, symbolicLinkError } from '../source/source-error.ts';
import type { FolderEntry, ItemFacts, Source } from '../source/source.ts';
import type { FilterJudge } from './filter.ts';
import { sourceLoss } from './source-loss.ts';

/** One item that was found. */
export interface WalkItem {
  /** Below the source, with `/` between its parts. */
  path: string;
  facts: ItemFacts;
  /** Why it will not be migrated; undefined when it will. */
  remark: Remark | undefined;
}

export interface Remark {
  reason: ErrorReason;
  message: string;
  /** The filter that leaves it out, such as "exclude_extensions: tmp"; absent where none does. */
  rule?: string;
}

export interface WalkOptions {
  source: Source;
  judge: FilterJudge;
  /** Whether each file is opened, to find those that cannot be read. @default false */
  triesReading?: boolean | undefined;
  /** Go on after this path; empty to begin at the beginning. */
  afterPath: string;
  /** Why an item of this path cannot be migrated to where it would go; undefined when it can. */
  refuse?: (path: string) => DroverError | undefined;
}

/**
 * Walks through the source; each call of `visit` is one item. `visit` answers whether to go on. Answers false when it
 * was told to end. Throws DroverError when the source itself cannot be read.
 *
 * A callback and not a generator, because a generator costs more than all else that is done here for an item.
 */
export function walk(options: WalkOptions, visit: (item: WalkItem) => boolean): boolean {
  return walkBelow(options, '', options.source.list(''), visit);
}

/** The same for what is in one folder, whose entries are known. `prefix` is its path with a slash at its end. */
export function walkBelow(
  options: WalkOptions,
  prefix: string,
  entries: FolderEntry[],
  visit: (item: WalkItem) => boolean,
): boolean {
  const isInside = options.afterPath.startsWith(prefix) && options.afterPath !== prefix;
  const after = isInside ? options.afterPath.slice(prefix.length).split('/') : [];
  const stack: Level[] = [openLevel(prefix, entries, after)];
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const entry = level.entries[level.next++];
    if (entry === undefined) {
      stack.pop();
      continue;
    }
    // What lies above the path to go on after was found before; it only leads down to what is left.
    const found = level.after.length > 0 && entry.name === level.after[0];
    const { item, entries: inside } = inspect(options, level.prefix + entry.name, entry);
    if (item !== undefined && !found && !visit(item)) return false;
    if (inside !== undefined)
      stack.push(
        openLevel(`${level.prefix}${entry.name}/`, inside, found ? level.after.slice(1) : []),
      );
  }
  return true;
}

/** A folder on the way down. */
interface Level {
  /** The folder's path with a slash at its end; empty for the source itself. */
  prefix: string;
  entries: FolderEntry[];
  /** Which entry comes next. */
  next: number;
  /** The parts, from this level on, of the path to go on after; empty when everything here is new. */
  after: string[];
}

function openLevel(prefix: string, entries: FolderEntry[], after: string[]): Level {
  const first = after[0];
  let next = 0;
  if (first !== undefined) {
    next = entries.findIndex((entry) => compareNames(entry.name, first) >= 0);
    if (next < 0) next = entries.length;
  }
  return { prefix, entries, next, after };
}

export interface Inspection {
  /** Undefined when the item vanished after its name was read. */
  item: WalkItem | undefined;
  /** What is in it, when it is a folder to go into. */
  entries: FolderEntry[] | undefined;
}

/** What one name stands for, and whether it will be migrated. */
export function inspect(options: WalkOptions, path: string, entry: FolderEntry): Inspection {
  if (!entry.validName) return refused(path, unknownFacts, invalidNameError(path));
  let facts: ItemFacts;
  try {
    facts = options.source.facts(path);
  } catch (thrown) {
    const again = lookAgain(options.source, thrown, () => options.source.facts(path));
    if (again instanceof DroverError) return unreadable(path, unknownFacts, again);
    facts = again;
  }
  const refusal = options.refuse?.(path);
  if (refusal !== undefined) return refused(path, facts, refusal);
  const leftOut = options.judge(path, entry.name, facts);
  if (leftOut !== undefined) return { item: { path, facts, remark: leftOut }, entries: undefined };
  switch (facts.kind) {
    case ItemKind.FILE:
      return options.triesReading === true
        ? inspectFile(options.source, path, facts)
        : { item: { path, facts, remark: undefined }, entries: undefined };
    case ItemKind.FOLDER:
      return inspectFolder(options.source, path, facts);
    case ItemKind.SYMBOLIC_LINK:
      return refused(path, facts, symbolicLinkError(path));
    default:
      return refused(path, facts, specialFileError(path));
  }
}

/** Opens it, and reads nothing: that could bring a file back from an archive. */
function inspectFile(source: Source, path: string, facts: ItemFacts): Inspection {
  try {
    source.open(path)[Symbol.dispose]();
  } catch (thrown) {
    const again = lookAgain(source, thrown, () => source.open(path));
    if (again instanceof DroverError) return unreadable(path, facts, again);
    again[Symbol.dispose]();
  }
  return { item: { path, facts, remark: undefined }, entries: undefined };
}

function inspectFolder(source: Source, path: string, facts: ItemFacts): Inspection {
  let entries: FolderEntry[];
  try {
    entries = source.list(path);
  } catch (thrown) {
    const again = lookAgain(source, thrown, () => source.list(path));
    if (again instanceof DroverError) return unreadable(path, facts, again);
    entries = again;
  }
  return { item: { path, facts, remark: undefined }, entries };
}

/**
 * After a failure: throws when it is the source that cannot be read. What has vanished is looked at once more, as it may have been out of reach for
 * just that moment, and would be taken for gone.
 */
function lookAgain<T extends object>(
  source: Source,
  thrown: unknown,
  look: () => T,
): T | DroverError {
  const error = DroverError.from(thrown);
  const loss = sourceLoss(source, error);
  if (loss !== undefined) throw loss;
  if (error.reason !== ErrorReason.SOURCE_VANISHED) return error;
  try {
    return look();
  } catch (again) {
    return DroverError.from(again);
  }
}

/** An item that was there when its folder was read and is gone now was never there, as far as a scan can tell. */
function unreadable(path: string, facts: ItemFacts, error: DroverError): Inspection {
  if (error.reason === ErrorReason.SOURCE_VANISHED) return { item: undefined, entries: undefined };
  return refused(path, facts, error);
}

/** An item that will not be migrated. */
export function refused(path: string, facts: ItemFacts, error: DroverError): Inspection {
  const remark = { reason: error.reason, message: error.message };
  return { item: { path, facts, remark }, entries: undefined };
}

export const unknownFacts: ItemFacts = {
  kind: ItemKind.UNSPECIFIED,
  size: 0,
  modifiedNs: 0n,
  createdNs: 0n,
  fileId: 0n,
};
