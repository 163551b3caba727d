// One file from a source to a destination: read once, hashed, written and proved in one pass.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type {
  Destination,
  ExistingFile,
  Upload,
  UploadOptions,
} from '../destination/destination.ts';
import { printablePath } from '../source/printable-path.ts';
import type { Source, SourceFile, SourceFileFacts } from '../source/source.ts';
import { Hasher, type Hashes } from './hasher.ts';

/** What is to be transferred. */
export interface TransferItem {
  /** Below the source. */
  path: string;
  /** Below the destination. */
  destinationPath: string;
  expected: UploadOptions['expected'];
  partName: string;
  stalePartNames: readonly string[];
}

/** What became of it. */
export interface Transferred {
  /** Bytes that were read. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** As the destination says, nanoseconds since 1970. */
  destinationModifiedNs: bigint;
  hashes: Hashes;
}

/** Thrown when the job was told to stop; nothing is left half-done. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

export interface TransferOptions {
  source: Source;
  destination: Destination;
  /** Counts bytes as they are written; a negative count takes back what was written in vain. */
  countBytes: (bytes: number) => void;
  /** Whether the job was told to stop; asked before each chunk. */
  isStopped: () => boolean;
}

/**
 * Bytes of a chunk. Small enough that a chunk stays in the processor's cache while it is hashed twice, written, read back and
 * compared; larger chunks were slower.
 */
const chunkBytes = 256 * 1024;

/** Transfers files, one at a time, with buffers that are used again for the next. */
export class FileTransfer {
  readonly #options: TransferOptions;
  readonly #hasher = new Hasher();
  readonly #ring: Buffer[];

  constructor(options: TransferOptions) {
    this.#options = options;
    // Where uploads are worth waiting for, the next chunk is read while the last one is on its way.
    const buffers = options.destination.concurrency === 1 ? 1 : 2;
    this.#ring = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(chunkBytes));
  }

  /** Throws DroverError when the file could not be transferred, StoppedError when it was not to be. */
  async transfer(item: TransferItem): Promise<Transferred> {
    using file = this.#options.source.open(item.path);
    const facts = file.facts();
    const place = await this.#openPlace(item, facts);
    // Awaited here, because the file is closed as soon as this function returns.
    if (place.kind === 'existing') return await this.#compare(item, file, facts, place);
    try {
      return await this.#upload(item, file, facts, place);
    } catch (error) {
      if (!(error instanceof DroverError) || error.reason !== ErrorReason.DESTINATION_CONFLICT)
        throw error;
      // What appeared meanwhile may be the same file, written by an agent that held the batch before.
      const appeared = await this.#openPlace(item, facts);
      if (appeared.kind === 'existing') return await this.#compare(item, file, facts, appeared);
      await appeared.abort();
      throw error;
    }
  }

  #openPlace(item: TransferItem, facts: SourceFileFacts): Promise<Upload | ExistingFile> {
    return this.#options.destination.openUpload({
      path: item.destinationPath,
      size: facts.size,
      modifiedNs: facts.modifiedNs,
      createdNs: facts.createdNs,
      expected: item.expected,
      partName: item.partName,
      stalePartNames: item.stalePartNames,
    });
  }

  async #upload(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    upload: Upload,
  ): Promise<Transferred> {
    let counted = 0;
    const write = async (chunk: Uint8Array) => {
      await upload.write(chunk);
      counted += chunk.length;
      this.#options.countBytes(chunk.length);
    };
    let hashes: Hashes;
    try {
      hashes = await this.#read(item.path, file, facts, write);
    } catch (error) {
      await upload.abort();
      this.#options.countBytes(-counted);
      throw error;
    }
    try {
      const { modifiedNs } = await upload.commit(hashes);
      return transferred(facts, modifiedNs, hashes);
    } catch (error) {
      this.#options.countBytes(-counted);
      throw error;
    }
  }

  async #compare(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    existing: ExistingFile,
  ): Promise<Transferred> {
    if (!existing.isFile || existing.size !== facts.size)
      throw existingConflict(item, facts, existing);
    const hashes = await this.#read(item.path, file, facts, async () => {});
    if (Buffer.compare(hashes.sha256, (await existing.hashes()).sha256) !== 0)
      throw existingConflict(item, facts, existing);
    this.#options.countBytes(facts.size);
    return transferred(facts, existing.modifiedNs, hashes);
  }

  /** Reads the whole file, and proves that it stayed the same from the first byte to the last. */
  async #read(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<Hashes> {
    return facts.size <= chunkBytes
      ? this.#readWhole(path, file, facts, write)
      : this.#readChunks(path, file, facts, write);
  }

  async #readWhole(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<Hashes> {
    if (this.#options.isStopped()) throw new StoppedError();
    const buffer = this.#ring[0]!.subarray(0, facts.size);
    let length = 0;
    for (let bytes = -1; bytes !== 0 && length < facts.size; length += bytes)
      bytes = file.read(buffer.subarray(length), length);
    checkUnchanged(path, facts, file.facts(), length);
    if (length > 0) await write(buffer);
    return this.#hasher.whole(buffer);
  }

  async #readChunks(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<Hashes> {
    this.#hasher.start();
    let position = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (let turn = 0; position < facts.size; turn++) {
        if (this.#options.isStopped()) throw new StoppedError();
        if (this.#ring.length === 1) await writing;
        const buffer = this.#ring[turn % this.#ring.length]!;
        const bytes = file.read(buffer, position);
        if (bytes === 0) break;
        const chunk = buffer.subarray(0, bytes);
        this.#hasher.update(chunk);
        await writing;
        writing = write(chunk);
        position += bytes;
      }
    } finally {
      await writing;
    }
    checkUnchanged(path, facts, file.facts(), position);
    return this.#hasher.digest();
  }
}

function transferred(
  facts: SourceFileFacts,
  destinationModifiedNs: bigint,
  hashes: Hashes,
): Transferred {
  return { size: facts.size, modifiedNs: facts.modifiedNs, destinationModifiedNs, hashes };
}

/** Throws SOURCE_CHANGED when the file is not what it was before its first byte was read. */
function checkUnchanged(
  path: string,
  before: SourceFileFacts,
  after: SourceFileFacts,
  bytesRead: number,
): void {
  const same =
    before.size === after.size &&
    before.modifiedNs === after.modifiedNs &&
    before.changedNs === after.changedNs &&
    bytesRead === before.size;
  if (same) return;
  const how =
    before.size === after.size
      ? 'its content or its dates'
      : `its size, from ${before.size} to ${after.size} bytes`;
  throw new DroverError(
    ErrorReason.SOURCE_CHANGED,
    `${printablePath(path)} changed while it was read: ${how}`,
    { metadata: { path } },
  );
}

function existingConflict(
  item: TransferItem,
  facts: SourceFileFacts,
  existing: ExistingFile,
): DroverError {
  const name = printablePath(item.destinationPath);
  const message = existing.isFile
    ? `another file stands at the destination as ${name}: ${existing.size} bytes of ${date(existing.modifiedNs)}, ` +
      `and ${facts.size} bytes of ${date(facts.modifiedNs)} at the source`
    : `something that is not a file stands at the destination as ${name}`;
  return new DroverError(ErrorReason.DESTINATION_CONFLICT, message, {
    metadata: { path: item.destinationPath },
  });
}

/** A time as people read it; times that a Date cannot hold as the number they are. */
function date(ns: bigint): string {
  const time = new Date(Number(ns / 1_000_000n));
  return Number.isNaN(time.getTime()) ? `${ns} ns since 1970` : time.toISOString();
}
