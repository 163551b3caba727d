// A walk through nothing but a list of paths, for a run that tries again what failed before. It finds of each what a walk through
// everything would find: what filters say of the folders above counts, and no link is followed on the way.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { Source } from '../source/source.ts';
import type { LeftOut } from './filter.ts';
import type { ListedPath } from './jobs.ts';
import { inspect, unknownFacts, walkBelow, type Inspection, type WalkItem, type WalkOptions } from './walk.ts'; // oxfmt-ignore

export interface ListedWalkOptions extends WalkOptions {
  /** In path order. */
  only: readonly ListedPath[];
}

/** Visits what of the list is there, as `walk` does. */
export function walkListed(
  options: ListedWalkOptions,
  visit: (item: WalkItem) => boolean,
): boolean {
  const { only, afterPath } = options;
  const folders = new FoldersAbove(options);
  // What lies in a folder that was walked through may be in the list as well.
  let walked: string | undefined;
  for (const { path, withContents } of only) {
    if (walked !== undefined && path.startsWith(walked)) continue;
    const { item, entries } = folders.inspect(path);
    const isFound = path === afterPath || afterPath.startsWith(`${path}/`);
    if (item !== undefined && !isFound && !visit(item)) return false;
    if (entries === undefined || !withContents) continue;
    walked = `${path}/`;
    if (!walkBelow(options, walked, entries, visit)) return false;
  }
  return true;
}

/** What stands in the way from the source down to an item. */
type Verdict = 'open' | 'gone' | LeftOut;

/** How many folders are remembered. */
const knownMax = 1000;

class FoldersAbove {
  readonly #options: WalkOptions;
  readonly #known = new Map<string, Verdict>();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  inspect(path: string): Inspection {
    const cut = path.lastIndexOf('/');
    const verdict = cut < 0 ? 'open' : this.#judge(path.slice(0, cut));
    if (verdict === 'gone') return { item: undefined, entries: undefined };
    if (verdict !== 'open')
      return { item: { path, facts: unknownFacts, remark: verdict }, entries: undefined };
    const name = path.slice(cut + 1);
    return inspect(this.#options, path, { name, validName: isValid(this.#options.source, path) });
  }

  #judge(folder: string): Verdict {
    const known = this.#known.get(folder);
    if (known !== undefined) return known;
    const cut = folder.lastIndexOf('/');
    const above = cut < 0 ? 'open' : this.#judge(folder.slice(0, cut));
    const verdict = above === 'open' ? this.#judgeOne(folder, folder.slice(cut + 1)) : above;
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(folder, verdict);
    return verdict;
  }

  #judgeOne(folder: string, name: string): Verdict {
    const { source, judge } = this.#options;
    try {
      const facts = source.facts(folder);
      if (facts.kind !== ItemKind.FOLDER) return 'gone';
      const leftOut = judge(folder, name, facts);
      if (leftOut === undefined) return 'open';
      const message = `the folder "${folder}" above it is left out: ${leftOut.message}`;
      return { ...leftOut, message };
    } catch (error) {
      // Where the folder cannot be read, what is in it says so itself.
      return DroverError.from(error).reason === ErrorReason.SOURCE_VANISHED ? 'gone' : 'open';
    }
  }
}

/** Names that are not valid Unicode are listed in words, by which nothing can be opened. */
function isValid(source: Source, path: string): boolean {
  const cut = path.lastIndexOf('/');
  const name = path.slice(cut + 1);
  if (!/\\x[0-9a-f]{2}/i.test(name)) return true;
  try {
    const entry = source.list(path.slice(0, Math.max(cut, 0))).find((one) => one.name === name);
    return entry?.validName ?? true;
  } catch {
    return true;
  }
}
