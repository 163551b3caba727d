// A folder of the agent's file system as a destination.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type BigIntStats,
} from 'node:fs';
import { parentFolder } from '../../lib/parent-folder.ts';
import { Hasher, type Hashes } from '../pool/hasher.ts';
import { CheckedFolders } from './checked-folders.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import type {
  Destination,
  DestinationFile,
  ExistingFile,
  FolderTimes,
  MoveAnswer,
  MoveOptions,
  RecycleAnswer,
  RecycleOptions,
  Upload,
  UploadOptions,
} from './destination.ts';
import {
  conflictError,
  destinationError,
  destinationRootError,
  linkError,
} from './destination-error.ts';
import { setFolderModifiedTime, setModifiedTime } from './file-times.ts';
import {
  checkHoldsItems,
  checkSameFolder,
  identityOf,
  type FolderIdentity,
} from './held-folder.ts';
import { beginFolderUpload, isExpected, removePart } from './folder-upload.ts';
import { moveInFolder } from './folder-move.ts';
import { recycleInFolder } from './folder-recycle.ts';
import { isRecycledFolder, recycledFolderError } from './recycled-folder.ts';
import { checkFolderPath } from './relative-path.ts';
import { makeFolders } from '../../lib/make-folders.ts';

/**
 * Opens the folder with this absolute path as a destination, making it and those above it where they are missing, unless it is known that it
 * `holdsItems`. The folder itself may be reached through links, as a person chose it; nothing below it may.
 * Throws DESTINATION_ACCESS_DENIED, DESTINATION_FULL or DESTINATION_UNREACHABLE.
 */
export function openFolderDestination(root: string, holdsItems = false): Destination {
  try {
    if (holdsItems) checkHoldsItems(root);
    else makeFolders(root);
    return new FolderDestination(root);
  } catch (cause) {
    throw destinationRootError(cause, root);
  }
}

/** The name of a half-written file: hidden, and like no name that people give. */
export function partFileName(partName: string): string {
  return `.drover-${partName}.part`;
}

/** Bytes that are read back, or hashed, at once. */
const readBackBytes = 256 * 1024;
/** One for the whole thread: every use of it ends before the next begins. */
const readBack = Buffer.allocUnsafeSlow(readBackBytes);

class FolderDestination implements Destination {
  /** Writing to a file system keeps the thread busy; a second upload would only wait for the first. */
  readonly concurrency = 1;
  /** Where times can only be set as floating-point seconds, they come out as finely as this. */
  readonly timePrecisionNs = 1000n;
  /** As a person chose it, with links. */
  readonly #root: string;
  readonly #identity: FolderIdentity;
  readonly #prefix: string;
  readonly #folders: CheckedFolders;

  constructor(root: string) {
    this.#root = root;
    this.#identity = identityOf(root);
    const real = realpathSync(root);
    this.#prefix = real.endsWith('/') ? real : `${real}/`;
    this.#folders = new CheckedFolders(this.#prefix);
  }

  checkSame(): void {
    checkSameFolder(this.#root, this.#identity);
  }

  async makeFolder(path: string): Promise<void> {
    checkPath(path);
    this.#folders.ensure(path);
  }

  async finishFolder(path: string, times: FolderTimes): Promise<boolean> {
    checkPath(path);
    return this.#guarded(path, () => {
      this.#folders.ensure(path);
      return setFolderModifiedTime(this.#prefix + path, times.modifiedNs);
    });
  }

  async openUpload(options: UploadOptions): Promise<Upload | ExistingFile> {
    checkPath(options.path);
    return this.#guarded(options.path, () => {
      this.#folders.ensure(parentFolder(options.path));
      const target = this.#prefix + options.path;
      // Whoever held the batch before can no longer rename what it wrote.
      for (const name of options.stalePartNames) removePart(this.#part(options.path, name));
      const stats = lstatSync(target, { bigint: true, throwIfNoEntry: false });
      if (stats?.isSymbolicLink()) throw linkError(options.path);
      if (stats !== undefined && !isExpected(stats, options.expected))
        return this.#existing(options.path, stats);
      const part = this.#part(options.path, options.partName);
      return beginFolderUpload(options, { target, part, readBack });
    });
  }

  async moveFile(options: MoveOptions): Promise<MoveAnswer> {
    const { from, to } = options;
    checkPath(from);
    checkPath(to);
    return this.#guarded(to, () => {
      const move = moveInFolder({ prefix: this.#prefix, folders: this.#folders }, options);
      return move.kind === 'taken' ? this.#existing(to, move.stats) : move;
    });
  }

  async recycle(options: RecycleOptions): Promise<RecycleAnswer> {
    const { path } = options;
    checkPath(path);
    return this.#guarded(path, () => {
      const place = { prefix: this.#prefix, folders: this.#folders };
      const recycle = recycleInFolder(place, options);
      return recycle.kind === 'other' ? this.#existing(path, recycle.stats) : recycle;
    });
  }

  async removeParts(path: string, partNames: readonly string[]): Promise<void> {
    try {
      checkFolderPath(path);
      const folder = parentFolder(path);
      if (!this.#folders.exists(folder)) return;
      const { mtimeNs } = lstatSync(this.#prefix + folder, { bigint: true });
      for (const name of partNames) removePart(this.#part(path, name));
      // What was half-written may be taken away long after the folder got its dates.
      if (folder !== '') setFolderModifiedTime(this.#prefix + folder, mtimeNs);
    } catch {
      // Where no folder can be, or a link stands, no part of ours is.
    }
  }

  /** Nothing is ever held open here: what is half-written is found by its name. */
  async cancelUpload(): Promise<boolean> {
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#folders.forget();
  }

  #part(path: string, partName: string): string {
    return this.#prefix + path.slice(0, path.lastIndexOf('/') + 1) + partFileName(partName);
  }

  /** After a failure nothing is taken for checked any more: folders may have been moved or replaced. */
  #guarded<T>(path: string, call: () => T): T {
    try {
      return call();
    } catch (cause) {
      this.#folders.forget();
      throw destinationError(cause, path);
    }
  }

  #existing(path: string, stats: BigIntStats): ExistingFile {
    return {
      kind: 'existing',
      isFile: stats.isFile(),
      size: stats.isFile() ? Number(stats.size) : 0,
      modifiedNs: stats.mtimeNs,
      asExpected: { size: Number(stats.size), modifiedNs: stats.mtimeNs, id: '', version: '' },
      mayEqual: (size) => stats.isFile() && size === Number(stats.size),
      prove: async ({ sha256 }, _content, times) =>
        this.#guarded(path, () => this.#proveExisting(path, sha256, times)),
    };
  }

  #proveExisting(
    path: string,
    sha256: Uint8Array,
    times: FolderTimes | undefined,
  ): DestinationFile | undefined {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const descriptor = openSync(this.#prefix + path, flags);
    try {
      const { mtimeNs: modifiedNs } = fstatSync(descriptor, { bigint: true });
      if (Buffer.compare(this.#hashes(path, descriptor).sha256, sha256) !== 0) return undefined;
      const proof = { id: '', version: '', verification: ItemVerification.HASH };
      if (times === undefined || modifiedNs === times.modifiedNs) return { ...proof, modifiedNs };
      setModifiedTime(descriptor, times.modifiedNs);
      return { ...proof, modifiedNs: fstatSync(descriptor, { bigint: true }).mtimeNs };
    } finally {
      closeSync(descriptor);
    }
  }

  #hashes(path: string, descriptor: number): Hashes {
    if (!fstatSync(descriptor).isFile()) throw conflictError(path, 'is not a file');
    const hasher = new Hasher().start();
    for (let position = 0; ;) {
      const bytes = readSync(descriptor, readBack, 0, readBackBytes, position);
      if (bytes === 0) return hasher.digest();
      hasher.update(readBack.subarray(0, bytes));
      position += bytes;
    }
  }
}

/** Refuses a path that leads out of the destination, or into what was recycled. */
function checkPath(path: string): void {
  checkFolderPath(path);
  if (isRecycledFolder(path)) throw recycledFolderError(path);
}
