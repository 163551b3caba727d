// Which reasons say that a source cannot be read as a whole.
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';

/** What is said of a source that is not there, is no folder, or lets nobody in: at another agent it may be otherwise. */
export const unreadableReasons: ReadonlySet<number> = new Set([
  ErrorReason.SOURCE_NOT_FOUND,
  ErrorReason.SOURCE_NOT_A_FOLDER,
  ErrorReason.SOURCE_ACCESS_DENIED,
  ErrorReason.SOURCE_READ_FAILED,
]);
