// The order of a scan, checked where its pages come in: the ledger is joined with them in one pass, and a path that came twice
// would be counted twice. PURE.
import { DroverError } from '../../lib/error.ts';

const separator = '/'.charCodeAt(0);

/**
 * Throws INVALID_ARGUMENT unless each path comes after the one before it, and the first after `after`, which is empty before the first
 * page. Only a broken agent sends such a page.
 */
export function checkPathOrder(paths: readonly string[], after: string): void {
  let before = after;
  for (const path of paths) {
    if (before !== '' && comparePaths(before, path) >= 0)
      throw DroverError.invalid(
        'scan_page.items',
        `is not in path order: "${path}" comes after "${before}"`,
      );
    before = path;
  }
}

/** Compares two paths as a depth-first walk over names sorted by their UTF-8 bytes meets them; negative when `one` is first. */
export function comparePaths(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const left = one.charCodeAt(at);
    const right = other.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return one.length - other.length;
}

/** The separator is below everything. Surrogates stand for what is above U+FFFF, and UTF-8 puts it there. */
function rank(unit: number): number {
  if (unit === separator) return -1;
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
