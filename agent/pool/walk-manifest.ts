// A walk through nothing but what a manifest lists. It finds of each what a walk through everything would find, the folders above it included:
// they are made with their own names and dates, and what filters say of them counts for all in them.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { compareNames } from '../source/folder-names.ts';
import type { FolderEntry } from '../source/source.ts';
import type { ListedPath } from './jobs.ts';
import { inspect, unknownFacts, walkBelow, type WalkItem, type WalkOptions } from './walk.ts'; // oxfmt-ignore

export interface ManifestWalkOptions extends WalkOptions {
  /** In path order, each path once. */
  listed: readonly ListedPath[];
}

/** Visits what is listed, as `walk` does. What is not there is visited as an item that says so. */
export function walkManifest(
  options: ManifestWalkOptions,
  visit: (item: WalkItem) => boolean,
): boolean {
  return new ManifestWalk(options, visit).walk();
}

/** A folder on the way down, or what stands in the way. */
interface Level {
  /** With a slash at its end; empty for the source itself. */
  prefix: string;
  /** What is in it. `gone`: it is not there. `closed`: it cannot be gone into, and its own item says why. */
  inside: FolderEntry[] | 'gone' | 'closed';
}

class ManifestWalk {
  readonly #options: ManifestWalkOptions;
  readonly #visit: (item: WalkItem) => boolean;
  readonly #stack: Level[];

  constructor(options: ManifestWalkOptions, visit: (item: WalkItem) => boolean) {
    this.#options = options;
    this.#visit = visit;
    this.#stack = [{ prefix: '', inside: options.source.list('') }];
  }

  walk(): boolean {
    let walked: string | undefined;
    for (const { path, withContents } of this.#options.listed) {
      if (walked !== undefined && path.startsWith(walked)) continue;
      if (!this.#take(path)) return false;
      const { prefix, inside } = this.#top;
      if (!withContents || prefix !== `${path}/` || typeof inside === 'string') continue;
      walked = prefix;
      if (!this.#isPassed(prefix) && !walkBelow(this.#options, prefix, inside, this.#visit))
        return false;
    }
    return true;
  }

  get #top(): Level {
    return this.#stack.at(-1)!;
  }

  /** Goes down to the path, and visits it and the folders above that were not visited. */
  #take(path: string): boolean {
    while (!path.startsWith(this.#top.prefix)) this.#stack.pop();
    for (;;) {
      const { prefix, inside } = this.#top;
      if (inside === 'closed' || prefix === `${path}/`) return true;
      if (inside === 'gone') return this.#tell(missing(path));
      const end = path.indexOf('/', prefix.length);
      const isLast = end < 0;
      const next = isLast ? path : path.slice(0, end);
      const entry = findEntry(inside, next.slice(prefix.length));
      const { item, entries } = entry === undefined ? nothing : inspect(this.#options, next, entry);
      if (item === undefined && isLast) return this.#tell(missing(path));
      const isOpen = item === undefined || item.remark === undefined;
      // A file has nothing in it: what is listed below it is not there, and nobody listed the file.
      const isListed = isLast || entries !== undefined || !isOpen;
      if (item !== undefined && isListed && !this.#tell(item)) return false;
      this.#stack.push({ prefix: `${next}/`, inside: entries ?? (isOpen ? 'gone' : 'closed') });
    }
  }

  #tell(item: WalkItem): boolean {
    return this.#isBefore(item.path) || this.#visit(item);
  }

  /** Whether the path was visited before the walk goes on. */
  #isBefore(path: string): boolean {
    const { afterPath } = this.#options;
    return afterPath !== '' && comparePaths(path, afterPath) <= 0;
  }

  /** Whether all that is in the folder was. */
  #isPassed(prefix: string): boolean {
    const { afterPath } = this.#options;
    return this.#isBefore(prefix.slice(0, -1)) && afterPath !== prefix.slice(0, -1) && !afterPath.startsWith(prefix); // oxfmt-ignore
  }
}

const nothing = { item: undefined, entries: undefined };

function missing(path: string): WalkItem {
  const message = 'the manifest lists it, and it is not at the source under this name, upper and lower case included'; // oxfmt-ignore
  return { path, facts: unknownFacts, remark: { reason: ErrorReason.SOURCE_VANISHED, message } };
}

function comparePaths(one: string, other: string): number {
  return compareNames(one.replaceAll('/', '\0'), other.replaceAll('/', '\0'));
}

/** The entries are sorted. */
function findEntry(entries: readonly FolderEntry[], name: string): FolderEntry | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareNames(entries[middle]!.name, name);
    if (order === 0) return entries[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
