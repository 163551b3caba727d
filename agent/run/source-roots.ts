// What the agent was told that it may read. The coordinator gives it nothing else; the agent looks again, so that a mistake there
// never reads what is not to be read here.
import type { BatchLease, ScanLease } from '../../gen/drover/v1/session_pb.ts';
import { holds, parseLocation, type Location } from '../../lib/location.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';

/** After a line of the log about such a lease others are only counted for so long: a coordinator that gives them may give many. */
export const quietMs = 60_000;

/** Answers whether a lease may be worked on, and logs one that the coordinator must not have given. Throws as `compileSourceRoots`. */
export function guardSources(
  sourceRoots: readonly string[],
  { clock, log }: { clock: Clock; log: Logger },
): (lease: ScanLease | BatchLease) => boolean {
  const mayRead = compileSourceRoots(sourceRoots);
  let quietUntilMs = -Infinity;
  let unsaid = 0;
  return ({ key, source }) => {
    if (mayRead(source)) return true;
    const now = clock.steady();
    if (now < quietUntilMs) {
      unsaid += 1;
      return false;
    }
    log.error({ lease: key?.lease, source, sourceRoots, othersBefore: unsaid }, 'a lease whose source is outside the source roots is given back'); // oxfmt-ignore
    quietUntilMs = now + quietMs;
    unsaid = 0;
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
