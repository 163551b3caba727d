// The life of a lease, for scans and batches alike. PURE.
//
//   PENDING  nobody works on it         -> LEASED by `lease`
//   LEASED   the newest generation does -> PENDING by `release`, DONE by `complete`
//   DONE     for good
//
// Every `lease` makes a new generation, and only the newest may release or complete: an agent that was thought dead and comes
// back late is refused.
import { create } from '@bufbuild/protobuf';
import { LeaseRowSchema, LeaseState, type LeaseRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

export type LeaseEvent =
  | { kind: 'lease'; agent: string }
  | { kind: 'release'; generation: number }
  | { kind: 'complete'; generation: number };

/**
 * A lease that nobody has held.
 * @param generation that of the batch which the work was cut out of: what its holders left half-written bears their generations, so
 *   that the next one counts on from there. @default 0
 */
export function newLease(generation = 0): LeaseRow {
  return create(LeaseRowSchema, { state: LeaseState.PENDING, generation });
}

/** The lease after the event; throws LEASE_LOST when the event is of an older generation or does not fit the state. */
export function stepLease(row: LeaseRow, event: LeaseEvent): LeaseRow {
  switch (event.kind) {
    case 'lease':
      if (row.state !== LeaseState.PENDING) throw lost(row, 'it is not free');
      return create(LeaseRowSchema, {
        state: LeaseState.LEASED,
        generation: row.generation + 1,
        agent: event.agent,
      });
    case 'release':
      checkHolder(row, event.generation);
      return create(LeaseRowSchema, { ...row, state: LeaseState.PENDING, agent: '' });
    case 'complete':
      checkHolder(row, event.generation);
      return create(LeaseRowSchema, { ...row, state: LeaseState.DONE });
  }
}

/** Throws LEASE_LOST unless `generation` is the one that holds the lease. */
export function checkHolder(row: LeaseRow, generation: number): void {
  if (row.state !== LeaseState.LEASED) throw lost(row, 'nobody holds it');
  if (row.generation !== generation) throw lost(row, `generation ${generation} was fenced off`);
}

function lost(row: LeaseRow, why: string): DroverError {
  const metadata = { generation: String(row.generation) };
  return new DroverError(ErrorReason.LEASE_LOST, `the lease is lost: ${why}`, { metadata });
}

/** A lease that nobody has to hold, because there is nothing to do. */
export function settledLease(): LeaseRow {
  return create(LeaseRowSchema, { state: LeaseState.DONE });
}
