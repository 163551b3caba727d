// PURE. Which items a task leaves out.
import picomatch from 'picomatch';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { RunSettings } from './jobs.ts';

/** Why an item is left out, in words; undefined when it is not. A folder that is left out is left out with all that is in it. */
export type FilterJudge = (path: string, name: string, kind: ItemKind) => string | undefined;

/** Compiles a run's filters. */
export function compileFilters(settings: RunSettings): FilterJudge {
  const extension = compileExtensions(settings.excludeExtensions);
  const pattern = compilePatterns(settings.excludePatterns);
  return (path, name, kind) => {
    if (!settings.migrateHiddenItems && name.startsWith('.')) return 'hidden items are left out';
    return (kind === ItemKind.FILE ? extension(name) : undefined) ?? pattern(path);
  };
}

/**
 * Extensions may have several parts: `tar.gz` matches `a.tar.gz`, and `gz` does too. A name that is nothing but a dot and
 * the extension, such as `.bak`, is a hidden file without one.
 */
function compileExtensions(extensions: readonly string[]): (name: string) => string | undefined {
  if (extensions.length === 0) return () => undefined;
  const wanted = new Set(extensions.map((extension) => extension.toLowerCase()));
  return (name) => {
    for (let dot = name.indexOf('.', 1); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const extension = name.slice(dot + 1).toLowerCase();
      if (wanted.has(extension)) return `files with the extension "${extension}" are left out`;
    }
    return undefined;
  };
}

/** A pattern without a slash is matched with the name, at any depth; one with a slash, also in front, with the whole path. */
function compilePatterns(patterns: readonly string[]): (path: string) => string | undefined {
  // A pattern of nothing matches nothing.
  const real = patterns.filter((pattern) => /[^/]/.test(pattern));
  if (real.length === 0) return () => undefined;
  const matchers = real.map((pattern) => ({
    pattern,
    matches: picomatch(pattern.replace(/^\/+|\/+$/g, ''), {
      dot: true,
      basename: !pattern.replace(/\/+$/, '').includes('/'),
      // Backslash is a character of names; it only escapes in the pattern.
      windows: false,
      // A pattern such as !(a) is text that people type by accident far more often than on purpose.
      nonegate: true,
    }),
  }));
  return (path) => {
    const matcher = matchers.find(({ matches }) => matches(path));
    return matcher && `the pattern "${matcher.pattern}" leaves it out`;
  };
}
