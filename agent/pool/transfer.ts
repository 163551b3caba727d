// One file from a source to a destination: read once, hashed, written and proved in one pass.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type {
  Destination,
  DestinationFile,
  ExistingFile,
  ExpectedFile,
  OpenUpload,
  SourceContent,
  Upload,
  UploadOptions,
} from '../destination/destination.ts';
import { printablePath } from '../source/printable-path.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { existingConflict, existingNewer, isConflict, isSameWrite, judgeConflict, keptNumberMax, numberedPath } from './conflict.ts'; // prettier-ignore
import type { Source, SourceFile, SourceFileFacts } from '../source/source.ts';
import { Hasher, type Hashes } from './hasher.ts';

/** What is to be transferred. */
export interface TransferItem {
  /** Below the source. */
  path: string;
  /** Below the destination. */
  destinationPath: string;
  expected: UploadOptions['expected'];
  /**
   * What whoever held the batch before may have written and not reported: what the scan found. Undefined when nobody did. A file that
   * stands there with its size and date is ours, although the source may be another one by now.
   */
  unreported: Pick<SourceFileFacts, 'size' | 'modifiedNs'> | undefined;
  partName: string;
  stalePartNames: readonly string[];
  /** What was left open of it, by an earlier attempt or an earlier process of this agent. */
  open: OpenSourceUpload | undefined;
  /** Remembers what is open beyond the death of the process; undefined: nothing is open any more. */
  remember: (open: OpenSourceUpload | undefined) => Promise<void>;
}

/** What is open at the destination, and of which content: it may be gone on with only while the source is still that. */
export interface OpenSourceUpload extends OpenUpload {
  /** Bytes of the source file. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** When the file or its attributes changed last, nanoseconds since 1970. */
  changedNs: bigint;
}

/** What became of it. */
export interface Transferred {
  /** Bytes that were read. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  destination: DestinationFile;
  hashes: Hashes;
  /** Below the destination, where it was written beside what had its place; empty where it has its own. */
  keptPath: string;
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
  /** What to do when the place of a file is taken by another content. */
  conflictPolicy: ConflictPolicy;
}

/** Bytes that are read at once where nothing is written. */
const readBytes = 256 * 1024;
/** How often a place is looked at before a file is given up because others keep writing there. */
const roundsMax = 3;
/** A time at which no file changed. */
const neverNs = -1n;

/** Transfers files, one at a time, with buffers that are used again for the next. */
export class FileTransfer {
  readonly #options: TransferOptions;
  readonly #hasher = new Hasher();
  /** One where a second upload would only wait for the first; else the next chunk is read while the last is on its way. */
  readonly #ring: Buffer[];

  constructor(options: TransferOptions) {
    this.#options = options;
    const buffers = options.destination.concurrency === 1 ? 1 : 2;
    this.#ring = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(readBytes));
  }

  /**
   * Throws DroverError when the file could not be transferred, DESTINATION_NEWER when it was not to be, StoppedError when the job
   * is to end.
   */
  async transfer(item: TransferItem): Promise<Transferred> {
    using file = this.#options.source.open(item.path);
    const facts = file.facts();
    let open = await this.#usable(item, facts);
    // What appears or changes between the look and the commit is looked at again: it may be the same file, written by an agent that
    // held the batch before, and what an edit made of it is judged like any other.
    for (let round = 1; ; round++) {
      const found = await this.#findPlace(item, file, facts, open);
      // Awaited here, because the file is closed as soon as this function returns.
      if (found.kind === 'done') return found.transferred;
      if (found.kind === 'upload') {
        try {
          return await this.#upload(item, file, facts, found);
        } catch (error) {
          if (!isConflict(error) || round === roundsMax) throw error;
        }
      } else if (round === roundsMax) throw existingConflict(item, facts, found.by);
      open = undefined;
    }
  }

  /** What is open of the item, if the source is still what it was begun with; else it is cancelled. */
  async #usable(item: TransferItem, facts: SourceFileFacts): Promise<OpenUpload | undefined> {
    const { open } = item;
    if (open === undefined || isSameContent(open, facts)) return open;
    if (await this.#options.destination.cancelUpload(open)) await item.remember(undefined);
    return undefined;
  }

  /** Where the file may be written, by the run's policy when its place is taken. */
  async #findPlace(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    open: OpenUpload | undefined,
  ): Promise<FoundPlace> {
    const place = await this.#openPlace(item, facts, { open });
    if (place.kind === 'upload') return { kind: 'upload', upload: place, keptPath: '' };
    const { conflictPolicy: policy, destination } = this.#options;
    const { timePrecisionNs: precisionNs } = destination;
    const isUnreported = isSameWrite(item.unreported, place, precisionNs);
    // What this task wrote, or may write over, gets the dates of the source; what somebody else put there is not touched.
    const isOurs = isUnreported || item.expected !== undefined || policy === ConflictPolicy.OVERWRITE; // prettier-ignore
    const transferred = await this.#adopt(item, file, facts, { existing: place, keptPath: '', isOurs }); // prettier-ignore
    if (transferred !== undefined) return { kind: 'done', transferred };
    const { modifiedNs } = facts;
    const verdict = isUnreported
      ? 'overwrite'
      : judgeConflict({ policy, existing: place, modifiedNs, precisionNs });
    switch (verdict) {
      case 'overwrite': {
        const replaced = await this.#openPlace(item, facts, { expected: place.asExpected });
        return replaced.kind === 'upload'
          ? { kind: 'upload', upload: replaced, keptPath: '' }
          : { kind: 'changed', by: replaced };
      }
      case 'keep-both':
        return await this.#findPlaceBeside(item, file, facts, place);
      case 'leave-newer':
        throw existingNewer(item, facts, place);
      case 'report':
        throw existingConflict(item, facts, place);
    }
  }

  /** The first numbered name that is free, or that has the very same content, as an attempt before may have left it. */
  async #findPlaceBeside(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    taken: ExistingFile,
  ): Promise<FoundPlace> {
    for (let number = 2; number <= keptNumberMax; number++) {
      const keptPath = numberedPath(item.destinationPath, number);
      if (this.#isAtSource(item.path, keptPath)) continue;
      const place = await this.#openPlace(item, facts, { path: keptPath });
      if (place.kind === 'upload') return { kind: 'upload', upload: place, keptPath };
      const transferred = await this.#adopt(item, file, facts, { existing: place, keptPath, isOurs: false }); // prettier-ignore
      if (transferred !== undefined) return { kind: 'done', transferred };
    }
    throw existingConflict(item, facts, taken, `; ${keptNumberMax - 1} names beside it are taken, too`); // prettier-ignore
  }

  /** Whether the name is one that another item of the source has: that item will need it. */
  #isAtSource(itemPath: string, keptPath: string): boolean {
    const folder = itemPath.slice(0, itemPath.lastIndexOf('/') + 1);
    try {
      this.#options.source.facts(folder + keptPath.slice(keptPath.lastIndexOf('/') + 1));
      return true;
    } catch (thrown) {
      return DroverError.from(thrown).reason !== ErrorReason.SOURCE_VANISHED;
    }
  }

  /** Without more than the item, its own place; `expected` in place of the item's own, or `path` beside it, where nothing may stand. */
  #openPlace(
    item: TransferItem,
    facts: SourceFileFacts,
    more: { open?: OpenUpload | undefined; expected?: ExpectedFile; path?: string },
  ): Promise<Upload | ExistingFile> {
    const { size, modifiedNs, changedNs, createdNs } = facts;
    const { open, path } = more;
    return this.#options.destination.openUpload({
      path: path ?? item.destinationPath,
      size,
      modifiedNs,
      createdNs,
      expected: more.expected ?? (path === undefined ? item.expected : undefined),
      partName: item.partName,
      stalePartNames: item.stalePartNames,
      open,
      // Nobody could tell later under which name a numbered one was begun, so it is never gone on with, only cancelled.
      remember: ({ url }) =>
        item.remember({
          url,
          size,
          modifiedNs,
          changedNs: path === undefined ? changedNs : neverNs,
        }),
    });
  }

  async #upload(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    { upload, keptPath }: { upload: Upload; keptPath: string },
  ): Promise<Transferred> {
    let counted = upload.acceptedBytes;
    this.#options.countBytes(counted);
    const write = async (chunk: Uint8Array) => {
      await upload.write(chunk);
      counted += chunk.length;
      this.#options.countBytes(chunk.length);
    };
    let hashes: Hashes;
    try {
      hashes = await this.#read(item.path, file, facts, { upload, write });
    } catch (error) {
      await upload.abort();
      this.#options.countBytes(-counted);
      throw error;
    }
    try {
      const destination = await upload.commit(hashes, sourceContent(file, facts));
      return { size: facts.size, modifiedNs: facts.modifiedNs, destination, hashes, keptPath };
    } catch (error) {
      this.#options.countBytes(-counted);
      throw error;
    }
  }

  /** Takes what stands there for migrated if it is the very same content; undefined when it is another. */
  async #adopt(
    item: TransferItem,
    file: SourceFile,
    facts: SourceFileFacts,
    { existing, keptPath, isOurs }: { existing: ExistingFile; keptPath: string; isOurs: boolean },
  ): Promise<Transferred | undefined> {
    if (!existing.mayEqual(facts.size)) return undefined;
    const hashes = await this.#read(item.path, file, facts, undefined);
    const content = sourceContent(file, facts);
    const destination = await existing.prove(hashes, content, isOurs ? facts : undefined);
    if (destination === undefined) return undefined;
    this.#options.countBytes(facts.size);
    return { size: facts.size, modifiedNs: facts.modifiedNs, destination, hashes, keptPath };
  }

  /** Reads the whole file, and proves that it stayed the same from the first byte to the last. */
  async #read(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    sink: Sink | undefined,
  ): Promise<Hashes> {
    const wholeBytes = sink?.upload.acceptedBytes === 0 ? sink.upload.chunkBytes : readBytes;
    return facts.size <= wholeBytes
      ? this.#readWhole(path, file, facts, sink)
      : this.#readChunks(path, file, facts, sink);
  }

  async #readWhole(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    sink: Sink | undefined,
  ): Promise<Hashes> {
    if (this.#options.isStopped()) throw new StoppedError();
    const buffer = this.#buffer(0, facts.size);
    const length = fill(file, buffer, 0);
    checkUnchanged(path, facts, file.facts(), length);
    const hashes = this.#hasher.whole(buffer);
    if (length > 0) await sink?.write(buffer);
    return hashes;
  }

  async #readChunks(
    path: string,
    file: SourceFile,
    facts: SourceFileFacts,
    sink: Sink | undefined,
  ): Promise<Hashes> {
    this.#hasher.start();
    const accepted = sink?.upload.acceptedBytes ?? facts.size;
    let position = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (let turn = 0; position < facts.size; turn++) {
        if (this.#options.isStopped()) throw new StoppedError();
        if (this.#ring.length === 1) await writing;
        const isWritten = position >= accepted;
        const wanted = isWritten
          ? Math.min(sink!.upload.chunkBytes, facts.size - position)
          : Math.min(readBytes, accepted - position);
        const buffer = this.#buffer(turn % this.#ring.length, wanted);
        const chunk = buffer.subarray(0, fill(file, buffer, position));
        if (chunk.length === 0) break;
        this.#hasher.update(chunk);
        await writing;
        if (isWritten) writing = sink!.write(chunk);
        position += chunk.length;
      }
    } finally {
      await writing;
    }
    checkUnchanged(path, facts, file.facts(), position);
    return this.#hasher.digest();
  }

  /** A buffer of the ring, as long as is asked for; one that is too short is replaced. */
  #buffer(index: number, bytes: number): Buffer {
    if (this.#ring[index]!.length < bytes) this.#ring[index] = Buffer.allocUnsafeSlow(bytes);
    return this.#ring[index]!.subarray(0, bytes);
  }
}

/** What was found where a file is to go. */
type FoundPlace =
  | { kind: 'upload'; upload: Upload; keptPath: string }
  /** The very same content stands there already. */
  | { kind: 'done'; transferred: Transferred }
  /** What was to be replaced changed again. */
  | { kind: 'changed'; by: ExistingFile };

/** Where what is read goes. */
interface Sink {
  upload: Upload;
  write: (chunk: Uint8Array) => Promise<void>;
}

/** Reads until the buffer is full or the file has ended; answers with the bytes read. */
function fill(file: SourceFile, buffer: Buffer, position: number): number {
  let length = 0;
  for (let bytes = -1; bytes !== 0 && length < buffer.length; length += bytes)
    bytes = file.read(buffer.subarray(length), position + length);
  return length;
}

function sourceContent(file: SourceFile, { size }: SourceFileFacts): SourceContent {
  return { size, read: (buffer, position) => file.read(buffer, position) };
}

function isSameContent(open: OpenSourceUpload, facts: SourceFileFacts): boolean {
  return (
    open.size === facts.size &&
    open.modifiedNs === facts.modifiedNs &&
    open.changedNs === facts.changedNs
  );
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
