// One run that is going: its newest row, and the batches that can be leased next, read from the store a few at a time.
import { LeaseState, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { parseLocation, type LocationKind } from '../../lib/location.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { leasablePhase } from '../task/run-machine.ts';
import { isRunGoing } from '../task/run-states.ts';
import { Meter } from './meter.ts';

/** How many numbers of pending batches are held at once. */
const windowBatches = 64;

/** A piece of work that can be leased. */
export type Work = { kind: 'scan' } | { kind: 'batch'; batch: number };

export class RunFeed {
  readonly key: RunKey;
  readonly source: string;
  readonly destination: string;
  /** What an agent must be able to reach. */
  readonly locationKinds: readonly LocationKind[];
  readonly meter = new Meter();
  row: RunRow;
  readonly #reader: Reader;
  #phase: BatchPhase = BatchPhase.TRANSFER;
  #ready: number[] = [];
  #after = 0;
  /** The generation of the scan's lease when it was taken out: in the next one it can be taken again. */
  #scanTakenAt: number | undefined;

  constructor(reader: Reader, key: RunKey, task: Task, row: RunRow) {
    this.#reader = reader;
    this.key = key;
    this.source = task.source;
    this.destination = task.destination;
    this.locationKinds = [
      parseLocation(task.source, 'source').kind,
      parseLocation(task.destination, 'destination').kind,
    ];
    this.row = row;
  }

  /** Whether leases may be given. */
  get isGoing(): boolean {
    return isRunGoing(this.row.run!.state);
  }

  /** Takes the next piece of work out; undefined when there is none at the moment. */
  async take(): Promise<Work | undefined> {
    if (!this.isGoing) return undefined;
    const { state, generation } = this.row.scan!.lease!;
    if (state === LeaseState.PENDING && this.#scanTakenAt !== generation) {
      this.#scanTakenAt = generation;
      return { kind: 'scan' };
    }
    const phase = leasablePhase(this.row);
    if (phase === undefined) return undefined;
    if (phase !== this.#phase) this.#restart(phase);
    if (this.#ready.length === 0) await this.#refill();
    const batch = this.#ready.shift();
    return batch === undefined ? undefined : { kind: 'batch', batch };
  }

  /** Puts a piece of work back that was taken, or whose lease has ended without a result. */
  giveBack(work: Work): void {
    if (work.kind === 'scan') this.#scanTakenAt = undefined;
    else this.#ready.unshift(work.batch);
  }

  #restart(phase: BatchPhase): void {
    this.#phase = phase;
    this.#ready = [];
    this.#after = 0;
  }

  async #refill(): Promise<void> {
    const found = await this.#reader.pendingBatches(
      this.key,
      this.#phase,
      this.#after,
      windowBatches,
    );
    this.#ready = found;
    this.#after = found.at(-1) ?? this.#after;
  }
}
