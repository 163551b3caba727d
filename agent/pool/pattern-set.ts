// PURE. Hundreds of patterns, matched with a name at about the cost of one: what asks for a name, an ending or a beginning is looked up, and what
// the rest has to hold is looked for before it is tried.
import { parseGlobs, type Glob } from './glob.ts';

/** A pattern whose text was found in the name; the rest of it is still to be asked. */
interface Candidate {
  glob: Glob;
  rest: ((name: string) => boolean) | undefined;
}

/** Where the endings, or beginnings, of one length are found. */
interface Ends {
  length: number;
  /** What each begins with, as a code: one look at the name tells of most that it has none of them. */
  firsts: Set<number>;
  found: Map<string, Candidate[]>;
}

export class PatternSet {
  readonly #fold: (text: string) => string;
  readonly #globs: readonly Glob[];
  readonly #names = new Map<string, Candidate[]>();
  /** Endings that begin with a dot, such as ".bak". */
  readonly #extensions = new Map<string, Candidate[]>();
  readonly #parts: { text: string; candidate: Candidate }[] = [];
  readonly #suffixes: Ends[] = [];
  readonly #prefixes: Ends[] = [];
  /** Tried one by one. */
  readonly #rest: Candidate[] = [];
  /** Tried one by one with the path. */
  readonly #paths: Glob[] = [];

  constructor(patterns: readonly string[], isCaseSensitive: boolean) {
    this.#fold = isCaseSensitive ? (text) => text : (text) => text.toLowerCase();
    this.#globs = patterns.flatMap((pattern) => parseGlobs(pattern, this.#fold));
    for (const glob of this.#globs) this.#add(glob);
  }

  get size(): number {
    return this.#globs.length;
  }

  /** A pattern that the item matches, as it was written. */
  find(path: string, name: string): string | undefined {
    return this.#find(path, this.#fold(name))?.pattern;
  }

  /** Whether anything below the folder can match. */
  canMatchBelow(folder: string): boolean {
    const parts = this.#fold(folder).split('/');
    return this.#globs.some((glob) => glob.canMatchBelow(parts));
  }

  #add(glob: Glob): void {
    const { name } = glob;
    if (name === undefined) {
      this.#paths.push(glob);
      return;
    }
    const candidate = { glob, rest: name.rest };
    switch (name.kind) {
      case 'name':
        return push(this.#names, name.text, candidate);
      case 'suffix':
        if (/^\.[^.]+$/.test(name.text)) push(this.#extensions, name.text, candidate);
        else pushEnd(this.#suffixes, name.text, candidate);
        return;
      case 'prefix':
        return pushEnd(this.#prefixes, name.text, candidate);
      case 'part':
        this.#parts.push({ text: name.text, candidate });
        return;
      case 'glob':
        this.#rest.push(candidate);
    }
  }

  #find(path: string, name: string): Glob | undefined {
    // The path is folded only where it is looked at.
    let folded: string | undefined;
    const isOnPath = (glob: Glob) =>
      glob.path === undefined || glob.path((folded ??= this.#fold(path)));
    const fits = ({ glob, rest }: Candidate) =>
      (rest === undefined || rest(name)) && isOnPath(glob);
    return (
      (
        this.#names.get(name)?.find(fits) ??
        this.#findExtension(name)?.find(fits) ??
        findEnd(this.#suffixes, name, (length) => name.length - length, fits) ??
        findEnd(this.#prefixes, name, () => 0, fits) ??
        this.#parts.find(({ text, candidate }) => name.includes(text) && fits(candidate))
          ?.candidate ??
        this.#rest.find(fits)
      )?.glob ?? this.#paths.find(isOnPath)
    );
  }

  #findExtension(name: string): Candidate[] | undefined {
    const dot = this.#extensions.size === 0 ? -1 : name.lastIndexOf('.');
    return dot < 0 ? undefined : this.#extensions.get(name.slice(dot));
  }
}

/** `startOf` is where an ending, or a beginning, of this length starts in the name. */
function findEnd(
  ends: readonly Ends[],
  name: string,
  startOf: (length: number) => number,
  fits: (candidate: Candidate) => boolean,
): Candidate | undefined {
  for (const { length, firsts, found } of ends) {
    const start = startOf(length);
    if (length > name.length || !firsts.has(name.charCodeAt(start))) continue;
    const candidate = found.get(name.slice(start, start + length))?.find(fits);
    if (candidate !== undefined) return candidate;
  }
  return undefined;
}

function push(map: Map<string, Candidate[]>, text: string, candidate: Candidate): void {
  const candidates = map.get(text);
  if (candidates === undefined) map.set(text, [candidate]);
  else candidates.push(candidate);
}

function pushEnd(ends: Ends[], text: string, candidate: Candidate): void {
  const { length } = text;
  let end = ends.find((one) => one.length === length);
  if (end === undefined) ends.push((end = { length, firsts: new Set(), found: new Map() }));
  end.firsts.add(text.charCodeAt(0));
  push(end.found, text, candidate);
}
