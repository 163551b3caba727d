// PURE. Hundreds of patterns, matched with a name at about the cost of one: what asks for a name, an ending or a beginning is looked up, and one
// regular expression says whether any of the rest is worth trying.
import { parseGlob, type Glob } from './glob.ts';

/** Where the endings, or beginnings, of one length are found. */
interface Ends {
  length: number;
  globs: Map<string, Glob[]>;
}

export class PatternSet {
  readonly #fold: (text: string) => string;
  readonly #globs: readonly Glob[];
  readonly #names = new Map<string, Glob[]>();
  /** Endings that begin with a dot, such as ".bak". */
  readonly #extensions = new Map<string, Glob[]>();
  readonly #suffixes: Ends[] = [];
  readonly #prefixes: Ends[] = [];
  /** Tried one by one, when `#anyName` matches the name. */
  readonly #rest: { glob: Glob; expression: RegExp }[] = [];
  readonly #anyName: RegExp | undefined;
  /** Tried one by one with the path. */
  readonly #paths: Glob[] = [];

  constructor(patterns: readonly string[], isCaseSensitive: boolean) {
    this.#fold = isCaseSensitive ? (text) => text : (text) => text.toLowerCase();
    this.#globs = patterns.flatMap((pattern) => parseGlob(pattern, this.#fold) ?? []);
    for (const glob of this.#globs) this.#add(glob);
    const sources = this.#rest.map(({ expression }) => expression.source);
    this.#anyName = sources.length === 0 ? undefined : new RegExp(sources.join('|'));
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
    switch (glob.name?.kind) {
      case undefined:
        this.#paths.push(glob);
        return;
      case 'name':
        push(this.#names, glob.name.text, glob);
        return;
      case 'suffix':
        if (/^\.[^.]+$/.test(glob.name.text)) push(this.#extensions, glob.name.text, glob);
        else pushEnd(this.#suffixes, glob.name.text, glob);
        return;
      case 'prefix':
        pushEnd(this.#prefixes, glob.name.text, glob);
        return;
      case 'glob':
        this.#rest.push({ glob, expression: new RegExp(glob.name.source) });
    }
  }

  #find(path: string, name: string): Glob | undefined {
    // The path is folded only where it is looked at.
    let folded: string | undefined;
    const fits = (glob: Glob) =>
      glob.path === undefined || glob.path((folded ??= this.#fold(path)));
    const found = this.#names.get(name)?.find(fits);
    if (found !== undefined) return found;
    if (this.#extensions.size > 0) {
      const dot = name.lastIndexOf('.');
      const extension = dot < 0 ? undefined : this.#extensions.get(name.slice(dot))?.find(fits);
      if (extension !== undefined) return extension;
    }
    for (const { length, globs } of this.#suffixes) {
      if (length > name.length) continue;
      const suffix = globs.get(name.slice(-length))?.find(fits);
      if (suffix !== undefined) return suffix;
    }
    for (const { length, globs } of this.#prefixes) {
      if (length > name.length) continue;
      const prefix = globs.get(name.slice(0, length))?.find(fits);
      if (prefix !== undefined) return prefix;
    }
    if (this.#anyName?.test(name) === true) {
      const rest = this.#rest.find(({ glob, expression }) => expression.test(name) && fits(glob));
      if (rest !== undefined) return rest.glob;
    }
    return this.#paths.find(fits);
  }
}

function push(map: Map<string, Glob[]>, text: string, glob: Glob): void {
  const globs = map.get(text);
  if (globs === undefined) map.set(text, [glob]);
  else globs.push(glob);
}

function pushEnd(ends: Ends[], text: string, glob: Glob): void {
  const { length } = text;
  let of = ends.find((end) => end.length === length);
  if (of === undefined) ends.push((of = { length, globs: new Map() }));
  push(of.globs, text, glob);
}
