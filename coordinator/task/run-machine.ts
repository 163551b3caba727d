// The life of a run. PURE.
//
//   QUEUED      asked for; no agent has begun             -> RUNNING by `begin`
//   RUNNING     scan, plan and transfer go on at once     -> an end state when nothing is left, FAILED by `fail`
//   PAUSED      no lease is given; results are still taken-> QUEUED by `resume` (RUNNING once it had begun)
//   AWAITING_APPROVAL  scan and plan are done, no lease is given -> RUNNING by `approve`, CANCELLED by `reject`
//   CANCELLING  leases are being taken back               -> CANCELLED by `stopped`
//   SUCCEEDED, SUCCEEDED_WITH_FAILURES, FAILED, CANCELLED: ends, for good
//
// The scan of a run that tries again what failed in another is leased for a piece of its list at a time: `finish-scan` makes it free
// again until the last piece is done.
//
// A run has nothing left when its scan is done and no batch of any phase is open. What is gone from the source has its turn when
// the scan is done and no transfer batch is open, because only then is it known what was moved; the folder phase comes after it,
// because a folder's dates hold only once nothing more is written into it or taken out. Between the two comes what is late: what could
// not be written before, because its place at the destination was to be vacated by a move. Before a run recycles more than its settings
// allow, it pauses by itself and asks. In a run whose plan has to be approved no batch is leased before that, or
// before it turns out that there is nothing to approve.
import { clone, create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { RetryRowSchema, RunRowSchema, ScanRowSchema, type PlanCounts, type RetryPosition, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import type { GrowingDigest } from '../../lib/plan-digest.ts';
import { approve, awaitApproval, isApprovalOpen, reject, type Judgement } from './approval.ts';
import { endDigests, setGoneDigest, setPlannedDigest } from './run-digest.ts';
import { askAboutGone, isGoneTurn, resumeWithDecision } from './gone-guard.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  GoneDecision,
  RunProgressSchema,
  RunSchema,
  RunState,
} from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { Code } from '../../gen/google/rpc/code_pb.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import { addTallies, type RuleTally } from '../plan/rule-tally.ts';
import { sumOfCounts, withoutDated } from '../plan/plan-counts.ts';
import type { RunKey } from '../store/store.ts';
import { newLease, stepLease } from './lease-machine.ts';
import { runName } from './names.ts';
import { isRunOpen } from './run-states.ts';

/** What a page of the scan added to the run. */
export interface PlannedPage {
  page: bigint;
  lastPath: string;
  /** What that path became below the destination; empty where names stay as they are. */
  lastDestinationPath: string;
  /** See ScanRow. */
  otherKindFolder: string;
  scannedItems: number;
  scannedBytes: bigint;
  /** Items that have to be written. */
  plannedItems: number;
  plannedBytes: bigint;
  /** Items that the plan settled without an agent. */
  skippedItems: number;
  failedItems: number;
  /** What filters left out, by rule; absent: nothing. */
  filtered?: ReadonlyMap<string, RuleTally>;
  /** How many batches were cut from the page, settled ones included. */
  batches: number;
  openTransferBatches: number;
  openLateBatches: number;
  openFolderBatches: number;
  /** What is planned, by what it costs. @default nothing */
  counts?: PlanCounts;
  /** Folders whose dates were right until the page brought something that is to be written into them. @default none */
  undatedFolders?: number;
  /** The digest of the scanned items up to the end of the page, where the plan has one. @default none */
  digest?: GrowingDigest | undefined;
}

/** What a step of the comparison of ledger and scan found. */
export interface SweptLedger {
  /** Up to this path the ledger was compared. */
  sweptPath: string;
  /** See ScanRow. */
  unlistedPath: string;
  /** Rows of the ledger that were passed. */
  ledgerItems: number;
  goneItems: number;
  /** How many batches of what is gone were begun. */
  batches: number;
  openGoneBatches: number;
  /** Of these, those with folders. */
  waitingGoneBatches: number;
  /** The batches that have room left, 0 for none: of files, and of folders. */
  fillingGoneBatch: number;
  fillingGoneFolderBatch: number;
  /** The digest of what is gone so far, where the plan has one. @default none */
  digest?: GrowingDigest | undefined;
}

/** What became of a batch. */
export interface BatchOutcome {
  phase: BatchPhase;
  succeededItems: number;
  succeededBytes: bigint;
  skippedItems: number;
  /** Bytes of planned files that turned out not to have to be written. */
  skippedBytes: bigint;
  failedItems: number;
  failedBytes: bigint;
  /** Of the items that succeeded, those that were moved at the destination. */
  movedItems: number;
  /** Items that were gone from the source and were recycled; they are in no other count. */
  recycledItems: number;
  /** Items that had been counted as gone from the source and were moved. */
  notGoneItems: number;
  /** Items whose outcome is not what was planned. @default 0 */
  deviatingItems?: number;
}

export type RunEvent =
  | { kind: 'pause' }
  /** `gone` says what becomes of what is gone from the source, when the run asks for it. */
  | { kind: 'resume'; gone?: GoneDecision }
  | { kind: 'cancel' }
  /** All leases of a run that is being cancelled are back. */
  | { kind: 'stopped' }
  /** An agent took the first lease. */
  | { kind: 'begin' }
  /** `until` is where the piece ends that is to be looked at, in a run that tries again what failed in another. */
  | { kind: 'lease-scan'; agent: string; until?: RetryPosition | undefined }
  | { kind: 'release-scan'; generation: number }
  | { kind: 'plan-page'; planned: PlannedPage }
  | { kind: 'sweep'; swept: SweptLedger }
  /** Items that had been counted as gone from the source turn out not to be. */
  | { kind: 'not-gone'; items: number }
  /** `planDigest` is that of the whole plan, where it has one. */
  | { kind: 'finish-scan'; generation: number; planDigest?: string | undefined }
  /** `planDigest` is the plan that is meant; empty: whichever it is. `gone` is as with `resume`. */
  | ({ kind: 'approve'; planDigest: string; gone: GoneDecision } & Judgement)
  | ({ kind: 'reject' } & Judgement)
  | { kind: 'fail'; reason: ErrorReason; message: string }
  | { kind: 'finish-batch'; outcome: BatchOutcome }
  /** All that is gone and is no folder is done, and one of the batches with folders need not wait any more. */
  | { kind: 'begin-gone-folders' }
  /** A batch of the phase was cut in two, so that there is one more. */
  | { kind: 'split-batch'; phase: BatchPhase };

/** A run that was just asked for; `settings` are complete. */
export function newRun(
  key: RunKey,
  settings: TaskSettings,
  scanOnly: boolean,
  nowMs: number,
): RunRow {
  return runOf(key, { settings, scanOnly }, nowMs);
}

/** A run that tries again what failed in the run of the number `retried`, from the beginning of its list on. */
export function newRetry(
  key: RunKey,
  { settings, retried, position }: { settings: TaskSettings; retried: number; position: RetryPosition }, // oxfmt-ignore
  nowMs: number,
): RunRow {
  const retriedRun = runName({ ...key, run: retried });
  const row = runOf(key, { settings, scanOnly: settings.scanOnly === true, retriedRun }, nowMs);
  row.scan!.retry = create(RetryRowSchema, { run: retried, position });
  return row;
}

function runOf(
  key: RunKey,
  more: { settings: TaskSettings; scanOnly: boolean; retriedRun?: string },
  nowMs: number,
): RunRow {
  // Who writes finds out what cannot be read by reading it.
  const isTried = more.scanOnly || more.settings.tryReading !== true;
  const settings = isTried ? more.settings : create(TaskSettingsSchema, { ...more.settings, tryReading: false }); // oxfmt-ignore
  return create(RunRowSchema, {
    run: create(RunSchema, {
      name: runName(key),
      state: RunState.QUEUED,
      progress: create(RunProgressSchema),
      ...more,
      settings,
      createTime: timestampFromMs(nowMs),
    }),
    scan: create(ScanRowSchema, { lease: newLease() }),
  });
}

/** The run after the event. Throws WRONG_STATE, or LEASE_LOST for the scan's lease; `row` is never changed. */
export function stepRun(row: RunRow, event: RunEvent, nowMs: number): RunRow {
  const next = clone(RunRowSchema, row);
  apply(next, event, nowMs);
  next.revision += 1n;
  return next;
}

/** Which phase's batches may be leased now; undefined when none may. */
export function leasablePhase(row: RunRow): BatchPhase | undefined {
  if (row.run!.scanOnly || isApprovalOpen(row)) return undefined;
  if (row.openTransferBatches > 0) return BatchPhase.TRANSFER;
  if (isGoneTurn(row)) return BatchPhase.GONE;
  if (!row.run!.progress!.scanComplete) return undefined;
  if (row.openLateBatches > 0) return BatchPhase.LATE;
  return row.openFolderBatches > 0 ? BatchPhase.FOLDERS : undefined;
}

function apply(row: RunRow, event: RunEvent, nowMs: number): void {
  const run = row.run!;
  switch (event.kind) {
    case 'pause':
      require(row, 'paused', RunState.QUEUED, RunState.RUNNING);
      run.state = RunState.PAUSED;
      return;
    case 'resume':
      require(row, 'resumed', RunState.PAUSED);
      resumeWithDecision(row, event.gone ?? GoneDecision.UNSPECIFIED);
      run.state = run.startTime === undefined ? RunState.QUEUED : RunState.RUNNING;
      if (run.progress!.scanComplete && isApprovalOpen(row)) awaitApproval(row, nowMs);
      return;
    case 'cancel':
      require(row, 'cancelled', RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.AWAITING_APPROVAL); // oxfmt-ignore
      run.state = RunState.CANCELLING;
      return;
    case 'stopped':
      require(row, 'ended', RunState.CANCELLING);
      end(row, RunState.CANCELLED, nowMs);
      return;
    case 'begin':
      require(row, 'begun', RunState.QUEUED, RunState.RUNNING);
      run.state = RunState.RUNNING;
      run.startTime ??= timestampFromMs(nowMs);
      return;
    case 'lease-scan':
      require(row, 'scanned', RunState.QUEUED, RunState.RUNNING);
      row.scan!.lease = stepLease(row.scan!.lease!, { kind: 'lease', agent: event.agent });
      // Folders that lead down to where the scan goes on are listed anew, and nothing tells of one that cannot be any more.
      if (row.scan!.lastPath !== '') row.scan!.unlistedPath = row.scan!.lastPath.split('/', 1)[0]!;
      if (row.scan!.retry !== undefined && event.until !== undefined)
        row.scan!.retry.leased = event.until;
      return;
    case 'release-scan':
      requireOpen(row);
      row.scan!.lease = stepLease(row.scan!.lease!, {
        kind: 'release',
        generation: event.generation,
      });
      return;
    case 'plan-page':
      requireOpen(row);
      addPage(row, event.planned);
      return;
    case 'sweep':
      requireOpen(row);
      addSwept(row, event.swept);
      return;
    case 'not-gone':
      requireOpen(row);
      run.progress!.goneItems -= BigInt(event.items);
      return;
    case 'finish-scan':
      requireOpen(row);
      if (isPieceOfRetry(row)) {
        endPiece(row, event.generation);
        return;
      }
      row.scan!.lease = stepLease(row.scan!.lease!, {
        kind: 'complete',
        generation: event.generation,
      });
      run.progress!.scanComplete = true;
      run.scanEndTime = timestampFromMs(nowMs);
      run.planDigest = event.planDigest ?? '';
      endDigests(row);
      endIfNothingLeft(row, nowMs);
      if (run.state === RunState.RUNNING && isApprovalOpen(row)) awaitApproval(row, nowMs);
      else if (!isApprovalOpen(row)) askAboutGone(row);
      return;
    case 'approve':
      approve(row, event, nowMs);
      askAboutGone(row);
      return;
    case 'reject':
      reject(row, event, nowMs);
      end(row, RunState.CANCELLED, nowMs);
      return;
    case 'fail':
      requireOpen(row);
      fail(row, event.reason, event.message, nowMs);
      return;
    case 'finish-batch':
      requireOpen(row);
      addOutcome(row, event.outcome);
      askAboutGone(row);
      endIfNothingLeft(row, nowMs);
      return;
    case 'begin-gone-folders':
      requireOpen(row);
      row.waitingGoneBatches -= 1;
      return;
    case 'split-batch':
      requireOpen(row);
      row.batches += 1;
      addOpen(row, event.phase, 1);
      return;
  }
}

/** Whether the scan that was leased is to be followed by another, of the next piece of a list. */
function isPieceOfRetry({ scan }: RunRow): boolean {
  return scan!.retry !== undefined && scan!.retry.leased?.complete !== true;
}

function endPiece({ scan }: RunRow, generation: number): void {
  scan!.lease = stepLease(scan!.lease!, { kind: 'release', generation });
  scan!.retry!.position = scan!.retry!.leased!;
}

function addPage(row: RunRow, planned: PlannedPage): void {
  const progress = row.run!.progress!;
  row.scan!.lastPage = planned.page;
  row.scan!.lastPath = planned.lastPath;
  row.scan!.lastDestinationPath = planned.lastDestinationPath;
  row.scan!.otherKindFolder = planned.otherKindFolder;
  row.batches += planned.batches;
  row.openTransferBatches += planned.openTransferBatches;
  row.openLateBatches += planned.openLateBatches;
  row.openFolderBatches += planned.openFolderBatches;
  progress.scannedItems += BigInt(planned.scannedItems);
  progress.scannedBytes += planned.scannedBytes;
  progress.plannedItems += BigInt(planned.plannedItems);
  progress.plannedBytes += planned.plannedBytes;
  progress.skippedItems += BigInt(planned.skippedItems);
  progress.failedItems += BigInt(planned.failedItems);
  if (planned.filtered !== undefined) addTallies(row.run!.filtered, planned.filtered);
  if (planned.counts !== undefined) row.planCounts = sumOfCounts(row.planCounts, planned.counts);
  if (planned.undatedFolders)
    row.planCounts = withoutDated(row.planCounts!, planned.undatedFolders);
  if (planned.digest !== undefined) setPlannedDigest(row, planned.digest);
}

function addSwept(row: RunRow, swept: SweptLedger): void {
  row.scan!.sweptPath = swept.sweptPath;
  row.scan!.unlistedPath = swept.unlistedPath;
  row.ledgerItems += BigInt(swept.ledgerItems);
  row.run!.progress!.goneItems += BigInt(swept.goneItems);
  row.batches += swept.batches;
  row.openGoneBatches += swept.openGoneBatches;
  row.waitingGoneBatches += swept.waitingGoneBatches;
  row.fillingGoneBatch = swept.fillingGoneBatch;
  row.fillingGoneFolderBatch = swept.fillingGoneFolderBatch;
  if (swept.digest !== undefined) setGoneDigest(row, swept.digest);
}

function addOutcome(row: RunRow, outcome: BatchOutcome): void {
  const progress = row.run!.progress!;
  addOpen(row, outcome.phase, -1);
  progress.succeededItems += BigInt(outcome.succeededItems);
  progress.succeededBytes += outcome.succeededBytes;
  progress.skippedItems += BigInt(outcome.skippedItems);
  progress.plannedBytes -= outcome.skippedBytes;
  progress.failedItems += BigInt(outcome.failedItems);
  progress.failedBytes += outcome.failedBytes;
  progress.movedItems += BigInt(outcome.movedItems);
  progress.recycledItems += BigInt(outcome.recycledItems);
  progress.goneItems -= BigInt(outcome.notGoneItems);
  progress.deviatingItems += BigInt(outcome.deviatingItems ?? 0);
}

function addOpen(row: RunRow, phase: BatchPhase, count: number): void {
  if (phase === BatchPhase.FOLDERS) row.openFolderBatches += count;
  else if (phase === BatchPhase.LATE) row.openLateBatches += count;
  else if (phase === BatchPhase.GONE) row.openGoneBatches += count;
  else row.openTransferBatches += count;
}

function endIfNothingLeft(row: RunRow, nowMs: number): void {
  const { state, progress } = row.run!;
  if (state !== RunState.RUNNING && state !== RunState.PAUSED) return;
  const { openTransferBatches, openGoneBatches, openLateBatches, openFolderBatches } = row;
  const open = openTransferBatches + openGoneBatches + openLateBatches + openFolderBatches;
  if (!progress!.scanComplete || open > 0) return;
  const failed = progress!.failedItems > 0n;
  end(row, failed ? RunState.SUCCEEDED_WITH_FAILURES : RunState.SUCCEEDED, nowMs);
}

function fail(row: RunRow, reason: ErrorReason, message: string, nowMs: number): void {
  const code = Code[reasonInfo(reason).code as keyof typeof Code];
  row.run!.error = create(StatusSchema, { code, message });
  row.run!.errorReason = reason;
  end(row, RunState.FAILED, nowMs);
}

function end(row: RunRow, state: RunState, nowMs: number): void {
  row.run!.state = state;
  row.run!.endTime = timestampFromMs(nowMs);
}

function requireOpen(row: RunRow): void {
  if (isRunOpen(row.run!.state)) return;
  throw wrongState(row, 'changed');
}

function require(row: RunRow, done: string, ...states: RunState[]): void {
  if (!states.includes(row.run!.state)) throw wrongState(row, done);
}

function wrongState(row: RunRow, done: string): DroverError {
  const { name, state } = row.run!;
  const word = stateWord(state);
  return new DroverError(ErrorReason.WRONG_STATE, `${name} cannot be ${done}: it is ${word}`, {
    metadata: { name, state: word },
  });
}

function stateWord(state: RunState): string {
  const entry = Object.entries(RunState).find(([, value]) => value === state);
  return (entry?.[0] ?? 'UNSPECIFIED').toLowerCase().replaceAll('_', ' ');
}
