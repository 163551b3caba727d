// A folder of a SharePoint library or of a OneDrive as a destination.
import type { Clock } from '../../../lib/time.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type {
  Destination,
  ExistingFile,
  FolderTimes,
  OpenUpload,
  Upload,
  UploadOptions,
} from '../destination.ts';
import { checkRelativePath } from '../relative-path.ts';
import { DriveFolders, itemPath, notFolder, type KnownFolders } from './drive-folders.ts';
import { Arrivals, type LibraryFacts } from './arrivals.ts';
import { destinationFile, itemSelect, wholeSeconds, type DriveItem } from './drive-item.ts'; // prettier-ignore
import { EmptyUpload } from './empty-upload.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure, itemError } from './graph-error.ts';
import { isOfficeArchive } from './office-proof.ts';
import { openSession } from './open-session.ts';
import { prove, type ProofParts } from './proof.ts';
import type { ResolvedPlace } from './resolve-place.ts';
import { cancelSession, sessionPosition } from './session-calls.ts';
import { SessionUpload } from './session-upload.ts';

export interface SharePointDestinationParts {
  client: GraphClient;
  clock: Clock;
  place: ResolvedPlace;
  /** Which folders are known to be there; shared by the jobs of a run in one thread. */
  knownFolders: KnownFolders;
  /** What is known of the library; shared likewise. */
  library: LibraryFacts;
  /** How many uploads to have open at once. */
  lanes: number;
  /** Aborts when the job is to stop. */
  signal: AbortSignal;
}

/** Opens the destination; nothing is asked yet. */
export function openSharePointDestination(parts: SharePointDestinationParts): Destination {
  return new SharePointDestination(parts);
}

class SharePointDestination implements Destination {
  readonly concurrency: number;
  readonly #parts: SharePointDestinationParts;
  readonly #folders: DriveFolders;
  readonly #arrivals: Arrivals;
  readonly #proofParts: ProofParts;
  /** Paths at which something appeared while they were written to: they are looked at before they are tried again. */
  readonly #appeared = new Set<string>();

  constructor(parts: SharePointDestinationParts) {
    this.#parts = parts;
    this.concurrency = Math.max(2, parts.lanes);
    const { client, clock, signal, place, knownFolders, library } = parts;
    this.#proofParts = { client, clock, signal, driveId: place.driveId };
    this.#folders = new DriveFolders(this.#proofParts, knownFolders);
    this.#arrivals = new Arrivals({
      ...this.#proofParts,
      library,
      look: (path) => this.#look(path),
    });
  }

  async makeFolder(path: string): Promise<void> {
    checkRelativePath(path);
    await this.#guarded(path, () => this.#folders.ensure(this.#below(path)));
  }

  async finishFolder(path: string, times: FolderTimes, isNew: boolean): Promise<boolean> {
    checkRelativePath(path);
    const below = this.#below(path);
    return await this.#guarded(path, async () => {
      // This run made it, and so its date is not the one it is to have.
      if (isNew && this.#folders.isKnown(below)) return await this.#dateFolder(path, times);
      const item = await this.#look(path);
      if (item === undefined) {
        this.#folders.forget();
        await this.#folders.ensure(below);
        return await this.#dateFolder(path, times);
      }
      if (!item.isFolder) throw notFolder(path, item);
      if (wholeSeconds(item.modifiedNs) === wholeSeconds(times.modifiedNs)) return false;
      return await this.#dateFolder(path, times);
    });
  }

  async openUpload(options: UploadOptions): Promise<Upload | ExistingFile> {
    const { path, size } = options;
    checkRelativePath(path);
    return await this.#guarded(path, async () => {
      const resumed = await this.#resume(options);
      if (resumed !== undefined) return resumed;
      await this.#folders.ensure(parentFolder(this.#below(path)));
      const standing = await this.#standing(options);
      if (standing !== undefined && !this.#mayReplace(options, standing))
        return this.#existing(path, standing);
      return size === 0
        ? this.#emptyUpload(options, standing !== undefined)
        : await this.#begin(options, standing);
    });
  }

  async removeParts(): Promise<void> {
    // Nothing half-written has a name here; what is open is cancelled by its address.
  }

  cancelUpload({ url }: OpenUpload): Promise<boolean> {
    return cancelSession(this.#parts.client, url);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #dateFolder(path: string, times: FolderTimes): Promise<true> {
    const below = this.#below(path);
    try {
      await this.#folders.date(itemPath(below), times);
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure) || thrown.status !== 404) throw thrown;
      // It was there, and is gone.
      this.#folders.forget();
      await this.#folders.ensure(below);
      await this.#folders.date(itemPath(below), times);
    }
    return true;
  }

  /** What stands there, where there is a reason to look first; else the service says so when the upload begins. */
  async #standing({ path, size, expected }: UploadOptions): Promise<DriveItem | undefined> {
    const mustLook = expected !== undefined || size === 0 || this.#arrivals.left(path) !== undefined || this.#appeared.has(path); // prettier-ignore
    if (!mustLook) return undefined;
    return await this.#look(path);
  }

  #mayReplace({ path, expected }: UploadOptions, item: DriveItem): boolean {
    if (!item.isFile) return false;
    const { version } = destinationFile(item, ItemVerification.UNSPECIFIED);
    if (this.#arrivals.left(path) === version) return true;
    if (expected === undefined) return false;
    return expected.version === ''
      ? expected.size === item.size && expected.modifiedNs === item.modifiedNs
      : expected.version === version;
  }

  /** Goes on inside a file; undefined when its session is gone. */
  async #resume(options: UploadOptions): Promise<Upload | ExistingFile | undefined> {
    const { open, path, size } = options;
    if (open === undefined || size === 0) return undefined;
    const { client, signal } = this.#parts;
    try {
      const position = await sessionPosition(client, open.url, signal);
      // The session says nothing about what came to stand there since it was opened.
      const standing = await this.#look(path);
      const isConflict = standing !== undefined && !this.#mayReplace(options, standing);
      if (!isConflict && position !== undefined && position < size)
        return this.#sessionUpload(options, open.url, position, standing !== undefined);
      await cancelSession(client, open.url);
      return isConflict ? this.#existing(path, standing) : undefined;
    } catch (thrown) {
      if (thrown instanceof GraphFailure) return undefined;
      throw thrown;
    }
  }

  async #begin(options: UploadOptions, standing: DriveItem | undefined) {
    const { client, clock, signal } = this.#parts;
    const { path } = options;
    const parts = {
      client,
      clock,
      signal,
      path,
      address: this.#address(path),
      times: options,
      makeFolder: async () => {
        this.#folders.forget();
        await this.#folders.ensure(parentFolder(this.#below(path)));
      },
      lookUp: () => this.#look(path),
      isConflict: (item: DriveItem) => !this.#mayReplace(options, item),
    };
    const opened = await openSession(parts, standing);
    if (opened.kind === 'taken') return this.#existing(path, opened.item);
    await options.remember({ url: opened.url });
    return this.#sessionUpload(options, opened.url, 0, opened.replaces);
  }

  #sessionUpload(
    options: UploadOptions,
    url: string,
    acceptedBytes: number,
    replaces: boolean,
  ): Upload {
    const { client, clock, signal } = this.#parts;
    const { path, size } = options;
    return new SessionUpload({
      client,
      clock,
      signal,
      path,
      size,
      url,
      acceptedBytes,
      replaces,
      lookUp: () => this.#look(path),
      isConflict: (item) => !this.#mayReplace(options, item),
      prove: (arrived, hashes, content) =>
        this.#guarded(path, () => this.#arrivals.prove(path, arrived, hashes, content)),
      onConflict: () => this.#appeared.add(path),
    });
  }

  #emptyUpload(options: UploadOptions, replaces: boolean): Upload {
    const { client, signal } = this.#parts;
    const { path } = options;
    const upload = new EmptyUpload({
      client,
      signal,
      path,
      address: `${this.#address(path)}/content`,
      replaces,
      lookUp: () => this.#look(path),
      finish: async ({ id }) => {
        const item = await this.#folders.date(`/items/${id}`, options);
        return await this.#arrivals.accept(path, { item, verification: ItemVerification.HASH });
      },
      onConflict: () => this.#appeared.add(path),
    });
    const commit = upload.commit.bind(upload);
    upload.commit = () => this.#guarded(path, commit);
    return upload;
  }

  #existing(path: string, item: DriveItem): ExistingFile {
    return {
      kind: 'existing',
      isFile: item.isFile,
      size: item.size,
      modifiedNs: item.modifiedNs,
      mayEqual: (size) => item.isFile && (item.size === size || isOfficeArchive(path)),
      prove: async (hashes, content) =>
        await this.#guarded(path, async () => {
          const proof = await prove(this.#proofParts, path, item, hashes, content);
          if (proof === undefined) return undefined;
          return await this.#arrivals.accept(path, proof);
        }),
    };
  }

  #look(path: string): Promise<DriveItem | undefined> {
    return this.#folders.look(this.#below(path), `?${itemSelect}`);
  }

  /** The path below the drive's root. */
  #below(path: string): string {
    const { folder } = this.#parts.place;
    return folder === '' ? path : path === '' ? folder : `${folder}/${path}`;
  }

  /** The item at a path, as a path of Graph. */
  #address(path: string): string {
    return `/drives/${encodeURIComponent(this.#parts.place.driveId)}${itemPath(this.#below(path))}`;
  }

  async #guarded<T>(path: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      if (this.#parts.signal.aborted) throw this.#parts.signal.reason;
      throw itemError(thrown, path);
    }
  }
}

function parentFolder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
