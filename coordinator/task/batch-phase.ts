// Which phases are passes of the same kind. PURE.
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';

/** Whether a batch of the phase writes files and makes folders: what waited until its place was vacated is written like all else. */
export function isTransfer(phase: BatchPhase): boolean {
  return phase === BatchPhase.TRANSFER || phase === BatchPhase.LATE;
}
