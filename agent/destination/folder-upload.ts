// One file on its way into a folder: written under another name beside its place, proved, dated, then renamed, so that it
// appears whole or not at all.
//
// Nothing is forced to the disk: like cp and rsync, a machine that loses its power right after may lose the file.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { printablePath } from '../source/printable-path.ts';
import type { DestinationFile, ExpectedFile, Upload, UploadOptions } from './destination.ts';
import { conflictError, destinationError, errorCode } from './destination-error.ts';
import { setModifiedTime } from './file-times.ts';
import { renameNew } from './rename-new.ts';

/** What an upload needs to know beside its options. */
export interface FolderUploadPlace {
  /** The file's path in the file system. */
  target: string;
  /** The path of the half-written file, in the same folder. */
  part: string;
  /** Scratch for reading back, at least one byte; shared by uploads, as each use of it is synchronous. */
  readBack: Uint8Array;
}

/** Begins a file. Throws DroverError; nothing is left behind then. */
export function beginFolderUpload(options: UploadOptions, place: FolderUploadPlace): Upload {
  return new FolderUpload(options, place, openPart(options.path, place.part));
}

/** Whether what stands there is what an earlier run left. */
export function isExpected(
  stats: { isFile(): boolean; size: bigint; mtimeNs: bigint },
  expected: Pick<ExpectedFile, 'size' | 'modifiedNs'> | undefined,
): boolean {
  return (
    expected !== undefined &&
    stats.isFile() &&
    Number(stats.size) === expected.size &&
    // Rows hold nanoseconds in 64 bits, which end in the year 2262.
    BigInt.asIntN(64, stats.mtimeNs) === BigInt.asIntN(64, expected.modifiedNs)
  );
}

const partFlags =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * Bytes of a chunk. Small enough that a chunk stays in the processor's cache while it is hashed twice, written, read back and
 * compared; larger chunks were slower.
 */
const chunkBytes = 256 * 1024;

class FolderUpload implements Upload {
  readonly kind = 'upload';
  readonly chunkBytes = chunkBytes;
  readonly acceptedBytes = 0;
  readonly #options: UploadOptions;
  readonly #place: FolderUploadPlace;
  readonly #descriptor: number;
  #written = 0;
  #open = true;

  constructor(options: UploadOptions, place: FolderUploadPlace, descriptor: number) {
    this.#options = options;
    this.#place = place;
    this.#descriptor = descriptor;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      writeAll(this.#descriptor, chunk, this.#written);
      this.#prove(chunk);
      this.#written += chunk.length;
    } catch (cause) {
      throw destinationError(cause, this.#options.path);
    }
  }

  async commit(): Promise<DestinationFile> {
    try {
      setModifiedTime(this.#descriptor, this.#options.modifiedNs);
      const stats = fstatSync(this.#descriptor, { bigint: true });
      const size = Number(stats.size);
      if (this.#written !== this.#options.size || size !== this.#options.size)
        throw this.#unproved(`it has ${size} bytes there, and ${this.#options.size} at the source`);
      this.#close();
      this.#appear();
      return {
        modifiedNs: stats.mtimeNs,
        id: '',
        version: '',
        verification: ItemVerification.HASH,
      };
    } catch (cause) {
      this.#discard();
      throw destinationError(cause, this.#options.path);
    }
  }

  async abort(): Promise<void> {
    this.#discard();
  }

  /** Reads back what was just written, while it is still in the processor's cache. */
  #prove(chunk: Uint8Array): void {
    const { readBack } = this.#place;
    for (let at = 0; at < chunk.length;) {
      const room = Math.min(readBack.length, chunk.length - at);
      const bytes = readSync(this.#descriptor, readBack, 0, room, this.#written + at);
      if (bytes === 0) throw this.#unproved(`it ends after ${this.#written + at} bytes`);
      if (Buffer.compare(readBack.subarray(0, bytes), chunk.subarray(at, at + bytes)) !== 0)
        throw this.#unproved(`the ${bytes} bytes from ${this.#written + at} on are others`);
      at += bytes;
    }
  }

  #appear(): void {
    const { target, part } = this.#place;
    const { path, expected } = this.#options;
    const standing =
      expected === undefined
        ? undefined
        : lstatSync(target, { bigint: true, throwIfNoEntry: false });
    if (standing !== undefined && !isExpected(standing, expected))
      throw conflictError(path, 'was changed by somebody while it was being replaced');
    try {
      // Between the look and the rename somebody may still write to the old file; no file system offers to exclude that.
      if (standing !== undefined) renameSync(part, target);
      else renameNew(part, target);
    } catch (cause) {
      throw this.#renameError(cause);
    }
  }

  #renameError(cause: unknown): unknown {
    const { path } = this.#options;
    switch (errorCode(cause)) {
      case 'EEXIST':
        return conflictError(path, 'appeared while the file was being written');
      case 'EISDIR':
        return conflictError(path, 'became a folder while the file was being written');
      case 'ENOENT':
        return new DroverError(
          ErrorReason.LEASE_LOST,
          `the half-written file of ${printablePath(path)} was removed: the batch was given to another agent`,
          { cause, metadata: { path } },
        );
      default:
        return cause;
    }
  }

  #unproved(what: string): DroverError {
    const { path } = this.#options;
    return new DroverError(
      ErrorReason.VERIFICATION_FAILED,
      `what the destination holds of ${printablePath(path)} is not what was written: ${what}`,
      { metadata: { path } },
    );
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }

  /** Whatever goes wrong here, the reason for discarding is what matters, and a later sweep finds the part. */
  #discard(): void {
    try {
      this.#close();
    } catch {
      // The descriptor is gone in any case.
    }
    removePart(this.#place.part);
  }
}

/** Removes a half-written file if it is there. Never throws. */
export function removePart(part: string): void {
  try {
    if (lstatSync(part, { throwIfNoEntry: false }) !== undefined) unlinkSync(part);
  } catch {
    // It cannot be removed now; creating a part of the same name will say why.
  }
}

function openPart(path: string, part: string): number {
  try {
    return openSync(part, partFlags, 0o666);
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') throw destinationError(cause, path);
  }
  // Left by this very lease: nobody else has its generation.
  removePart(part);
  try {
    return openSync(part, partFlags, 0o666);
  } catch (cause) {
    throw destinationError(cause, path);
  }
}

function writeAll(descriptor: number, chunk: Uint8Array, position: number): void {
  for (let at = 0; at < chunk.length;)
    at += writeSync(descriptor, chunk, at, chunk.length - at, position + at);
}
