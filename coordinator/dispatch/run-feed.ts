// One run that is going: its newest row, and the batches that can be leased next, read from the store a few at a time.
import { LeaseState, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { leasablePhase } from '../task/run-machine.ts';
import { isRunGoing } from '../task/run-states.ts';
import { LeaseMean } from './lease-mean.ts';
import { Meter } from './meter.ts';
import { neededSettings } from './needed-settings.ts';
import { needOf, type Need } from './reach.ts';
import { ShownProgress } from './shown-progress.ts';
import { workUnits, type WorkSize } from './work-size.ts';

/** How many pending batches are held at once. */
const windowBatches = 256;
/** From so many on it is not counted how much is left. */
const plentyBatches = 128;
const priorityUsual = 5;

/** A batch that can be leased, or was. */
export interface BatchWork {
  kind: 'batch';
  batch: number;
  size: WorkSize;
}

/** A piece of work that can be leased. */
export type Work = { kind: 'scan' } | BatchWork;

export class RunFeed {
  readonly key: RunKey;
  readonly taskUid: string;
  readonly source: string;
  readonly destination: string;
  readonly meter = new Meter();
  /** How many leases agents held of it lately. */
  readonly leaseMean = new LeaseMean();
  readonly shown = new ShownProgress();
  /** Batches that were taken from an agent to be done faster by others: once is enough. */
  readonly takenBack = new Set<number>();
  /** Agents that were to scan the source and could not read it, or not reach the destination, before anything was found; by id. */
  readonly unreadBy = new Set<string>();
  /** How many items the run before found, when that says something about this one. */
  foundBefore: bigint | undefined;
  /** When it was last given a lease, in rounds. */
  lastServed = 0;
  row: RunRow;
  #need: Need;
  #weight = priorityUsual;
  readonly #reader: Reader;
  #phase: BatchPhase = BatchPhase.TRANSFER;
  /** By number, in the order in which they are given. */
  #ready: BatchWork[] = [];
  #readyUnits = 0;
  /** Numbers of what was taken out and is still pending in the store. */
  readonly #taken = new Set<number>();
  #after = 0;
  /** Whether the ledger had anything when it was first asked. */
  #isInLedger: boolean | undefined;
  /** The generation of the scan's lease when it was taken out: in the next one it can be taken again. */
  #scanTakenAt: number | undefined;
  /** What the run had when all that are pending were last read; undefined when some may not have been. */
  #readUpTo: number | RunRow | undefined;

  constructor(reader: Reader, key: RunKey, task: Task, row: RunRow) {
    this.#reader = reader;
    this.key = key;
    this.taskUid = task.uid;
    this.source = task.source;
    this.destination = task.destination;
    this.#need = { ...needOf(task), settings: neededSettings(row.run!.settings) };
    this.row = row;
    this.takeTask(task);
  }

  /** What an agent must be able to reach. */
  get need(): Need {
    return this.#need;
  }

  /** What the run's share of the slots is in proportion to. */
  get weight(): number {
    return this.#weight;
  }

  /** Takes over what an update of the task has changed; answers whether other agents can serve it now. */
  takeTask({ agentGroup, priority }: Task): boolean {
    this.#weight = priority === 0 ? priorityUsual : priority;
    if (agentGroup === this.#need.group) return false;
    this.#need = { ...this.#need, group: agentGroup };
    return true;
  }

  /** Whether leases may be given. */
  get isGoing(): boolean {
    return isRunGoing(this.row.run!.state);
  }

  get wantsScan(): boolean {
    const { state, generation } = this.row.scan!.lease!;
    return this.isGoing && state === LeaseState.PENDING && this.#scanTakenAt !== generation;
  }

  /** Whether there may be batches to give; false only when there are none. */
  get wantsBatches(): boolean {
    return this.isGoing && leasablePhase(this.row) !== undefined;
  }

  /**
   * Units of all batches of the phase that nobody has; undefined while there are more than are held here. `leased` is how many
   * agents have.
   */
  leftUnits(leased: number): number | undefined {
    return openBatches(this.row, this.#phase) - leased > this.#ready.length
      ? undefined
      : this.#readyUnits;
  }

  /** Batches that nobody has, of the phase that the run is in; `leased` is how many agents have. */
  queuedBatches(leased: number): number {
    return Math.max(0, openBatches(this.row, this.#phase) - leased);
  }

  /** Units of the batches that are held here; undefined when they are so many that it does not matter yet. */
  get heldUnits(): number | undefined {
    return this.#ready.length >= plentyBatches ? undefined : this.#readyUnits;
  }

  /** Whether something of the task is at its destination: from earlier runs, or written by this one. Once there is, there is. */
  async destinationHoldsItems(): Promise<boolean> {
    const first = () => this.#reader.ledgerRange(this.key.task, { after: '', upTo: '' }, 1);
    this.#isInLedger ??= (await first()).length > 0;
    return this.#isInLedger || this.row.run!.progress!.succeededItems > 0n;
  }

  /** Reads what was added meanwhile, unless there is plenty. */
  async readMore(leased: number): Promise<void> {
    if (this.heldUnits === undefined || this.leftUnits(leased) !== undefined) return;
    await this.#refill();
  }

  takeScan(): Work | undefined {
    if (!this.wantsScan) return undefined;
    this.#scanTakenAt = this.row.scan!.lease!.generation;
    return { kind: 'scan' };
  }

  /** Takes the next batch out, until it is settled or given back; undefined when there is none at the moment. */
  async takeBatch(): Promise<BatchWork | undefined> {
    if (!this.isGoing) return undefined;
    const phase = leasablePhase(this.row);
    if (phase === undefined) return undefined;
    if (phase !== this.#phase) this.#restart(phase);
    if (this.#ready.length === 0) await this.#refill();
    const work = this.#ready.shift();
    if (work === undefined) return undefined;
    this.#readyUnits -= workUnits(work.size);
    this.#taken.add(work.batch);
    return work;
  }

  /** What was taken out is pending in the store no more. */
  settle(work: Work): void {
    if (work.kind === 'batch') this.#taken.delete(work.batch);
  }

  /** Puts a piece of work in that was taken, or whose lease has ended without a result, or that was cut off another. */
  giveBack(work: Work): void {
    if (work.kind === 'scan') {
      this.#scanTakenAt = undefined;
      return;
    }
    this.settle(work);
    if (this.#ready.some(({ batch }) => batch === work.batch)) return;
    this.#ready.unshift(work);
    this.#readyUnits += workUnits(work.size);
  }

  /** Puts in what was cut off a batch that was leased or is done in part. */
  addPart(batch: number, rest: BatchWork): void {
    if (this.takenBack.has(batch)) this.takenBack.add(rest.batch);
    this.giveBack(rest);
  }

  #restart(phase: BatchPhase): void {
    this.#phase = phase;
    this.#ready = [];
    this.#readyUnits = 0;
    this.#after = 0;
    this.#readUpTo = undefined;
  }

  /** Reads on, unless no batch was cut since there were no more: what is cut off one, or comes back, is put in by itself. */
  async #refill(): Promise<void> {
    const upTo = this.#upTo;
    if (upTo === this.#readUpTo) return;
    let found = await this.#pendingAfter(this.#after);
    // Batches of what is gone get into their phase later than others of a higher number.
    if (found.length === 0 && this.#phase === BatchPhase.GONE) found = await this.#pendingAfter(0);
    const works = await Promise.all(found.map((batch) => this.#workOf(batch)));
    // What was put in while these were read stays, and what was taken out stays out.
    const known = new Set([...this.#taken, ...this.#ready.map(({ batch }) => batch)]);
    const read = works.filter((work) => work !== undefined);
    this.#ready.push(...read.filter(({ batch }) => !known.has(batch)));
    this.#readyUnits = this.#ready.reduce((sum, { size }) => sum + workUnits(size), 0);
    this.#after = found.at(-1) ?? this.#after;
    this.#readUpTo = found.length < windowBatches ? upTo : undefined;
  }

  /** As long as this is the same, no batch has come into the phase: of most phases they are those that the run gets. */
  get #upTo(): number | RunRow {
    return this.#phase === BatchPhase.GONE ? this.row : this.row.batches;
  }

  #pendingAfter(batch: number): Promise<number[]> {
    return this.#reader.pendingBatches(this.key, this.#phase, batch, windowBatches);
  }

  async #workOf(batch: number): Promise<BatchWork | undefined> {
    const row = await this.#reader.batch({ ...this.key, batch });
    return row === undefined ? undefined : { kind: 'batch', batch, size: { items: row.items, bytes: row.bytes } }; // oxfmt-ignore
  }
}

function openBatches(row: RunRow, phase: BatchPhase): number {
  if (phase === BatchPhase.FOLDERS) return row.openFolderBatches;
  if (phase === BatchPhase.LATE) return row.openLateBatches;
  return phase === BatchPhase.GONE ? row.openGoneBatches : row.openTransferBatches;
}
