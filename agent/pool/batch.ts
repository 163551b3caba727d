// The batch job: the items of one lease, each tried as often as the settings say.
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { RetryPolicy } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import type { Destination } from '../destination/destination.ts';
import { openDestination } from '../destination/open-destination.ts';
import { openSource } from '../source/open-source.ts';
import { printablePath } from '../source/printable-path.ts';
import { specialFileError, symbolicLinkError } from '../source/source-error.ts';
import { BatchResultRows } from './batch-results.ts';
import type { Write } from './conflict.ts';
import { openTenant } from './job-tenant.ts';
import {
  progressBytes,
  progressItems,
  stateStop,
  type BatchJob,
  type ItemUpload,
  type JobResult,
} from './jobs.ts';
import { partName, stalePartNames } from './part-names.ts';
import { PlannedItems } from './planned-items.ts';
import { roomOf, type Room } from './room.ts';
import { StoppedError } from './stopped-error.ts';
import { FileTransfer } from './transfer.ts';
import type { OpenSourceUpload } from './transfer-item.ts';

/** The pause before the second attempt; it doubles with each further one. */
const firstPauseMs = 50;

/** Runs a batch. Throws DroverError when source or destination as a whole cannot be opened. */
export async function runBatch(job: BatchJob): Promise<JobResult> {
  using source = openSource(job.source);
  // A share that is not mounted has none of its files: that is no reason to call each of them vanished.
  source.check();
  using tenant = openTenant(job, job.shared);
  await using destination = await openDestination(job.destination, tenant);
  const remember = async (index: number, upload: ItemUpload | undefined) =>
    await tenant?.host.remember(index, upload);
  const items = new PlannedItems(fromBinary(BatchItemsSchema, job.items));
  const batch = new Batch(job, items, { destination, remember });
  const files = Array.from(
    { length: Math.min(destination.concurrency, batch.size) },
    () =>
      new FileTransfer({
        source,
        destination,
        countBytes: (bytes) => Atomics.add(job.shared.progress, progressBytes, BigInt(bytes)),
        isStopped: batch.isStopped,
        conflictPolicy: job.settings.conflictPolicy,
      }),
  );
  return (await batch.run(files))
    ? { kind: 'batch-done', results: batch.results.encode() }
    : { kind: 'stopped' };
}

interface BatchParts {
  destination: Destination;
  /** Remembers beyond the death of the process what is open of an item. */
  remember: (index: number, upload: ItemUpload | undefined) => Promise<void>;
}

/** The items of a batch and what became of them. */
class Batch {
  readonly results: BatchResultRows;
  readonly size: number;
  readonly #job: BatchJob;
  readonly #items: PlannedItems;
  readonly #destination: Destination;
  readonly #remember: BatchParts['remember'];
  readonly #room: Room;
  /** What is open at the destination, by item. */
  readonly #uploads: Map<number, ItemUpload>;

  constructor(job: BatchJob, items: PlannedItems, { destination, remember }: BatchParts) {
    this.#job = job;
    this.#items = items;
    this.#destination = destination;
    this.#remember = remember;
    this.#room = roomOf(job.run);
    this.#uploads = new Map(job.uploads.map((upload) => [upload.index, upload]));
    this.size = items.size;
    this.results = new BatchResultRows(this.size);
  }

  readonly isStopped = (): boolean => Atomics.load(this.#job.shared.state, stateStop) !== 0;

  /** Tries all items, then those again that are worth it. Answers false when the job was told to stop. */
  async run(files: readonly FileTransfer[]): Promise<boolean> {
    // From the last to the first in the folder phase: dating a folder must come after making what is in it.
    const all = Array.from({ length: this.size }, (_, index) => index);
    let indexes = this.#job.phase === BatchPhase.FOLDERS ? all.reverse() : all;
    for (let attempt = 1; indexes.length > 0; attempt++) {
      if (attempt > 1) await this.#pause(firstPauseMs * 2 ** (attempt - 2));
      const again: number[] = [];
      const queue = indexes.values();
      const lanes = files.map((file) => this.#runLane(file, queue, attempt, again));
      await Promise.all(lanes);
      if (this.isStopped()) return false;
      indexes = again;
    }
    return true;
  }

  /** One lane of several takes items from the common queue until it is empty, or the job is to stop. */
  async #runLane(
    file: FileTransfer,
    queue: Iterable<number>,
    attempt: number,
    again: number[],
  ): Promise<void> {
    for (const index of queue) {
      if (this.isStopped()) return;
      try {
        await this.#runItem(file, index, attempt);
      } catch (thrown) {
        if (thrown instanceof StoppedError) return;
        const error = DroverError.from(thrown);
        if (attempt < this.#job.settings.maxAttempts && isWorthAnotherAttempt(error)) {
          again.push(index);
          continue;
        }
        if (error.reason === ErrorReason.DESTINATION_NEWER)
          this.results.skipped(index, attempt, error);
        else this.results.failed(index, attempt, error);
      }
      if (this.#counts(index)) Atomics.add(this.#job.shared.progress, progressItems, 1n);
    }
  }

  async #runItem(file: FileTransfer, index: number, attempt: number): Promise<void> {
    const path = this.#items.path(index);
    switch (this.#items.kind(index)) {
      case ItemKind.FILE:
        return this.#runFile(file, index, attempt, path);
      case ItemKind.FOLDER:
        return this.#runFolder(index, attempt);
      case ItemKind.SYMBOLIC_LINK:
        throw symbolicLinkError(path);
      case ItemKind.SPECIAL:
        throw specialFileError(path);
      default:
        throw new DroverError(
          ErrorReason.INTERNAL,
          'the item is of a kind that this version of the agent does not know; update the agent',
        );
    }
  }

  async #runFile(file: FileTransfer, index: number, attempt: number, path: string): Promise<void> {
    const { leaseTag, generation } = this.#job;
    const bytes = this.#items.scanned(index).size;
    const refusedBytes = this.#room.tooSmallFor(bytes, Date.now());
    if (refusedBytes !== undefined) throw noRoom(path, bytes, refusedBytes);
    try {
      const done = await file.transfer({
        path,
        destinationPath: this.#items.destinationPath(index),
        expected: this.#items.expected(index),
        unreported: this.#unreported(index),
        partName: partName(leaseTag, generation, index),
        stalePartNames: stalePartNames(leaseTag, generation, index),
        open: this.#uploads.get(index),
        remember: (open) => this.#rememberUpload(index, open),
      });
      this.results.fileSucceeded(index, attempt, done);
    } catch (thrown) {
      if (thrown instanceof DroverError && thrown.reason === ErrorReason.DESTINATION_FULL)
        this.#room.refused(bytes, Date.now());
      throw thrown;
    }
  }

  /** If somebody worked on the batch before, also this agent in an earlier process, that is one of them: what the scan found. */
  #unreported(index: number): readonly Write[] {
    const wasHeldBefore = this.#job.generation > 1 || this.#job.uploads.length > 0;
    const writes = this.#items.unreported(index);
    return wasHeldBefore ? [this.#items.scanned(index), ...writes] : writes;
  }

  async #rememberUpload(index: number, open: OpenSourceUpload | undefined): Promise<void> {
    const upload = open === undefined ? undefined : { ...open, index };
    if (upload === undefined) this.#uploads.delete(index);
    else this.#uploads.set(index, upload);
    await this.#remember(index, upload);
  }

  async #runFolder(index: number, attempt: number): Promise<void> {
    const path = this.#items.destinationPath(index);
    const { modifiedNs, createdNs } = this.#items.scanned(index);
    if (this.#job.phase !== BatchPhase.FOLDERS) {
      // What cannot be made now is reported by the folder phase, which tries again, and by every file that should be in it.
      await this.#destination.makeFolder(path).catch(() => undefined);
      this.results.folderSucceeded(index, attempt, modifiedNs);
      return;
    }
    const isNew = this.#items.action(index) === ItemAction.CREATE;
    const changed = await this.#destination.finishFolder(path, { modifiedNs, createdNs }, isNew);
    if (changed || isNew) this.results.folderSucceeded(index, attempt, modifiedNs);
    else this.results.unchanged(index, attempt);
  }

  /** Folders are counted once, in the folder phase. */
  #counts(index: number): boolean {
    return this.#job.phase === BatchPhase.FOLDERS || this.#items.kind(index) !== ItemKind.FOLDER;
  }

  /** Waits, but not longer than until the job is told to stop; the thread stays free for what else waits. */
  async #pause(pauseMs: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#job.shared.state, stateStop, 0, pauseMs);
    await waiting.value;
  }
}

function noRoom(path: string, bytes: number, refusedBytes: number): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_FULL,
    `${printablePath(path)} was not sent: it has ${bytes} bytes, and the destination had no room for ${refusedBytes} shortly before`,
    { metadata: { path } },
  );
}

function isWorthAnotherAttempt(error: DroverError): boolean {
  return reasonInfo(error.reason).retry === RetryPolicy.AUTOMATIC;
}
