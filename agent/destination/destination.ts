// Where files go. One interface for every kind of destination; `contract.ts` beside it is the suite that each one passes.
import type { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import type { Hashes } from '../pool/hasher.ts';

/** What a destination is told about a file before its first byte. */
export interface UploadOptions {
  /** Path below the destination folder, with `/` between its parts; already checked by `checkRelativePath`. */
  path: string;
  /** Bytes that will follow, as the open source file says. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** Nanoseconds since 1970; 0 when it is not known. */
  createdNs: bigint;
  /** What may stand there already: what an earlier run of the task left. Undefined: nothing may. */
  expected: ExpectedFile | undefined;
  /** Names what is half-written so that a later generation finds and removes it: a short name without separators. */
  partName: string;
  /** Names under which earlier generations of the same lease may have left something half-written. */
  stalePartNames: readonly string[];
  /** What this agent left open of the very same content, to go on inside the file; undefined when there is nothing. */
  open: OpenUpload | undefined;
  /**
   * Remembers beyond the death of the process what is open, so that it can be gone on with or cancelled. Called before the
   * first byte is sent, and resolved when that is safe. Destinations that find their leftovers by name do not call it.
   */
  remember: (open: OpenUpload) => Promise<void>;
}

/** An upload that the destination holds open, whoever began it. */
export interface OpenUpload {
  /** Where it goes on. A secret: whoever has it may write to the file. */
  url: string;
}

/** What an earlier run left at the destination. */
export interface ExpectedFile {
  size: number;
  modifiedNs: bigint;
  /** The destination's own id of the item; empty where it has none. */
  id: string;
  /** What the destination called the version of the content; empty where it has none. */
  version: string;
}

/** The content at the source, for proofs that have to look into it. Synchronous, as sources are. */
export interface SourceContent {
  size: number;
  /** Reads into `buffer` from `position` on; answers with the bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): number;
}

/** Something else than expected stands where the file should go. Only who expects exactly this may overwrite it. */
export interface ExistingFile {
  kind: 'existing';
  /** False for a folder, a link and the like: it can never be identical to a file. */
  isFile: boolean;
  size: number;
  modifiedNs: bigint;
  /** What to expect in order to replace this, as it stands there now, and nothing that came after it. */
  asExpected: ExpectedFile;
  /** Whether it is worth reading a source of this size to compare: a file of another size is mostly another file. */
  mayEqual(size: number): boolean;
  /**
   * Whether what stands there is this content, and how that was proved; undefined when it is another. If it is, and has another
   * modified time than `times`, it gets them; without `times` it is not touched.
   */
  prove(
    hashes: Hashes,
    content: SourceContent,
    times?: FolderTimes,
  ): Promise<DestinationFile | undefined>;
}

/** A file on its way. Exactly one of `commit` and `abort` ends it. */
export interface Upload {
  kind: 'upload';
  /** How many bytes to write at once; asked before each chunk, because it may adapt. */
  readonly chunkBytes: number;
  /** Bytes from the beginning that the destination has already: they are to be read and hashed, but not written. */
  readonly acceptedBytes: number;
  /**
   * Writes the next bytes. `chunk` may be reused as soon as the promise is settled, but for the one that completes the file:
   * it must stay as it is until `commit` or `abort` has ended, because it may be held back until then.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the file appear, whole and with its dates, after it was proved that what was written is what was given.
   * Throws VERIFICATION_FAILED otherwise, DESTINATION_CONFLICT if something appeared there meanwhile, and LEASE_LOST if a later
   * generation has removed what was half-written. After a throw nothing is left behind.
   */
  commit(hashes: Hashes, content: SourceContent): Promise<DestinationFile>;
  /** Leaves nothing behind. Never throws. */
  abort(): Promise<void>;
}

/** What stands at the destination after a commit. */
export interface DestinationFile {
  /** When the destination says it was modified; nanoseconds since 1970. */
  modifiedNs: bigint;
  /** The destination's own id of the item; empty where it has none. */
  id: string;
  /** What the destination calls the version of the content; empty where it has none. */
  version: string;
  /** How it was proved that it is what was read. */
  verification: ItemVerification;
  /** What the destination made of it, where it rewrote it; absent when size and hash are those of what was read. */
  rewritten?: RewrittenFile;
}

/** What a file is at a destination that rewrote it. */
export interface RewrittenFile {
  size: number;
  /** 20 bytes; empty where the destination tells none. */
  quickXorHash: Uint8Array;
}

/** A file that an earlier run wrote, and that was renamed or moved at the source since. */
export interface MoveOptions {
  /** Where the earlier run wrote it, below the destination folder. */
  from: string;
  /** Where it goes, below the destination folder. */
  to: string;
  /** What the earlier run left at `from`. */
  expected: ExpectedFile;
  /** Whether what stands there was written by this task after that, and never reported: then it is another content, and is not moved. */
  isUnreported: (standing: Pick<ExistingFile, 'isFile' | 'size' | 'modifiedNs'>) => boolean;
}

/** What became of a move. */
export type MoveAnswer =
  /** It stands at `to`: moved now, or by an attempt before that did not come to report it. */
  | { kind: 'moved'; file: DestinationFile }
  /** What is expected does not stand at `from`, or the destination does not move it. Nothing was changed. */
  | { kind: 'not-moved' }
  /** Something else stands at `to`. Nothing was changed. */
  | ExistingFile;

/** Something that an earlier run wrote, and that is gone from the source since. */
export interface RecycleOptions {
  /** Below the destination folder. */
  path: string;
  kind: 'file' | 'folder';
  /** What the earlier run left there; a folder is known by its id, where it has one. */
  expected: ExpectedFile | undefined;
  /** Names what this run recycles, where the destination has no recycle bin of its own: one part of a path. */
  runTag: string;
}

/** What became of it. */
export type RecycleAnswer =
  | { kind: 'recycled' }
  /** Nothing stands there. */
  | { kind: 'gone' }
  /** The folder is not empty. Nothing was changed. */
  | { kind: 'not-empty' }
  /** Something else than expected stands there. Nothing was changed; who expects exactly this may recycle it. */
  | ExistingFile;

/** Dates of a folder or file, in nanoseconds since 1970; `createdNs` is 0 when it is not known. */
export interface FolderTimes {
  modifiedNs: bigint;
  createdNs: bigint;
}

/**
 * A folder that files go into. Every method throws DroverError with a DESTINATION_ reason, and never touches anything
 * outside the folder it was opened on, whatever path it is given and whatever links stand at the destination.
 */
export interface Destination extends AsyncDisposable {
  /** How many uploads a thread should have open at once: 1 where waiting gains nothing. */
  readonly concurrency: number;
  /** Modified times that differ by less may be one time, because it keeps them no finer; nanoseconds. */
  readonly timePrecisionNs: bigint;
  /** Throws DESTINATION_UNREACHABLE when it is another place than was opened: then nobody knows where what was written is. */
  checkSame(): void;
  /** Makes the folder and those above it, if they are not there. */
  makeFolder(path: string): Promise<void>;
  /**
   * Makes the folder if it is not there and gives it its dates; called when everything in it is written. Answers whether there
   * was anything to do; `isNew` says that there is, for this run made the folder.
   */
  finishFolder(path: string, times: FolderTimes, isNew: boolean): Promise<boolean>;
  /** Begins a file, making its folders; or answers with what stands there instead of what was expected. */
  openUpload(options: UploadOptions): Promise<Upload | ExistingFile>;
  /** Moves a file to where nothing stands, making the folders above; its dates stay. Never overwrites. */
  moveFile(options: MoveOptions): Promise<MoveAnswer>;
  /** Recycles a file that is as it was left, or a folder that is empty, so that a person can bring it back. */
  recycle(options: RecycleOptions): Promise<RecycleAnswer>;
  /** Removes what a dead process may have left half-written for `path`. Never throws. */
  removeParts(path: string, partNames: readonly string[]): Promise<void>;
  /** Cancels what is open and will not be gone on with. Answers whether it is certainly gone; never throws. */
  cancelUpload(open: OpenUpload): Promise<boolean>;
}
