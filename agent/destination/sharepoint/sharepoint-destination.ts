// A folder of a SharePoint library or of a OneDrive as a destination.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import { printablePath } from '../../source/printable-path.ts';
import { conflictError } from '../destination-error.ts';
import type {
  Destination,
  DestinationFile,
  ExistingFile,
  ExpectedFile,
  FolderTimes,
  OpenUpload,
  Upload,
  UploadOptions,
} from '../destination.ts';
import { checkRelativePath } from '../relative-path.ts';
import { DriveFolders, itemPath, type KnownFolders } from './drive-folders.ts';
import { Arrivals, unproved } from './arrivals.ts';
import { destinationFile, fileSystemInfo, itemSelect, readDriveItem, wholeSeconds, type DriveItem } from './drive-item.ts'; // prettier-ignore
import { EmptyUpload } from './empty-upload.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure, itemError } from './graph-error.ts';
import { isOfficeArchive } from './office-proof.ts';
import { prove, type ProofParts } from './proof.ts';
import type { ResolvedPlace } from './resolve-place.ts';
import { cancelSession, sessionPosition, SessionUpload } from './session-upload.ts';

export interface SharePointDestinationParts {
  client: GraphClient;
  clock: Clock;
  place: ResolvedPlace;
  /** Which folders are known to be there; shared by the jobs of a run in one thread. */
  knownFolders: KnownFolders;
  /** How many uploads to have open at once. */
  lanes: number;
  /** Aborts when the job is to stop. */
  signal: AbortSignal;
}

/** Opens the destination; nothing is asked yet. */
export function openSharePointDestination(parts: SharePointDestinationParts): Destination {
  return new SharePointDestination(parts);
}

/** An upload of somebody else to the same name ends by itself after a quarter of an hour without a byte. */
const foreignUploadMsMax = 20 * 60_000;
const foreignUploadPauseMs = 5000;
const foreignUploadPauseMsMax = 60_000;
/** Others write to the same folder; the service asks to try again. */
const raceTriesMax = 8;
const racePauseMs = 300;

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
    const { client, clock, signal, place, knownFolders } = parts;
    this.#proofParts = { client, clock, signal, driveId: place.driveId };
    this.#folders = new DriveFolders(this.#proofParts, knownFolders);
    this.#arrivals = new Arrivals({ ...this.#proofParts, look: (path) => this.#look(path) });
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
      if (!item.isFolder) throw conflictError(path, 'is a file where a folder should be');
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
      if (standing !== undefined && !this.#mayReplace(path, standing, options.expected))
        return this.#existing(path, standing);
      return size === 0
        ? new EmptyUpload(() => this.#putEmpty(options, standing !== undefined))
        : await this.#beginSession(options, standing);
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
    await this.#folders.date(itemPath(this.#below(path)), times);
    return true;
  }

  /** What stands there, where there is a reason to look first; else the service says so when the upload begins. */
  async #standing({ path, size, expected }: UploadOptions): Promise<DriveItem | undefined> {
    const mustLook = expected !== undefined || size === 0 || this.#arrivals.left(path) !== undefined || this.#appeared.has(path); // prettier-ignore
    if (!mustLook) return undefined;
    return await this.#look(path);
  }

  #mayReplace(path: string, item: DriveItem, expected: ExpectedFile | undefined): boolean {
    if (!item.isFile) return false;
    const { version } = destinationFile(item, ItemVerification.UNSPECIFIED);
    if (this.#arrivals.left(path) === version) return true;
    if (expected === undefined) return false;
    return expected.version === ''
      ? expected.size === item.size && expected.modifiedNs === item.modifiedNs
      : expected.version === version;
  }

  /** Goes on inside a file; undefined when its session is gone. */
  async #resume(options: UploadOptions): Promise<Upload | undefined> {
    const { open } = options;
    if (open === undefined || options.size === 0) return undefined;
    const { client, signal } = this.#parts;
    try {
      const position = await sessionPosition(client, open.url, signal);
      if (position === undefined || position >= options.size) {
        await cancelSession(client, open.url);
        return undefined;
      }
      return this.#sessionUpload(options, open.url, position, options.expected !== undefined);
    } catch (thrown) {
      if (thrown instanceof GraphFailure) return undefined;
      throw thrown;
    }
  }

  async #beginSession(
    options: UploadOptions,
    standing: DriveItem | undefined,
  ): Promise<Upload | ExistingFile> {
    const { clock, signal } = this.#parts;
    const startMs = clock.now();
    let pauseMs = foreignUploadPauseMs;
    for (let races = 0; ;) {
      try {
        const url = await this.#createSession(options, standing);
        await options.remember({ url });
        return this.#sessionUpload(options, url, 0, standing !== undefined);
      } catch (thrown) {
        if (!(thrown instanceof GraphFailure)) throw thrown;
        if (thrown.status === 404 && races++ < raceTriesMax) {
          // The folder was there, and is gone.
          this.#folders.forget();
          await this.#folders.ensure(parentFolder(this.#below(options.path)));
          continue;
        }
        if (thrown.has('resourceModified') && thrown.status === 409 && races++ < raceTriesMax) {
          await pause(clock, racePauseMs * (1 + Math.random()) * races, signal);
          signal.throwIfAborted();
          continue;
        }
        const isTaken = thrown.status === 409 || thrown.status === 412;
        if (!isTaken) throw thrown;
      }
      const item = await this.#look(options.path);
      if (item !== undefined && !this.#mayReplace(options.path, item, options.expected))
        return this.#existing(options.path, item);
      // Nothing to be seen, or what may be replaced: somebody has an upload to this name open.
      if (clock.now() - startMs > foreignUploadMsMax) throw foreignUpload(options.path);
      await pause(clock, pauseMs, signal);
      signal.throwIfAborted();
      pauseMs = Math.min(pauseMs * 2, foreignUploadPauseMsMax);
    }
  }

  async #createSession(options: UploadOptions, standing: DriveItem | undefined): Promise<string> {
    const { client, signal } = this.#parts;
    const item = {
      '@microsoft.graph.conflictBehavior': standing === undefined ? 'fail' : 'replace',
      fileSystemInfo: fileSystemInfo(options),
    };
    const answer = await client.call(
      {
        method: 'POST',
        path: this.#drive(`${itemPath(this.#below(options.path))}/createUploadSession`),
        body: { item },
        resourceUnits: 2,
        repeats: false,
      },
      signal,
    );
    const url = (answer.body as { uploadUrl?: unknown } | undefined)?.uploadUrl;
    if (typeof url === 'string') return url;
    throw new DroverError(
      ErrorReason.DESTINATION_WRITE_FAILED,
      `${printablePath(options.path)} was not written: the service opened no upload session (request ${answer.requestId})`,
      { metadata: { path: options.path } },
    );
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
      lookUp: () => this.#look(path),
      prove: (item, hashes, content) =>
        this.#guarded(path, () => this.#arrivals.prove(path, item, replaces, hashes, content)),
      onConflict: () => this.#appeared.add(path),
    });
  }

  async #putEmpty(options: UploadOptions, replaces: boolean): Promise<DestinationFile> {
    const { client, signal } = this.#parts;
    const { path } = options;
    const behaviour = replaces ? 'replace' : 'fail';
    const address = `${itemPath(this.#below(path))}/content?@microsoft.graph.conflictBehavior=${behaviour}`;
    const call = {
      method: 'PUT',
      path: this.#drive(address),
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(0),
      resourceUnits: 2,
    } as const;
    return await this.#guarded(path, async () => {
      try {
        const item = readDriveItem((await client.call(call, signal)).body);
        if (item === undefined || item.size !== 0) throw unproved(path, item?.size ?? 0, 0);
        const dated = await this.#folders.date(`/items/${item.id}`, options);
        return await this.#arrivals.accept(path, {
          item: dated,
          verification: ItemVerification.HASH,
        });
      } catch (thrown) {
        if (!(thrown instanceof GraphFailure) || thrown.status !== 409) throw thrown;
        this.#appeared.add(path);
        throw conflictError(path, 'appeared while the file was being written');
      }
    });
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

  #drive(rest: string): string {
    return `/drives/${encodeURIComponent(this.#parts.place.driveId)}${rest}`;
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

function foreignUpload(path: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_LOCKED,
    `${printablePath(path)} was not written: another upload to this name stayed open, of another agent or program`,
    { metadata: { path } },
  );
}

function parentFolder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
