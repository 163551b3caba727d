// The life of one lease on the agent that holds it. PURE: `stepLease` says what the lease is afterwards and what is to be
// done; only work.ts does it.
//
//   queued     accepted; waits for a thread                     -> running by `start`, gone by `revoke` and `drain`
//   running    its job is going                                 -> saving or reporting by `finish`, and by `finish-partly` when
//                                                                  the agent could not go on; stopping by `revoke` and, for a
//                                                                  scan, `drain`; gone by `abandon`
//   stopping   its job was told to stop and has not yet answered -> gone by `abandon`; by `finish` and `finish-partly` gone
//                                                                  or reported, as the coordinator wants to know or not: a
//                                                                  scan that was only drained and came to its end, and what a
//                                                                  batch had done when it was taken away, are reported
//   saving     the report is on its way to the disk             -> reporting by `saved`
//   reporting  the report is sent until it is acknowledged      -> gone by `acknowledge` and `revoke`
//
// A lease that is gone and was not reported goes back to the coordinator with a LeaseReturn.
import type { AttachRequest } from '../../gen/drover/v1/session_pb.ts';

export type LeaseWorkKind = 'scan' | 'batch';

/** Of a job that was told to stop: its report when it came to its end, also what it had done of its work by then, or nothing. */
export type Wanted = 'whole' | 'part' | 'nothing';

export type HeldLease =
  | { state: 'queued'; work: LeaseWorkKind }
  | { state: 'running'; work: LeaseWorkKind }
  /** `wanted`: what the coordinator still takes of it; if it is nothing, nothing may be sent about it but its return. */
  | { state: 'stopping'; work: LeaseWorkKind; wanted: Wanted }
  | { state: 'saving'; work: LeaseWorkKind; report: AttachRequest; revoked: boolean }
  | { state: 'reporting'; work: LeaseWorkKind; report: AttachRequest };

export type LeaseEvent =
  /** A thread is free for it. */
  | { kind: 'start' }
  /** Its job came to its end; `report` is the frame that says so. */
  | { kind: 'finish'; report: AttachRequest }
  /** Its job stopped before its end; `report` is the frame that says what it had done by then. */
  | { kind: 'finish-partly'; report: AttachRequest }
  /** Its job stopped before its end, and has nothing to show. */
  | { kind: 'abandon' }
  /** The report is on the disk. */
  | { kind: 'saved' }
  /** The coordinator has stored the report. */
  | { kind: 'acknowledge' }
  /**
   * The coordinator takes the lease away, or the agent cannot go on with it; with `takesPart` the coordinator wants to know what was done
   * by then.
   */
  | { kind: 'revoke'; takesPart: boolean }
  /** The agent is about to end: batches are finished, everything else goes back. */
  | { kind: 'drain' };

/** What is to be done: begin the job, stop it at once or when what it has begun is done, save or send the report, send a LeaseReturn, delete from the journal. */
export type LeaseEffect = 'run' | 'stop' | 'stop-soon' | 'save' | 'report' | 'return' | 'forget';

/** The lease after an event, undefined when it is gone, and what is to be done in this order. */
export interface LeaseStep {
  lease: HeldLease | undefined;
  effects: readonly LeaseEffect[];
}

const gone: LeaseStep = { lease: undefined, effects: ['forget', 'return'] };

/** An event that does not fit the state changes nothing: it was on its way when the state changed. */
export function stepLease(lease: HeldLease, event: LeaseEvent): LeaseStep {
  switch (lease.state) {
    case 'queued':
      return stepQueued(lease, event);
    case 'running':
      return stepRunning(lease, event);
    case 'stopping':
      return stepStopping(lease, event);
    case 'saving':
      return stepSaving(lease, event);
    case 'reporting':
      if (event.kind === 'acknowledge') return { lease: undefined, effects: ['forget'] };
      return isLost(event) ? gone : unchanged(lease);
  }
}

/** Whether the lease takes one of the agent's slots: a lease whose work is done waits for nothing but its acknowledgement. */
export function takesSlot(lease: HeldLease): boolean {
  return lease.state === 'queued' || lease.state === 'running' || lease.state === 'stopping';
}

function stepQueued(lease: HeldLease & { state: 'queued' }, event: LeaseEvent): LeaseStep {
  if (event.kind === 'start')
    return { lease: { state: 'running', work: lease.work }, effects: ['run'] };
  return event.kind === 'revoke' || event.kind === 'drain' ? gone : unchanged(lease);
}

function stepRunning(lease: HeldLease & { state: 'running' }, event: LeaseEvent): LeaseStep {
  switch (event.kind) {
    case 'finish':
    case 'finish-partly':
      return reported(lease.work, event.report);
    case 'abandon':
      return gone;
    case 'revoke':
      return stopping(lease.work, wantedAfter(event, lease.work));
    case 'drain':
      return lease.work === 'scan' ? stopping(lease.work, 'whole') : unchanged(lease);
    default:
      return unchanged(lease);
  }
}

function stepStopping(lease: HeldLease & { state: 'stopping' }, event: LeaseEvent): LeaseStep {
  switch (event.kind) {
    case 'finish':
      return lease.wanted === 'nothing' ? gone : reported(lease.work, event.report);
    case 'finish-partly':
      return lease.wanted === 'part' ? reported(lease.work, event.report) : gone;
    case 'abandon':
      return gone;
    case 'revoke': {
      const wanted = wantedAfter(event, lease.work);
      return lease.wanted === 'nothing' || lease.wanted === wanted
        ? unchanged(lease)
        : stopping(lease.work, wanted);
    }
    default:
      return unchanged(lease);
  }
}

function stepSaving(lease: HeldLease & { state: 'saving' }, event: LeaseEvent): LeaseStep {
  if (isLost(event)) return { lease: { ...lease, revoked: true }, effects: [] };
  if (event.kind !== 'saved') return unchanged(lease);
  if (lease.revoked) return gone;
  const { work, report } = lease;
  return { lease: { state: 'reporting', work, report }, effects: ['report'] };
}

// What a batch did cannot be found out a second time, so it is saved first; a scan can simply be done again.
function reported(work: LeaseWorkKind, report: AttachRequest): LeaseStep {
  return work === 'batch'
    ? { lease: { state: 'saving', work, report, revoked: false }, effects: ['save'] }
    : { lease: { state: 'reporting', work, report }, effects: ['report'] };
}

function stopping(work: LeaseWorkKind, wanted: Wanted): LeaseStep {
  const effect = wanted === 'part' ? 'stop-soon' : 'stop';
  return { lease: { state: 'stopping', work, wanted }, effects: [effect] };
}

/** Whether nothing about the lease is wanted any more; a report that is on its way is one that whoever takes parts wants. */
function isLost(event: LeaseEvent): boolean {
  return event.kind === 'revoke' && !event.takesPart;
}

function wantedAfter({ takesPart }: LeaseEvent & { kind: 'revoke' }, work: LeaseWorkKind): Wanted {
  return takesPart && work === 'batch' ? 'part' : 'nothing';
}

function unchanged(lease: HeldLease): LeaseStep {
  return { lease, effects: [] };
}
