// A folder of a SharePoint library or of a OneDrive as a destination.
import { parentFolder } from '../../../lib/parent-folder.ts';
import type { Clock } from '../../../lib/time.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type {
  Destination,
  ExistingFile,
  FolderTimes,
  MoveAnswer,
  MoveOptions,
  OpenUpload,
  RecycleAnswer,
  RecycleOptions,
  Upload,
  UploadOptions,
} from '../destination.ts';
import { checkRelativePath } from '../relative-path.ts';
import { DriveFolders, itemPath, notFolder, type KnownFolders } from './drive-folders.ts';
import { Arrivals, type LibraryFacts } from './arrivals.ts';
import { changeItem } from './check-out.ts';
import { destinationFile, itemSelect, wholeSeconds, type DriveItem } from './drive-item.ts'; // oxfmt-ignore
import { EmptyUpload, type EmptyUploadParts } from './empty-upload.ts';
import type { FilePlace } from './file-place.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure, itemError } from './graph-error.ts';
import { moveItem, type MoveItemParts } from './move-item.ts';
import { openSession } from './open-session.ts';
import { prove, type ProofParts } from './proof.ts';
import { recycleItem } from './recycle-item.ts';
import type { ResolvedPlace } from './resolve-place.ts';
import { mayBeRewritten } from './rewritten-content.ts';
import { cancelSession, sessionPosition } from './session-calls.ts';
import { SessionUpload, type SessionUploadParts } from './session-upload.ts';

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
  /** Something was not where the place says, or may not be reached. */
  onMissing?: () => void;
  /** Aborts when the job is to stop. */
  signal: AbortSignal;
}

/** Opens the destination; nothing is asked yet. */
export function openSharePointDestination(parts: SharePointDestinationParts): Destination {
  return new SharePointDestination(parts);
}

class SharePointDestination implements Destination {
  readonly concurrency: number;
  readonly timePrecisionNs = 1_000_000_000n;
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

  /** A drive is found by its id. */
  checkSame(): void {}

  async makeFolder(path: string): Promise<void> {
    checkRelativePath(path);
    await this.#guarded(path, () => this.#folders.ensure(this.#below(path)));
  }

  async finishFolder(path: string, times: FolderTimes, isNew: boolean): Promise<boolean> {
    checkRelativePath(path);
    const below = this.#below(path);
    return await this.#guarded(path, async () => {
      // This run made it, and so its date is not the one it is to have.
      if (isNew && this.#folders.isKnown(below))
        return await this.#folders.dateFolder(below, times);
      const item = await this.#look(path);
      if (item === undefined) {
        this.#folders.forget();
        await this.#folders.ensure(below);
        return await this.#folders.dateFolder(below, times);
      }
      if (!item.isFolder) throw notFolder(path, item);
      if (wholeSeconds(item.modifiedNs) === wholeSeconds(times.modifiedNs)) return false;
      return await this.#folders.dateFolder(below, times);
    });
  }

  async openUpload(options: UploadOptions): Promise<Upload | ExistingFile> {
    const { path, size } = options;
    checkRelativePath(path);
    return await this.#guarded(path, async () => {
      const resumed = await this.#resume(options);
      if (resumed !== undefined) return resumed;
      await this.#folders.ensure(parentFolder(this.#below(path)), true);
      const standing = await this.#standing(options);
      if (standing !== undefined && !this.#mayReplace(options, standing))
        return this.#existing(path, standing);
      return size === 0
        ? this.#emptyUpload(options, standing !== undefined)
        : await this.#begin(options, standing);
    });
  }

  async moveFile(options: MoveOptions): Promise<MoveAnswer> {
    const { from, to, expected } = options;
    checkRelativePath(from);
    checkRelativePath(to);
    return await this.#guarded(
      to,
      async () => {
        const move = await moveItem(this.#itemParts(), options);
        if (move.kind === 'taken') return this.#existing(to, move.item);
        if (move.kind === 'not-moved') return move;
        const checkedIn = await this.#arrivals.checkInChanged(to, move.item);
        const file = destinationFile(checkedIn ?? move.item, ItemVerification.UNSPECIFIED);
        // An edit stays, and the next run that has a new content for it still notices: the version is the one before the edit.
        const isNewVersion = checkedIn !== undefined && !move.isEdited;
        return {
          kind: 'moved',
          file: isNewVersion ? file : { ...file, version: expected.version },
        };
      },
      'moved',
    );
  }

  async recycle(options: RecycleOptions): Promise<RecycleAnswer> {
    const { path } = options;
    checkRelativePath(path);
    return await this.#guarded(
      path,
      async () => {
        const recycle = await recycleItem(this.#itemParts(), options);
        return recycle.kind === 'other' ? this.#existing(path, recycle.item) : recycle;
      },
      'recycled',
    );
  }

  async removeParts(): Promise<void> {
    // Nothing half-written has a name here; what is open is cancelled by its address.
  }

  cancelUpload({ url }: OpenUpload): Promise<boolean> {
    return cancelSession(this.#parts.client, url);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** What stands there, where there is a reason to look first; else the service says so when the upload begins. */
  async #standing({ path, size, expected }: UploadOptions): Promise<DriveItem | undefined> {
    const mustLook = expected !== undefined || size === 0 || this.#arrivals.left(path) !== undefined || this.#appeared.has(path); // oxfmt-ignore
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
        return this.#sessionUpload(options, {
          url: open.url,
          acceptedBytes: position,
          replaces: standing !== undefined,
        });
      await cancelSession(client, open.url);
      return isConflict ? this.#existing(path, standing) : undefined;
    } catch (thrown) {
      if (thrown instanceof GraphFailure) return undefined;
      throw thrown;
    }
  }

  async #begin(options: UploadOptions, standing: DriveItem | undefined) {
    const { client, clock, signal } = this.#parts;
    const place = this.#place(options);
    const makeFolder = async () => {
      this.#folders.forget();
      await this.#folders.ensure(parentFolder(this.#below(options.path)));
    };
    const parts = { client, clock, signal, place, times: options, makeFolder };
    const opened = await openSession(parts, standing);
    if (opened.kind === 'taken') return this.#existing(options.path, opened.item);
    const { url, replaces } = opened;
    await options.remember({ url });
    return this.#sessionUpload(options, { url, acceptedBytes: 0, replaces });
  }

  #sessionUpload(
    options: UploadOptions,
    session: Pick<SessionUploadParts, 'url' | 'acceptedBytes' | 'replaces'>,
  ): Upload {
    const { client, clock, signal } = this.#parts;
    const { path, size } = options;
    const prove: SessionUploadParts['prove'] = (arrived, hashes, content) =>
      this.#guarded(path, () => this.#arrivals.prove(path, arrived, hashes, content));
    const place = this.#place(options);
    return new SessionUpload({ client, clock, signal, place, size, prove, ...session });
  }

  #emptyUpload(options: UploadOptions, replaces: boolean): Upload {
    const { client, signal } = this.#parts;
    const { path } = options;
    const finish = async ({ id }: DriveItem) => {
      const item = await this.#folders.date(`/items/${id}`, options);
      return await this.#arrivals.accept(path, { item, verification: ItemVerification.HASH });
    };
    const guard: EmptyUploadParts['guard'] = (call) => this.#guarded(path, call);
    return new EmptyUpload({ client, signal, place: this.#place(options), replaces, finish, guard }); // oxfmt-ignore
  }

  #place(options: UploadOptions): FilePlace {
    const { path } = options;
    const drive = `/drives/${encodeURIComponent(this.#parts.place.driveId)}`;
    return {
      path,
      address: `${drive}${itemPath(this.#below(path))}`,
      lookUp: () => this.#look(path),
      isConflict: (item) => !this.#mayReplace(options, item),
      onConflict: () => this.#appeared.add(path),
    };
  }

  #existing(path: string, item: DriveItem): ExistingFile {
    const { size, modifiedNs } = item;
    const { id, version } = destinationFile(item, ItemVerification.UNSPECIFIED);
    return {
      kind: 'existing',
      isFile: item.isFile,
      size,
      modifiedNs,
      asExpected: { size, modifiedNs, id, version },
      mayEqual: (bytes) => item.isFile && (size === bytes || mayBeRewritten(path)),
      prove: async (hashes, content, times) =>
        await this.#guarded(path, async () => {
          const proof = await prove(this.#proofParts, path, item, hashes, content);
          if (proof === undefined) return undefined;
          if (times === undefined || isSameSecond(proof.item.modifiedNs, times.modifiedNs))
            return await this.#arrivals.accept(path, proof);
          const date = () => this.#folders.date(`/items/${id}`, times);
          const dated = await changeItem(this.#proofParts, proof.item, date);
          return await this.#arrivals.accept(path, { ...proof, item: dated });
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

  #itemParts(): MoveItemParts {
    return {
      ...this.#proofParts,
      folders: this.#folders,
      look: (path) => this.#look(path),
      below: (path) => this.#below(path),
    };
  }

  async #guarded<T>(path: string, call: () => Promise<T>, what?: string): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      if (this.#parts.signal.aborted) throw this.#parts.signal.reason;
      const isMissing = thrown instanceof GraphFailure && [403, 404].includes(thrown.status);
      if (isMissing) this.#parts.onMissing?.();
      throw itemError(thrown, path, what);
    }
  }
}

/** The service keeps no more than seconds. */
function isSameSecond(oneNs: bigint, otherNs: bigint): boolean {
  const secondNs = 1_000_000_000n;
  return oneNs / secondNs === otherNs / secondNs;
}
