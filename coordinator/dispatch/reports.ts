// What agents report, frame by frame: each is checked against the leases, stored, and only then acknowledged.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ApprovalDecision } from '../../gen/drover/v1/run_pb.ts';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type {
  AttachRequest,
  BatchDone,
  FilterPreviewProgress,
  Heartbeat,
  LeaseKey,
  LeaseReturn,
  LocationCheckDone,
  ScanDone,
  ScanPageFrame,
  WriteNote,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { unreadableReasons } from '../../lib/unreadable-source.ts';
import type { BatchKey, RunKey, Store } from '../store/store.ts';
import { attentionOf, isSameAttention } from './attention.ts';
import { commitPage } from './commit-page.ts';
import { commitPartial } from './commit-partial.ts';
import { commitResults } from './commit-results.ts';
import { commitScanEnd } from './commit-scan-end.ts';
import { commitWriteNote } from './unreported.ts';
import { agentName, parseLeaseId, runName } from '../task/names.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { LiveLease } from './lease-table.ts';
import type { BatchWork } from './run-feed.ts';
import type { Session } from './session.ts';
import type { Throttled } from './throttling.ts';
import type { WorkSize } from './work-size.ts';

export interface ReportsParts {
  store: Store;
  clock: Clock;
  log: Logger;
  leases: LeaseKeeper;
  /** A report was stored and its run has this row now. */
  onAdvance: (key: RunKey, row: RunRow) => Promise<void>;
  /** An agent cannot read the source of a run that it was to scan, or not reach the destination; answers with all that could not, by id, unless there are others to ask. */
  onUnread: (session: Session, run: RunKey) => readonly string[] | undefined;
  /** Of this batch so much is not done and can be given out. */
  onRest: (key: BatchKey, rest: BatchWork) => void;
  /** An agent said how far it is with these runs. */
  onProgress: (session: Session, runs: readonly RunKey[]) => void;
  /** The tenant throttled an agent so much more. */
  onThrottled: (throttled: Throttled) => void;
  /** An agent looked at a destination. */
  onChecked: (session: Session, done: LocationCheckDone) => void;
  /** An agent tells what filters leave out. */
  onPreviewed: (session: Session, progress: FilterPreviewProgress) => void;
  /** An agent takes work again that took none. */
  onRoom: () => void;
  /** An agent says that something else is wrong with it than before, or nothing any more. */
  onAttention: (session: Session) => void;
  /** What a session reported could not be written. */
  onFailure: (session: Session, error: unknown) => void;
}

export class Reports {
  readonly #parts: ReportsParts;

  constructor(parts: ReportsParts) {
    this.#parts = parts;
  }

  /**
   * Takes one frame; resolves when the next can be taken, which may be before all of it is written: a disk takes as long for one page as for
   * ten. Throws INVALID_ARGUMENT when the frame does not belong here; then the session cannot go on.
   */
  async take(session: Session, frame: AttachRequest['frame']): Promise<void> {
    switch (frame.case) {
      case 'scanPage':
        return this.#guard(session, frame.value.key, (lease) =>
          this.#takePage(session, lease, frame.value),
        );
      case 'scanDone':
        return this.#guard(session, frame.value.key, (lease) =>
          this.#endScan(session, lease, frame.value),
        );
      case 'batchDone':
        return this.#guard(session, frame.value.key, (lease) =>
          this.#takeResults(session, lease, frame.value),
        );
      case 'heartbeat':
        return this.#takeHeartbeat(session, frame.value);
      case 'leaseReturn':
        return this.#takeReturn(session, frame.value);
      case 'writeNote':
        return this.#takeWriteNote(session, frame.value);
      case 'locationCheckDone':
        return this.#parts.onChecked(session, frame.value);
      case 'filterPreviewProgress':
        return this.#parts.onPreviewed(session, frame.value);
      default:
        throw DroverError.invalid('frame', `a frame "${frame.case}" does not belong here`);
    }
  }

  /** Answers a report on a lease that is lost with a revocation, so that the agent forgets it. */
  async #guard(
    session: Session,
    key: LeaseKey | undefined,
    take: (lease: LiveLease) => Promise<void>,
  ): Promise<void> {
    if (key === undefined) throw DroverError.invalid('frame.key', 'is missing');
    const lease = this.#parts.leases.held(session, key);
    if (lease === undefined) return session.revoke(key, 'the lease is lost');
    try {
      await take(lease);
    } catch (error) {
      const { reason, message } = DroverError.from(error);
      if (reason !== ErrorReason.LEASE_LOST && reason !== ErrorReason.WRONG_STATE) throw error;
      session.revoke(key, message);
    }
  }

  async #takePage(session: Session, lease: LiveLease, frame: ScanPageFrame): Promise<void> {
    const { store, clock, leases, onAdvance } = this.#parts;
    const { result: row, written } = await commitPage(store, lease.run, frame, clock.now());
    this.#after(written, session, async () => {
      leases.extend(lease);
      session.acknowledge(frame.key!, frame.page);
      await onAdvance(lease.run, row);
    });
  }

  /** Nobody hears of what was reported before it is written. */
  #after(written: Promise<void>, session: Session, tell: () => Promise<void>): void {
    written.then(tell).catch((error: unknown) => this.#parts.onFailure(session, error));
  }

  async #endScan(session: Session, lease: LiveLease, frame: ScanDone): Promise<void> {
    const { store, clock, log, leases, onAdvance, onUnread } = this.#parts;
    const asked = isUnread(frame) ? onUnread(session, lease.run) : [];
    if (asked === undefined) {
      log.warn({ run: runName(lease.run), agent: agentName(session.agent), reason: reasonName(frame.reason) }, `another agent is asked to scan: ${frame.message}`); // oxfmt-ignore
      await leases.release(lease);
      return session.acknowledge(frame.key!, 0n);
    }
    const row = await commitScanEnd(store, lease.run, withAsked(frame, asked), clock.now());
    const { name, approval } = row.run!;
    if (approval?.decision === ApprovalDecision.NOT_NEEDED) log.info({ run: name }, approval.comment); // oxfmt-ignore
    leases.finish(lease);
    session.acknowledge(frame.key!, 0n);
    await onAdvance(lease.run, row);
  }

  async #takeResults(session: Session, lease: LiveLease, frame: BatchDone): Promise<void> {
    const { store, clock, leases, onAdvance } = this.#parts;
    const { run, target, size } = lease;
    if (target.kind !== 'batch')
      throw new DroverError(ErrorReason.LEASE_LOST, 'the lease is lost: it is a scan');
    if (frame.partial) return this.#takePartial(session, lease, target.batch, frame);
    const { result: row, written } = await commitResults(store, target.batch, frame, clock.now());
    this.#after(written, session, async () => {
      this.#noteSpeed(session, lease, size);
      leases.finish(lease);
      session.acknowledge(frame.key!, 0n);
      await onAdvance(run, row);
    });
  }

  /** Part of a batch is done; the rest of it can be given out. */
  async #takePartial(
    session: Session,
    lease: LiveLease,
    batch: BatchKey,
    frame: BatchDone,
  ): Promise<void> {
    const { store, clock, leases, onRest, onAdvance } = this.#parts;
    const { row, done, rest } = await commitPartial(store, batch, frame, clock.now());
    this.#noteSpeed(session, lease, done);
    leases.finish(lease);
    session.acknowledge(frame.key!, 0n);
    if (rest !== undefined) onRest(batch, rest);
    await onAdvance(lease.run, row);
  }

  #noteSpeed(session: Session, { startTimeMs }: LiveLease, done: WorkSize): void {
    const now = this.#parts.clock.steady();
    session.speed.finish(done, now - (startTimeMs ?? now));
  }

  /** Taken from whoever says it, also when the lease is lost: it was held when the file was written. */
  async #takeWriteNote(session: Session, { key, number, ...write }: WriteNote): Promise<void> {
    if (key === undefined) throw DroverError.invalid('frame.key', 'is missing');
    const target = parseLeaseId(key.lease);
    if (target.kind !== 'batch') throw DroverError.invalid('frame.key', 'is not that of a batch');
    const { agent } = session;
    const { generation } = key;
    await commitWriteNote(this.#parts.store, { agent, batch: target.batch, generation }, write);
    session.acknowledge(key, number);
  }

  #takeHeartbeat(session: Session, frame: Heartbeat): void {
    const { leases, onProgress, onRoom, onAttention, onThrottled } = this.#parts;
    const throttled = session.speed.throttling.note(frame);
    if (throttled.requests + throttled.waitMs > 0) onThrottled(throttled);
    const takesWorkAgain = session.draining && !frame.draining;
    session.draining = frame.draining;
    if (takesWorkAgain) onRoom();
    const attention = attentionOf(frame.attention);
    if (!isSameAttention(session.attention, attention)) {
      session.attention = attention;
      onAttention(session);
    }
    const runs: RunKey[] = [];
    for (const { key, items, bytes } of frame.leases) {
      const lease = key && leases.held(session, key);
      if (lease === undefined) continue;
      leases.extend(lease);
      leases.table.report(lease, items, bytes);
      if (!runs.includes(lease.run)) runs.push(lease.run);
    }
    onProgress(session, runs);
  }

  async #takeReturn(session: Session, frame: LeaseReturn): Promise<void> {
    const { leases } = this.#parts;
    for (const key of frame.keys) {
      const lease = leases.held(session, key);
      if (lease !== undefined) await leases.release(lease);
    }
  }
}

/** Whether a scan has ended before it found anything, because its agent cannot read the source or reach the destination. */
function isUnread({ pages, reason }: ScanDone): boolean {
  const isElsewhere = unreadableReasons.has(reason) || reason === ErrorReason.DESTINATION_UNREACHABLE; // oxfmt-ignore
  return pages === 0n && isElsewhere;
}

/** With the names of the agents that were asked, when they are several. */
function withAsked(frame: ScanDone, asked: readonly string[]): ScanDone {
  if (asked.length < 2) return frame;
  return { ...frame, message: `${frame.message}; asked were ${asked.map(agentName).join(', ')}` };
}
