// The batch job: the items of one lease, each tried as often as the settings say.
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { RetryPolicy } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import { isSignInReason } from '../credential/sign-in-reason.ts';
import type { Destination } from '../destination/destination.ts';
import { chunkBytesFirst } from '../destination/sharepoint/chunk-size.ts';
import { isFolderLost, openDestination } from '../destination/open-destination.ts';
import { openSource } from '../source/open-source.ts';
import type { Source } from '../source/source.ts';
import { batchWaves } from './batch-order.ts';
import { BatchResultRows } from './batch-results.ts';
import { kept } from './gone.ts';
import { ItemWork, type Lane } from './item-work.ts';
import { openTenant } from './job-tenant.ts';
import {
  countShort,
  isCutOff,
  isStopped,
  noteEnding,
  progressBytes,
  progressItems,
  stateStop,
  stopJob,
  type BatchJob,
  type JobResult,
} from './jobs.ts';
import { FileMove } from './move.ts';
import { PlannedItems } from './planned-items.ts';
import { lossOf, sourceLoss } from './source-loss.ts';
import { SourceReader } from './source-reader.ts';
import { StoppedError } from './stopped-error.ts';
import { FileTransfer } from './transfer.ts';
import type { TransferOptions } from './transfer-item.ts';
import { WriteNotes } from './write-notes.ts';

/** The pause before the second attempt; it doubles with each further one. */
const firstPauseMs = 50;

/** Runs a batch. Throws DroverError when source or destination as a whole cannot be opened. */
export async function runBatch(job: BatchJob): Promise<JobResult> {
  const items = new PlannedItems(fromBinary(BatchItemsSchema, job.items));
  if (isKept(job, items)) return keep(job, items);
  try {
    return await runItems(job, items);
  } catch (thrown) {
    const { reason, message } = DroverError.from(thrown);
    if (!isFolderLost(job, reason)) throw thrown;
    return { kind: 'destination-lost', reason, message };
  }
}

/** Whether all of the batch is gone from the source and kept: that has to be said, and neither end has to be there for it. */
function isKept({ phase }: BatchJob, items: PlannedItems): boolean {
  for (let index = 0; index < items.size; index++)
    if (items.action(index) !== ItemAction.KEEP) return false;
  return phase === BatchPhase.GONE;
}

function keep({ shared }: BatchJob, items: PlannedItems): JobResult {
  const results = new BatchResultRows(items.size);
  for (let index = 0; index < items.size; index++)
    results.skipped(index, 1, kept(items.path(index)));
  Atomics.add(shared.progress, progressItems, BigInt(items.size));
  return { kind: 'batch-done', results: results.encode() };
}

async function runItems(job: BatchJob, items: PlannedItems): Promise<JobResult> {
  using source = openSource(job.source);
  // A share that is not mounted has none of its files: that is no reason to call each of them vanished.
  const missing = lossOf(source, hasItems(job));
  if (missing !== undefined) return lost(missing);
  const { shared, settings } = job;
  using tenant = openTenant(job, shared);
  const { destinationHoldsItems: holdsItems } = job;
  await using destination = await openDestination(job.destination, tenant, holdsItems);
  using notes = new WriteNotes(job.notes);
  const results = new BatchResultRows(items.size);
  const work = new ItemWork({
    job,
    items,
    results,
    source,
    destination,
    notes,
    remember: async (index, upload) => await tenant?.host.remember(index, upload),
  });
  const options: TransferOptions = {
    source,
    destination,
    countBytes: (bytes) => Atomics.add(shared.progress, progressBytes, BigInt(bytes)),
    isStopped: () => isStopped(shared),
    isCutOff: () => isCutOff(shared),
    conflictPolicy: settings.conflictPolicy,
  };
  const lanes = {
    count: Math.min(destination.concurrency, items.size),
    open: () => openLane(options),
  };
  const batch = new Batch(job, { items, results, work, source, destination });
  await batch.run(lanes);
  // Nobody knows which of what was written by then is where it should be.
  if (batch.elsewhere !== undefined) throw batch.elsewhere;
  destination.checkSame();
  if (results.finished === items.size) return { kind: 'batch-done', results: results.encode() };
  const partly = results.finished > 0 ? { results: results.encode() } : {};
  return batch.loss === undefined
    ? { kind: 'stopped', ...partly }
    : { ...lost(batch.loss), ...partly };
}

/** Whether the batch is about what is in the source: what is gone may have been all of it. */
function hasItems({ phase }: BatchJob): boolean {
  return phase === BatchPhase.TRANSFER;
}

function lost({ reason, message }: DroverError): JobResult & { kind: 'source-lost' } {
  return { kind: 'source-lost', reason, message };
}

function openLane(options: TransferOptions): Lane {
  const reader = new SourceReader(options);
  return { transfer: new FileTransfer(options, reader), move: new FileMove(options, reader) };
}

/** Several lanes do items side by side. */
interface Lanes {
  count: number;
  open: () => Lane;
}

interface BatchParts {
  items: PlannedItems;
  results: BatchResultRows;
  work: ItemWork;
  source: Source;
  destination: Destination;
}

/** The attempts at the items of a batch. */
class Batch {
  readonly #job: BatchJob;
  readonly #items: PlannedItems;
  readonly #results: BatchResultRows;
  readonly #work: ItemWork;
  readonly #source: Source;
  readonly #destination: Destination;
  /** Why the source could not be read any more. */
  loss: DroverError | undefined;
  /** Why what was written may be in another place than the destination. */
  elsewhere: DroverError | undefined;
  /** When this item is begun, what is left to begin is less than what the lanes can do at once. */
  #ending: number | undefined;

  constructor(job: BatchJob, { items, results, work, source, destination }: BatchParts) {
    this.#job = job;
    this.#items = items;
    this.#results = results;
    this.#work = work;
    this.#source = source;
    this.#destination = destination;
  }

  /** Tries all items, wave by wave, until each has its result or the job is told to stop. */
  async run(lanes: Lanes): Promise<void> {
    const waves = batchWaves(this.#items, this.#job.phase);
    const last = waves.at(-1) ?? [];
    this.#ending = last.at(-Math.min(Math.ceil(lanes.count / 2), last.length));
    for (const wave of waves) await this.#runWave(lanes, wave);
  }

  /** Tries the items of a wave, then those again that are worth it. */
  async #runWave(lanes: Lanes, wave: readonly number[]): Promise<void> {
    let indexes = wave;
    for (let attempt = 1; indexes.length > 0; attempt++) {
      if (attempt > 1) await this.#pause(firstPauseMs * 2 ** (attempt - 2));
      const again: number[] = [];
      const queue = indexes.values();
      // A lane goes with its buffers as soon as nothing is left for it, while others may be at a file for hours.
      const runLane = () => this.#runLane(lanes.open(), queue, attempt, again);
      await Promise.all(Array.from({ length: lanes.count }, runLane));
      if (isStopped(this.#job.shared)) return;
      indexes = again;
    }
  }

  /** One lane of several takes items from the common queue until it is empty, or the job is to stop. */
  async #runLane(
    lane: Lane,
    queue: Iterable<number>,
    attempt: number,
    again: number[],
  ): Promise<void> {
    for (const index of queue) {
      if (isStopped(this.#job.shared)) return;
      // Whoever waits for a turn in this thread may begin: by the time it has found its folder, lanes here have nothing left to do. Work on a
      // folder never waits for anything, so that nobody else could use the time.
      if (index === this.#ending && this.#job.tenant !== undefined) noteEnding(this.#job.shared);
      const isShort = this.#items.scanned(index).size <= chunkBytesFirst;
      try {
        if (isShort) countShort(this.#job.shared, 1);
        await this.#work.run(lane, index, attempt);
      } catch (thrown) {
        if (thrown instanceof StoppedError) return;
        const error = DroverError.from(thrown);
        // No item fails because of this agent's sign-in: another agent may do it. Nor is there any use in beginning another here.
        if (isSignInReason(error.reason)) return stopJob(this.#job.shared, 'soon');
        // Nor because its source is out of reach.
        this.loss ??= sourceLoss(this.#source, error, hasItems(this.#job));
        if (this.loss !== undefined) return stopJob(this.#job.shared, 'soon');
        if (attempt < this.#job.settings.maxAttempts && isWorthAnotherAttempt(error, attempt)) {
          again.push(index);
          continue;
        }
        if (error.reason === ErrorReason.DESTINATION_NEWER)
          this.#results.skipped(index, attempt, error);
        else this.#results.failed(index, attempt, error);
      } finally {
        if (isShort) countShort(this.#job.shared, -1);
      }
      if (this.#isElsewhere()) return stopJob(this.#job.shared, 'soon');
      if (this.#counts(index)) Atomics.add(this.#job.shared.progress, progressItems, 1n);
    }
  }

  /** Whether another place has taken the destination's, as when it is unmounted: asked after each item, before anybody relies on it. */
  #isElsewhere(): boolean {
    try {
      this.#destination.checkSame();
    } catch (thrown) {
      this.elsewhere ??= DroverError.from(thrown);
    }
    return this.elsewhere !== undefined;
  }

  /** Folders are counted once: not yet when they are made. */
  #counts(index: number): boolean {
    return (
      this.#job.phase === BatchPhase.FOLDERS ||
      this.#job.phase === BatchPhase.GONE ||
      this.#items.kind(index) !== ItemKind.FOLDER
    );
  }

  /** Waits, but not longer than until the job is told to stop; the thread stays free for what else waits. */
  async #pause(pauseMs: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#job.shared.state, stateStop, 0, pauseMs);
    await waiting.value;
  }
}

function isWorthAnotherAttempt({ reason }: DroverError, attempt: number): boolean {
  // The source may have been out of reach for just that moment.
  if (reason === ErrorReason.SOURCE_VANISHED) return attempt === 1;
  return reasonInfo(reason).retry === RetryPolicy.AUTOMATIC;
}
