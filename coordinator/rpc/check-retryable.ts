// Which runs can be tried again: those in which something failed that a scan can find again.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { firstPosition, nextFailedPaths } from '../dispatch/failed-paths.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { requireRun } from './lookup.ts';

/** Throws NOT_FOUND, or WRONG_STATE when there is nothing in the run that could be tried again by itself. */
export async function checkRetryable(reader: Reader, key: RunKey): Promise<void> {
  const { name, progress } = (await requireRun(reader, key)).run!;
  if (progress!.failedItems === 0n)
    throw notRetried(name, 'nothing failed in it; run the task to migrate what is new or changed');
  const { paths } = await nextFailedPaths(reader, key, firstPosition(), '');
  if (paths.length === 0)
    throw notRetried(name, 'all that failed in it is gone from the source, and only a run of the whole task tries again to recycle that; run the task'); // oxfmt-ignore
}

function notRetried(name: string, why: string): DroverError {
  const message = `${name} cannot be tried again: ${why}`;
  return new DroverError(ErrorReason.WRONG_STATE, message, { metadata: { name } });
}
