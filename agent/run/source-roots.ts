// What the agent was told that it may read. The coordinator gives it nothing else; the agent looks again, so that a mistake there
// never reads what is not to be read here.
import type { BatchLease, ScanLease } from '../../gen/drover/v1/session_pb.ts';
import { holds, parseLocation, type Location } from '../../lib/location.ts';
import type { Logger } from '../../lib/log.ts';

/** Answers whether a lease may be worked on, and logs one that the coordinator must not have given. Throws as `compileSourceRoots`. */
export function guardSources(
  sourceRoots: readonly string[],
  log: Logger,
): (lease: ScanLease | BatchLease) => boolean {
  const mayRead = compileSourceRoots(sourceRoots);
  return ({ key, source }) => {
    if (mayRead(source)) return true;
    log.error({ lease: key?.lease, source, sourceRoots }, 'a lease whose source is outside the source roots is given back'); // prettier-ignore
    return false;
  };
}

/** Answers whether a source may be read: everything, when there are no roots. Throws INVALID_ARGUMENT when a root is no place. */
export function compileSourceRoots(roots: readonly string[]): (source: string) => boolean {
  if (roots.length === 0) return () => true;
  const places = roots.map((root) => parseLocation(root, 'source_root'));
  return (source) => {
    const place = placeOf(source);
    return place !== undefined && places.some((root) => holds(root, place));
  };
}

/** Undefined for what nobody could open. */
function placeOf(source: string): Location | undefined {
  try {
    return parseLocation(source, 'source');
  } catch {
    return undefined;
  }
}
