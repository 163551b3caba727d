// Whether a source is out of reach as a whole, as when its share is unmounted or its server is down: then none of its items has failed, and what
// is left of them waits until the source is back, or another agent reads it.
import { DroverError } from '../../lib/error.ts';
import { unreadableReasons } from '../../lib/unreadable-source.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Source } from '../source/source.ts';

/** Why a source cannot be read, see `Source.check`; undefined when it can. */
export function lossOf(source: Source, hasItems: boolean): DroverError | undefined {
  try {
    source.check(hasItems);
    return undefined;
  } catch (thrown) {
    return DroverError.from(thrown);
  }
}

/** Why the source of an item that could not be read cannot be read as a whole; undefined when the failure is the item's own. */
export function sourceLoss(
  source: Source,
  { reason }: DroverError,
  hasItems = true,
): DroverError | undefined {
  const mayBeLost = reason === ErrorReason.SOURCE_VANISHED || unreadableReasons.has(reason);
  return mayBeLost ? lossOf(source, hasItems) : undefined;
}
