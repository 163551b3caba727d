// A file of the source read once, from the first byte to the last: hashed, handed on, and proved to have stayed the same meanwhile.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { SourceContent, Upload } from '../destination/destination.ts';
import { printablePath } from '../source/printable-path.ts';
import type { SourceFile, SourceFileFacts } from '../source/source.ts';
import { Hasher, type Hashes } from './hasher.ts';
import { StoppedError } from './stopped-error.ts';
import type { OpenItem, TransferOptions } from './transfer-item.ts';

/** Where what is read goes. */
export interface Sink {
  upload: Upload;
  write: (chunk: Uint8Array) => Promise<void>;
}

/** A file of the source that is open. */
export type OpenSource = Pick<OpenItem, 'file' | 'facts'> & { item: { path: string } };

/** Bytes that are read at once where nothing is written. */
const readBytes = 256 * 1024;

/** Reads files, one at a time, with buffers that are used again for the next. */
export class SourceReader {
  readonly #options: TransferOptions;
  readonly #hasher = new Hasher();
  /** One where a second upload would only wait for the first; else the next chunk is read while the last is on its way. */
  readonly #ring: Buffer[];

  constructor(options: TransferOptions) {
    this.#options = options;
    const buffers = options.destination.concurrency === 1 ? 1 : 2;
    this.#ring = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(readBytes));
  }

  /** Reads the whole file, and proves that it stayed the same from the first byte to the last. */
  async read(open: OpenSource, sink: Sink | undefined): Promise<Hashes> {
    const { size } = open.facts;
    const wholeBytes = sink?.upload.acceptedBytes === 0 ? sink.upload.chunkBytes : readBytes;
    return size <= wholeBytes ? this.#readWhole(open, sink) : this.#readChunks(open, sink);
  }

  async #readWhole({ item, file, facts }: OpenSource, sink: Sink | undefined): Promise<Hashes> {
    if (this.#options.isCutOff()) throw new StoppedError();
    const buffer = this.#buffer(0, facts.size);
    const length = fill(file, buffer, 0);
    checkUnchanged(item.path, facts, file.facts(), length);
    const hashes = this.#hasher.whole(buffer);
    if (length > 0) await sink?.write(buffer);
    return hashes;
  }

  async #readChunks({ item, file, facts }: OpenSource, sink: Sink | undefined): Promise<Hashes> {
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
    checkUnchanged(item.path, facts, file.facts(), position);
    return this.#hasher.digest();
  }

  /** A buffer of the ring, as long as is asked for; one that is too short is replaced. */
  #buffer(index: number, bytes: number): Buffer {
    if (this.#ring[index]!.length < bytes) this.#ring[index] = Buffer.allocUnsafeSlow(bytes);
    return this.#ring[index]!.subarray(0, bytes);
  }
}

/** Reads until the buffer is full or the file has ended; answers with the bytes read. */
function fill(file: SourceFile, buffer: Buffer, position: number): number {
  let length = 0;
  for (let bytes = -1; bytes !== 0 && length < buffer.length; length += bytes)
    bytes = file.read(buffer.subarray(length), position + length);
  return length;
}

/** The content of an open item, for proofs that look into it. */
export function sourceContent({ file, facts: { size } }: OpenSource): SourceContent {
  return { size, read: (buffer, position) => file.read(buffer, position) };
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
