// Whether a source is out of reach as a whole, as when its share is unmounted or its server is down: then none of its items has failed, and what
// is left of them waits until the source is back, or another agent reads it.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Source } from '../source/source.ts';

/** What is said of items whose source may be out of reach, or of the source itself. */
const mayBeLost: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.SOURCE_NOT_FOUND,
  ErrorReason.SOURCE_NOT_A_FOLDER,
  ErrorReason.SOURCE_VANISHED,
  ErrorReason.SOURCE_READ_FAILED,
  ErrorReason.SOURCE_ACCESS_DENIED,
]);

/** Throws why a source cannot be read; `hasItems`: items are known to be in it, so that an empty one has lost them all at once. */
export function checkSource(source: Source, hasItems: boolean): void {
  source.check();
  if (hasItems) source.checkNotEmpty();
}

/** Why a source cannot be read; undefined when it can. */
export function lossOf(source: Source, hasItems: boolean): DroverError | undefined {
  try {
    checkSource(source, hasItems);
    return undefined;
  } catch (thrown) {
    return DroverError.from(thrown);
  }
}

/** Why the source of an item that could not be read cannot be read as a whole; undefined when the failure is the item's own. */
export function sourceLoss(
  source: Source,
  error: DroverError,
  hasItems = true,
): DroverError | undefined {
  return mayBeLost.has(error.reason) ? lossOf(source, hasItems) : undefined;
}
