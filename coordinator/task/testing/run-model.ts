// A run in memory, driven the way the dispatcher drives it, with a count of its own of all that must hold. It keeps rows, as the store does,
// and sees every message of an agent as late, as often and in as odd an order as chance brings it. PURE.
import { create, toBinary } from '@bufbuild/protobuf';
import { RunRowSchema, type LeaseRow, type RunRow } from '../../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ApprovalDecision, GoneDecision, RunState } from '../../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../../gen/drover/v1/session_pb.ts';
import { GonePolicy, TaskSettingsSchema } from '../../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import type { Below } from '../../store/testing/random.ts';
import { isTransfer } from '../batch-phase.ts';
import { isGoneFoldersTurn } from '../gone-guard.ts';
import { checkHolder, newLease, stepLease } from '../lease-machine.ts';
import {
  leasablePhase,
  newRun,
  stepRun,
  type BatchOutcome,
  type RunEvent,
} from '../run-machine.ts';
import { isRunGoing, isRunOpen } from '../run-states.ts';

/** What is leased: the scan, or a batch by its number. */
export type Target = 'scan' | number;
export type Fate = 'succeeded' | 'skipped' | 'failed';

/** A message of an agent. Fates are those of the items that are finished, in the batch's order. */
export type Message =
  | { kind: 'page'; generation: number; page: number }
  | { kind: 'scan-end'; generation: number; pages: number; isFailure: boolean }
  | { kind: 'results'; batch: number; generation: number; fates: readonly Fate[] }
  | { kind: 'return'; target: Target; generation: number };

export type Answer = 'stored' | 'refused' | 'out of turn';

interface Batch {
  lease: LeaseRow;
  phase: BatchPhase;
  isWaiting: boolean;
  /** Numbers of its items. */
  items: number[];
}

export const itemBytes = 10n;
const nothing = { succeededItems: 0, succeededBytes: 0n, skippedItems: 0, skippedBytes: 0n, failedItems: 0, failedBytes: 0n, movedItems: 0, recycledItems: 0, notGoneItems: 0 }; // oxfmt-ignore

/** What a step refuses an event with that comes at the wrong time. */
const refusals = new Set<ErrorReason | undefined>([
  ErrorReason.LEASE_LOST,
  ErrorReason.WRONG_STATE,
  ErrorReason.ETAG_MISMATCH,
]);

/** Something that must never happen has. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export class RunModel {
  row: RunRow;
  nowMs = 1_000_000;
  readonly batches: Batch[] = [];
  readonly pages: number;
  /** The generation that holds each target now. */
  readonly live = new Map<Target, number>();
  readonly #below: Below;
  readonly #newest = new Map<Target, number>();
  /** Items whose fate was counted. */
  readonly #counted = new Set<number>();
  readonly #sums = { scanned: 0, planned: 0, plannedBytes: 0n, succeeded: 0, skipped: 0, failed: 0, gone: 0, recycled: 0 }; // oxfmt-ignore
  #items = 0;
  #endBytes: Uint8Array | undefined;

  constructor(below: Below) {
    this.#below = below;
    this.pages = below(6);
    const settings = create(TaskSettingsSchema, {
      gonePolicy: below(2) === 0 ? GonePolicy.RECYCLE : GonePolicy.KEEP,
      recycleItemsMax: below(8),
      recyclePercentMax: 100,
      requireApproval: below(3) === 0,
    });
    this.row = newRun({ task: 'a', run: 1 }, settings, below(12) === 0, this.nowMs);
  }

  get isOpen(): boolean {
    return isRunOpen(this.row.run!.state);
  }

  get isAsking(): boolean {
    return this.row.run!.goneDecision === GoneDecision.PENDING;
  }

  /** What somebody does to the run; answers whether it was taken. */
  control(
    event: RunEvent & { kind: 'pause' | 'resume' | 'cancel' | 'stopped' | 'approve' | 'reject' },
  ): boolean {
    return this.#attempt(() => this.#step(event)) === 'stored';
  }

  /** Everything that can be leased now. */
  leasable(): Target[] {
    if (!isRunGoing(this.row.run!.state)) return [];
    const phase = leasablePhase(this.row);
    const isFree = (lease: LeaseRow) => stateOf(lease) === 'free';
    const batches = this.batches.flatMap((batch, index) =>
      batch.phase === phase && !batch.isWaiting && isFree(batch.lease) ? [index + 1] : [],
    );
    return isFree(this.row.scan!.lease!) ? ['scan', ...batches] : batches;
  }

  /** Leases a target; answers with the generation. A batch may be cut before. */
  lease(target: Target, agent: string): number {
    const before = this.row;
    if (before.run!.state !== RunState.RUNNING || this.#below(4) === 0) this.#step({ kind: 'begin' }); // oxfmt-ignore
    let lease: LeaseRow;
    if (target === 'scan') {
      this.#step({ kind: 'lease-scan', agent });
      lease = this.row.scan!.lease!;
    } else {
      const batch = this.batches[target - 1]!;
      const { length } = batch.items;
      if (length > 1 && this.#below(4) === 0) this.#cut(batch, 1 + this.#below(length - 1));
      lease = batch.lease = stepLease(batch.lease, { kind: 'lease', agent });
    }
    if (this.live.has(target)) throw new Violation(`two generations of ${target} are live`);
    if (lease.generation <= (this.#newest.get(target) ?? 0))
      throw new Violation(`generation ${lease.generation} of ${target} was given twice`);
    this.live.set(target, lease.generation);
    this.#newest.set(target, lease.generation);
    return lease.generation;
  }

  /** Takes a message of an agent, or an expiry, which is a return that nobody sent. */
  take(message: Message): Answer {
    const target = message.kind === 'results' ? message.batch : message.kind === 'return' ? message.target : 'scan'; // oxfmt-ignore
    const isHeld = this.isOpen && this.live.get(target) === message.generation;
    const answer = this.#attempt(() => this.#apply(message));
    if (answer === 'stored' && !isHeld)
      throw new Violation(`${message.kind} of ${target} was taken from who does not hold it`);
    if (answer === 'refused' && isHeld)
      throw new Violation(`${message.kind} of ${target} was refused though its sender holds it`);
    return answer;
  }

  /** Throws a Violation unless everything that must hold does. */
  check(): void {
    const { row } = this;
    const open = (phase: BatchPhase) =>
      this.batches.filter((batch) => batch.phase === phase && stateOf(batch.lease) !== 'done');
    same('batches', row.batches, this.batches.length);
    same('open transfer batches', row.openTransferBatches, open(BatchPhase.TRANSFER).length);
    same('open late batches', row.openLateBatches, open(BatchPhase.LATE).length);
    same('open folder batches', row.openFolderBatches, open(BatchPhase.FOLDERS).length);
    same('open gone batches', row.openGoneBatches, open(BatchPhase.GONE).length);
    same('waiting batches', row.waitingGoneBatches, this.batches.filter(({ isWaiting }) => isWaiting).length); // oxfmt-ignore
    const { progress } = row.run!;
    const sums = this.#sums;
    same('scanned', Number(progress!.scannedItems), sums.scanned);
    same('planned', Number(progress!.plannedItems), sums.planned);
    same('planned bytes', progress!.plannedBytes, sums.plannedBytes);
    same('succeeded', Number(progress!.succeededItems), sums.succeeded);
    same('skipped', Number(progress!.skippedItems), sums.skipped);
    same('failed', Number(progress!.failedItems), sums.failed);
    same('gone', Number(progress!.goneItems), sums.gone);
    same('recycled', Number(progress!.recycledItems), sums.recycled);
    this.#checkPhase();
    this.#checkGoneTurn();
    this.#checkEnd();
  }

  /** It may not write, because nobody has approved its plan. */
  get #isUnapproved(): boolean {
    const { settings, scanOnly, approval } = this.row.run!;
    const { APPROVED, NOT_NEEDED } = ApprovalDecision;
    const isDecided = approval?.decision === APPROVED || approval?.decision === NOT_NEEDED;
    return settings!.requireApproval === true && !scanOnly && !isDecided;
  }

  #checkPhase(): void {
    const isUnapproved = this.#isUnapproved;
    if (isUnapproved && this.batches.some(({ lease }) => lease.generation > 0))
      throw new Violation('a batch was leased before the plan was approved');
    const isAwaiting = this.row.run!.state === RunState.AWAITING_APPROVAL;
    if (isAwaiting && (this.live.size > 0 || !isUnapproved))
      throw new Violation('it waits for approval though somebody works on it, or has approved it');
    const phase = leasablePhase(this.row);
    const isDone = (other: BatchPhase) =>
      this.batches.every((one) => one.phase !== other || stateOf(one.lease) === 'done');
    const order: BatchPhase[] = [
      BatchPhase.TRANSFER,
      BatchPhase.GONE,
      BatchPhase.LATE,
      BatchPhase.FOLDERS,
    ];
    const mustBeDone = phase === undefined ? [] : order.slice(0, order.indexOf(phase));
    if (mustBeDone.length > 0 && !this.row.run!.progress!.scanComplete)
      throw new Violation('a later phase has begun before the scan was complete');
    if (!mustBeDone.every(isDone)) throw new Violation('a phase has begun too early');
  }

  /** What is gone has its turn when all is scanned and written: neither earlier nor later is it leased or asked about. */
  #checkGoneTurn(): void {
    const { state, progress, settings, goneDecision } = this.row.run!;
    const open = (phase: BatchPhase) =>
      this.batches.filter((batch) => batch.phase === phase && stateOf(batch.lease) !== 'done');
    const gone = open(BatchPhase.GONE);
    const isWritten = progress!.scanComplete && open(BatchPhase.TRANSFER).length === 0;
    const isTurn = isWritten && gone.length > 0;
    const isLeasable = isTurn && !this.#isUnapproved;
    same('the turn of what is gone', leasablePhase(this.row) === BatchPhase.GONE, isLeasable);
    const isFoldersTurn = isTurn && gone.every(({ isWaiting }) => isWaiting);
    same('the turn of folders that are gone', isGoneFoldersTurn(this.row), isFoldersTurn);
    // With a plan that is to be approved it is asked about when all is scanned.
    const mayAsk = this.#isUnapproved ? progress!.scanComplete : isTurn;
    if (this.isAsking && !mayAsk) throw new Violation('it asks about what is gone too early');
    const isUndecided = goneDecision === GoneDecision.UNSPECIFIED && settings?.gonePolicy === GonePolicy.RECYCLE; // oxfmt-ignore
    const isTooMuch = isUndecided && this.#sums.gone > (settings.recycleItemsMax ?? 0);
    if (isTurn && isTooMuch && state === RunState.RUNNING)
      throw new Violation('it recycles more than it may without asking');
  }

  #checkEnd(): void {
    if (this.#endBytes !== undefined) {
      const isSame = Buffer.from(this.#endBytes).equals(toBinary(RunRowSchema, this.row));
      if (!isSame) throw new Violation('a run has changed after its end');
      return;
    }
    if (this.isOpen) {
      this.#checkNotOver();
      return;
    }
    this.#endBytes = toBinary(RunRowSchema, this.row);
    const { state, progress } = this.row.run!;
    if (state !== RunState.SUCCEEDED && state !== RunState.SUCCEEDED_WITH_FAILURES) return;
    if (!progress!.scanComplete) throw new Violation('it succeeded before its scan was complete');
    if (this.live.size > 0) throw new Violation('it succeeded though somebody works on it');
    same('items counted at the end', this.#counted.size, this.row.run!.scanOnly ? 0 : this.#items);
    same('whether it has failures', state === RunState.SUCCEEDED_WITH_FAILURES, this.#sums.failed > 0); // oxfmt-ignore
  }

  /** A run in which nothing is left has ended, unless it is being cancelled or nobody has begun it. */
  #checkNotOver(): void {
    const { state, progress } = this.row.run!;
    const isLeft = this.batches.some(({ lease }) => stateOf(lease) !== 'done');
    const mayStand = isLeft || !progress!.scanComplete || state === RunState.CANCELLING;
    if (!mayStand) throw new Violation('nothing is left of the run and it has not ended');
  }

  #attempt(change: () => Answer | void): Answer {
    const { row } = this;
    const bytes = this.#below(16) === 0 ? toBinary(RunRowSchema, row) : undefined;
    const answer = this.#attemptOn(row, change);
    if (bytes !== undefined && !Buffer.from(bytes).equals(toBinary(RunRowSchema, row)))
      throw new Violation('a step has changed the row that it was given');
    return answer;
  }

  #attemptOn(row: RunRow, change: () => Answer | void): Answer {
    try {
      return change() ?? 'stored';
    } catch (error) {
      const reason = error instanceof DroverError ? error.reason : undefined;
      if (!refusals.has(reason)) throw error;
      // A commit that fails changes nothing.
      this.row = row;
      return 'refused';
    }
  }

  #step(event: RunEvent): void {
    this.row = stepRun(this.row, event, this.nowMs);
  }

  #apply(message: Message): Answer | void {
    switch (message.kind) {
      case 'page':
        return this.#takePage(message);
      case 'scan-end':
        return this.#endScan(message);
      case 'results':
        return this.#takeResults(message);
      case 'return':
        return this.#release(message);
    }
  }

  #takePage({ generation, page }: Message & { kind: 'page' }): Answer | void {
    checkHolder(this.row.scan!.lease!, generation);
    this.#requireOpen();
    const last = Number(this.row.scan!.lastPage);
    if (page !== last + 1) return 'out of turn';
    const made: Batch[] = [];
    const cut = (phase: BatchPhase, most: number, isWaiting = false) => {
      const length = this.#below(2) * this.#below(most + 1);
      const items = Array.from({ length }, () => (this.#items += 1));
      const lease = this.row.run!.scanOnly ? stepDone() : newLease();
      if (items.length > 0) made.push({ lease, phase, isWaiting: isWaiting && !this.row.run!.scanOnly, items }); // oxfmt-ignore
      return { items: items.length, open: items.length > 0 && !this.row.run!.scanOnly ? 1 : 0, batches: items.length > 0 ? 1 : 0 }; // oxfmt-ignore
    };
    const gone = cut(BatchPhase.GONE, 3);
    const goneFolders = cut(BatchPhase.GONE, 1, true);
    const files = cut(BatchPhase.TRANSFER, 6);
    const late = cut(BatchPhase.LATE, 2);
    const folders = cut(BatchPhase.FOLDERS, 2);
    const [skipped, failed] = [this.#below(3), this.#below(5) === 0 ? 1 : 0];
    const sums = this.#sums;
    const goneItems = gone.items + goneFolders.items;
    this.#step({
      kind: 'sweep',
      swept: {
        sweptPath: `${page}`,
        unlistedPath: '',
        ledgerItems: goneItems,
        goneItems,
        batches: gone.batches + goneFolders.batches,
        openGoneBatches: gone.open + goneFolders.open,
        waitingGoneBatches: goneFolders.open,
        fillingGoneBatch: 0,
        fillingGoneFolderBatch: 0,
      },
    });
    const plannedItems = files.items + late.items + folders.items;
    const scannedItems = plannedItems + skipped + failed;
    const plannedBytes = BigInt(files.items + late.items) * itemBytes;
    this.#step({
      kind: 'plan-page',
      planned: {
        page: BigInt(page),
        lastPath: `${page}`,
        lastDestinationPath: '',
        otherKindFolder: '',
        scannedItems,
        scannedBytes: plannedBytes,
        plannedItems,
        plannedBytes,
        skippedItems: skipped,
        failedItems: failed,
        batches: files.batches + late.batches + folders.batches,
        openTransferBatches: files.open,
        openLateBatches: late.open,
        openFolderBatches: folders.open,
      },
    });
    this.batches.push(...made);
    sums.scanned += scannedItems;
    sums.planned += plannedItems;
    sums.plannedBytes += plannedBytes;
    sums.skipped += skipped;
    sums.failed += failed;
    sums.gone += goneItems;
  }

  #endScan({ generation, pages, isFailure }: Message & { kind: 'scan-end' }): Answer | void {
    checkHolder(this.row.scan!.lease!, generation);
    if (isFailure) {
      this.#step({ kind: 'fail', reason: ErrorReason.SOURCE_NOT_FOUND, message: 'it is away' });
      return;
    }
    if (BigInt(pages) !== this.row.scan!.lastPage) return 'out of turn';
    this.#step({ kind: 'finish-scan', generation });
    this.live.delete('scan');
    this.#beginGoneFolders();
  }

  /** Results of some items only, the first ones, are partial ones. */
  #takeResults({ batch: number, generation, fates }: Message & { kind: 'results' }): void {
    const batch = this.batches[number - 1]!;
    this.#requireOpen();
    checkHolder(batch.lease, generation);
    if (fates.length === 0) {
      this.#release({ kind: 'return', target: number, generation });
      return;
    }
    if (fates.length < batch.items.length) this.#cut(batch, fates.length);
    const outcome = this.#outcomeOf(batch, fates);
    const lease = stepLease(batch.lease, { kind: 'complete', generation });
    this.#step({ kind: 'finish-batch', outcome });
    batch.lease = lease;
    this.live.delete(number);
    for (const item of batch.items) {
      if (this.#counted.has(item)) throw new Violation(`item ${item} was counted twice`);
      this.#counted.add(item);
    }
    this.#beginGoneFolders();
  }

  #outcomeOf({ phase, items }: Batch, fates: readonly Fate[]): BatchOutcome {
    const count = (fate: Fate) => items.filter((_item, index) => fates[index] === fate).length;
    const [succeeded, skipped, failed] = [count('succeeded'), count('skipped'), count('failed')];
    const sums = this.#sums;
    sums.failed += failed;
    if (phase === BatchPhase.GONE) {
      sums.recycled += succeeded;
      return { ...nothing, phase, recycledItems: succeeded, failedItems: failed };
    }
    const bytes = (of: number) => (isTransfer(phase) ? BigInt(of) * itemBytes : 0n);
    sums.succeeded += succeeded;
    sums.skipped += skipped;
    sums.plannedBytes -= bytes(skipped);
    return {
      ...nothing,
      phase,
      succeededItems: succeeded,
      succeededBytes: bytes(succeeded),
      skippedItems: skipped,
      skippedBytes: bytes(skipped),
      failedItems: failed,
      failedBytes: bytes(failed),
    };
  }

  #release({ target, generation }: Message & { kind: 'return' }): void {
    this.#requireOpen();
    if (target === 'scan') this.#step({ kind: 'release-scan', generation });
    else {
      const batch = this.batches[target - 1]!;
      batch.lease = stepLease(batch.lease, { kind: 'release', generation });
    }
    this.live.delete(target);
  }

  /** Leaves the first items in the batch and makes another one of the rest. */
  #cut(batch: Batch, kept: number): void {
    this.#step({ kind: 'split-batch', phase: batch.phase });
    const items = batch.items.splice(kept);
    this.batches.push({ lease: newLease(), phase: batch.phase, isWaiting: false, items });
  }

  /** Folders that are gone have their turn one after the other, the last first. */
  #beginGoneFolders(): void {
    const waiting = this.batches.findLast(({ isWaiting }) => isWaiting);
    if (!this.isOpen || waiting === undefined || !isGoneFoldersTurn(this.row)) return;
    this.#step({ kind: 'begin-gone-folders' });
    waiting.isWaiting = false;
  }

  #requireOpen(): void {
    if (!this.isOpen) throw new DroverError(ErrorReason.LEASE_LOST, 'the run has ended');
  }
}

function stepDone(): LeaseRow {
  return stepLease(stepLease(newLease(), { kind: 'lease', agent: '' }), { kind: 'complete', generation: 1 }); // oxfmt-ignore
}

function stateOf({ state }: LeaseRow): 'free' | 'held' | 'done' {
  return state === 1 ? 'free' : state === 2 ? 'held' : 'done';
}

function same<T>(what: string, found: T, expected: T): void {
  if (found !== expected)
    throw new Violation(`${what}: ${String(found)}, expected were ${String(expected)}`);
}
