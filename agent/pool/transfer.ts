// One file from a source to a destination: read once, hashed, written and proved in one pass. find-place.ts says where it goes,
// source-reader.ts reads it.
import type { OpenUpload, Upload } from '../destination/destination.ts';
import type { SourceFileFacts } from '../source/source.ts';
import { existingConflict, isConflict } from './conflict.ts';
import { PlaceFinder } from './find-place.ts';
import type { Hashes } from './hasher.ts';
import { sourceContent, SourceReader } from './source-reader.ts';
import type { OpenItem, OpenSourceUpload, TransferItem, Transferred, TransferOptions } from './transfer-item.ts'; // oxfmt-ignore

/** How often a place is looked at before a file is given up because others keep writing there. */
const roundsMax = 3;

/** Transfers files, one at a time, with buffers that are used again for the next. */
export class FileTransfer {
  readonly #options: TransferOptions;
  readonly #reader: SourceReader;
  readonly #places: PlaceFinder;

  constructor(options: TransferOptions, reader = new SourceReader(options)) {
    this.#options = options;
    this.#reader = reader;
    this.#places = new PlaceFinder(options, this.#reader);
  }

  /**
   * Throws DroverError when the file could not be transferred, DESTINATION_NEWER when it was not to be, StoppedError when the job
   * is to end.
   */
  async transfer(item: TransferItem): Promise<Transferred> {
    using file = this.#options.source.open(item.path);
    const facts = file.facts();
    const opened: OpenItem = { item, file, facts };
    let open = await this.#usable(opened);
    // What appears or changes between the look and the commit is looked at again: it may be the same file, written by an agent that
    // held the batch before, and what an edit made of it is judged like any other.
    for (let round = 1; ; round++) {
      const found = await this.#places.find(opened, open);
      // Awaited here, because the file is closed as soon as this function returns.
      if (found.kind === 'done') return found.transferred;
      if (found.kind === 'upload') {
        try {
          return await this.#upload(opened, found);
        } catch (error) {
          if (!isConflict(error) || round === roundsMax) throw error;
        }
      } else if (round === roundsMax) throw existingConflict(item, facts, found.by);
      open = undefined;
    }
  }

  /** What is open of the item, if the source is still what it was begun with; else it is cancelled. */
  async #usable({ item, facts }: OpenItem): Promise<OpenUpload | undefined> {
    const { open } = item;
    if (open === undefined || isSameContent(open, facts)) return open;
    if (await this.#options.destination.cancelUpload(open)) await item.remember(undefined);
    return undefined;
  }

  async #upload(
    opened: OpenItem,
    { upload, keptPath }: { upload: Upload; keptPath: string },
  ): Promise<Transferred> {
    const { item, facts } = opened;
    let counted = upload.acceptedBytes;
    this.#options.countBytes(counted);
    const write = async (chunk: Uint8Array) => {
      await upload.write(chunk);
      counted += chunk.length;
      this.#options.countBytes(chunk.length);
    };
    let hashes: Hashes;
    try {
      hashes = await this.#reader.read(opened, { upload, write });
      await item.beforeWrite(facts);
    } catch (error) {
      await upload.abort();
      this.#options.countBytes(-counted);
      throw error;
    }
    try {
      const destination = await upload.commit(hashes, sourceContent(opened));
      return { size: facts.size, modifiedNs: facts.modifiedNs, destination, hashes, keptPath };
    } catch (error) {
      this.#options.countBytes(-counted);
      throw error;
    }
  }
}

function isSameContent(open: OpenSourceUpload, facts: SourceFileFacts): boolean {
  return (
    open.size === facts.size &&
    open.modifiedNs === facts.modifiedNs &&
    open.changedNs === facts.changedNs
  );
}
