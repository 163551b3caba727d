// What is done with one item of a batch, once: by what it is, what is planned and which phase it is.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isSignInReason } from '../credential/sign-in-reason.ts';
import type { Destination } from '../destination/destination.ts';
import type { Source, SourceFileFacts } from '../source/source.ts';
import { printablePath } from '../source/printable-path.ts';
import { specialFileError, symbolicLinkError } from '../source/source-error.ts';
import type { BatchResultRows } from './batch-results.ts';
import type { Write } from './conflict.ts';
import { kept, recycleGone, runTagOf } from './gone.ts';
import type { BatchJob, ItemUpload } from './jobs.ts';
import type { FileMove, Moved } from './move.ts';
import { partNames } from './part-names.ts';
import type { PlannedItems } from './planned-items.ts';
import { roomOf, type Room } from './room.ts';
import { StoppedError } from './stopped-error.ts';
import type { FileTransfer } from './transfer.ts';
import type { OpenSourceUpload } from './transfer-item.ts';
import type { WriteNotes } from './write-notes.ts';

/** What does the files of one lane; several lanes work side by side. */
export interface Lane {
  transfer: FileTransfer;
  move: FileMove;
}

export interface ItemWorkParts {
  job: BatchJob;
  items: PlannedItems;
  results: BatchResultRows;
  source: Source;
  destination: Destination;
  notes: WriteNotes;
  /** Remembers beyond the death of the process what is open of an item. */
  remember: (index: number, upload: ItemUpload | undefined) => Promise<void>;
}

/** Does the items of one batch. */
export class ItemWork {
  readonly #parts: ItemWorkParts;
  readonly #room: Room;
  /** What is open at the destination, by item. */
  readonly #uploads: Map<number, ItemUpload>;

  constructor(parts: ItemWorkParts) {
    this.#parts = parts;
    this.#room = roomOf(parts.job.run);
    this.#uploads = new Map(parts.job.uploads.map((upload) => [upload.index, upload]));
  }

  /** Does an item and notes what became of it; throws DroverError when it failed, StoppedError when the job is to end. */
  async run(lane: Lane, index: number, attempt: number): Promise<void> {
    const { job, items } = this.#parts;
    if (job.phase === BatchPhase.GONE) return await this.#runGone(index, attempt);
    const path = items.path(index);
    switch (items.kind(index)) {
      case ItemKind.FILE:
        return await this.#runFile(lane, index, attempt);
      case ItemKind.FOLDER:
        return await this.#runFolder(index, attempt);
      case ItemKind.SYMBOLIC_LINK:
        throw symbolicLinkError(path);
      case ItemKind.SPECIAL:
        throw specialFileError(path);
      default:
        throw unknown('of a kind');
    }
  }

  async #runFile(lane: Lane, index: number, attempt: number): Promise<void> {
    const { results } = this.#parts;
    const moved = await this.#moveFile(lane, index);
    if (moved === undefined) await this.#transferFile(lane, index, attempt);
    else results.fileMoved(index, attempt, moved);
  }

  /** Undefined when the file has to be transferred, also where that was begun before. */
  async #moveFile({ move }: Lane, index: number): Promise<Moved | undefined> {
    const { items } = this.#parts;
    const origin = items.origin(index);
    const expected = items.expected(index);
    if (items.action(index) !== ItemAction.MOVE || this.#uploads.has(index)) return undefined;
    if (origin === undefined || expected === undefined) return undefined;
    return await move.move({
      path: items.path(index),
      destinationPath: items.destinationPath(index),
      scanned: items.scanned(index),
      origin,
      expected,
      unreported: items.unreported(index),
    });
  }

  async #transferFile({ transfer }: Lane, index: number, attempt: number): Promise<void> {
    const { job, items, results } = this.#parts;
    const { partTag, generation } = job;
    const path = items.path(index);
    const destinationPath = items.destinationPath(index);
    const parts = partNames(partTag, generation, destinationPath);
    const { size } = items.scanned(index);
    const refusedBytes = this.#room.tooSmallFor(size, performance.now());
    if (refusedBytes !== undefined) throw noRoom(path, size, refusedBytes);
    try {
      const done = await transfer.transfer({
        path,
        destinationPath,
        // What is expected of a file that was moved is expected where it was.
        expected: items.action(index) === ItemAction.MOVE ? undefined : items.expected(index),
        unreported: this.#unreported(index),
        partName: parts.own,
        stalePartNames: parts.stale,
        open: this.#uploads.get(index),
        remember: (open) => this.#rememberUpload(index, open),
        beforeWrite: (facts) => this.#note(index, facts),
      });
      results.fileSucceeded(index, attempt, done);
    } catch (thrown) {
      if (thrown instanceof DroverError && thrown.reason === ErrorReason.DESTINATION_FULL)
        this.#room.refused(size, performance.now());
      throw thrown;
    }
  }

  /**
   * If somebody worked on the batch before, also this agent in an earlier process, what the scan found is one of them; and so is what
   * was to be moved, which an attempt before may have moved already.
   */
  #unreported(index: number): readonly Write[] {
    const { job, items } = this.#parts;
    const writes = [...items.unreported(index)];
    if (job.generation > 1 || job.uploads.length > 0) writes.push(items.scanned(index));
    const expected = items.expected(index);
    if (items.action(index) === ItemAction.MOVE && expected !== undefined) writes.push(expected);
    return writes;
  }

  /** What the scan found of the item, or was noted before, is known already. */
  async #note(index: number, { size, modifiedNs }: SourceFileFacts): Promise<void> {
    const { items, notes } = this.#parts;
    const known: readonly Write[] = [items.scanned(index), ...items.unreported(index)];
    const isKnown = known.some((one) => one.size === size && one.modifiedNs === modifiedNs);
    if (isKnown || (await notes.keep({ path: items.path(index), size, modifiedNs }))) return;
    throw new StoppedError();
  }

  async #rememberUpload(index: number, open: OpenSourceUpload | undefined): Promise<void> {
    const upload = open === undefined ? undefined : { ...open, index };
    if (upload === undefined) this.#uploads.delete(index);
    else this.#uploads.set(index, upload);
    await this.#parts.remember(index, upload);
  }

  async #runFolder(index: number, attempt: number): Promise<void> {
    const { job, items, results, destination } = this.#parts;
    const path = items.destinationPath(index);
    const { modifiedNs, createdNs } = items.scanned(index);
    if (job.phase !== BatchPhase.FOLDERS) {
      const failure = await makeFolder(destination, path);
      if (failure === undefined) results.folderSucceeded(index, attempt, modifiedNs);
      else results.failed(index, attempt, failure);
      return;
    }
    const isNew = items.action(index) === ItemAction.CREATE;
    const changed = await destination.finishFolder(path, { modifiedNs, createdNs }, isNew);
    if (changed || isNew) results.folderSucceeded(index, attempt, modifiedNs);
    else results.unchanged(index, attempt);
  }

  async #runGone(index: number, attempt: number): Promise<void> {
    const { job, items, results, source, destination } = this.#parts;
    const item = {
      path: items.path(index),
      destinationPath: items.destinationPath(index),
      kind: items.kind(index),
      expected: items.expected(index),
      unreported: items.unreported(index),
    };
    switch (items.action(index)) {
      case ItemAction.KEEP:
        return results.skipped(index, attempt, kept(item.path));
      case ItemAction.RECYCLE: {
        const { conflictPolicy } = job.settings;
        const runTag = runTagOf(job.run);
        const left = await recycleGone(item, { source, destination, conflictPolicy, runTag });
        if (left === undefined) return results.recycled(index, attempt);
        return results.skipped(index, attempt, left);
      }
      default:
        throw unknown('to be treated in a way');
    }
  }
}

/**
 * Answers with why it could not be made. That counts as no failure yet: the folder phase tries again and reports it, as does every file
 * that should be in it; but what was not made is not the task's own.
 */
async function makeFolder(
  destination: Destination,
  path: string,
): Promise<DroverError | undefined> {
  try {
    await destination.makeFolder(path);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof StoppedError) throw thrown;
    if (thrown instanceof DroverError && isSignInReason(thrown.reason)) throw thrown;
    return DroverError.from(thrown);
  }
}

function unknown(what: string): DroverError {
  return new DroverError(
    ErrorReason.INTERNAL,
    `the item is ${what} that this version of the agent does not know; update the agent`,
  );
}

function noRoom(path: string, bytes: number, refusedBytes: number): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_FULL,
    `${printablePath(path)} was not sent: it has ${bytes} bytes, and the destination had no room for ${refusedBytes} shortly before`,
    { metadata: { path } },
  );
}
