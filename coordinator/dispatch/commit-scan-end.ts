// The end of a scan goes into the store: the source was read to its end, or cannot be read and the run has failed.
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ScanDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { RunKey, Store } from '../store/store.ts';
import { checkHolder } from '../task/lease-machine.ts';
import { stepRun, type RunEvent } from '../task/run-machine.ts';

/** Answers with the run after it. Throws LEASE_LOST when the sender does not hold the scan, or pages are missing. */
export function commitScanEnd(
  store: Store,
  key: RunKey,
  frame: ScanDone,
  nowMs: number,
): Promise<RunRow> {
  return store.commit(async (transaction) => {
    const before = await transaction.run(key);
    if (before === undefined)
      throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: its task was deleted');
    checkHolder(before.scan!.lease!, frame.key!.generation);
    const next = stepRun(before, scanEndEvent(before, frame), nowMs);
    transaction.putRun(key, next);
    return next;
  });
}

function scanEndEvent(row: RunRow, frame: ScanDone): RunEvent {
  const { reason, message, pages } = frame;
  if (reason !== ErrorReason.UNSPECIFIED) return { kind: 'fail', reason, message };
  if (pages === row.scan!.lastPage)
    return { kind: 'finish-scan', generation: frame.key!.generation };
  throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: pages of the scan are missing');
}
