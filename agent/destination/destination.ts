// Where files go. One interface for every kind of destination; `contract.ts` beside it is the suite that each one passes.
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
}

/** What an earlier run left at the destination. */
export interface ExpectedFile {
  size: number;
  modifiedNs: bigint;
}

/** Something else than expected stands where the file should go. It is never overwritten. */
export interface ExistingFile {
  kind: 'existing';
  /** False for a folder, a link and the like: it can never be identical to a file. */
  isFile: boolean;
  size: number;
  modifiedNs: bigint;
  /** Reads what stands there and answers with its hashes. */
  hashes(): Promise<Hashes>;
}

/** A file on its way. Exactly one of `commit` and `abort` ends it. */
export interface Upload {
  kind: 'upload';
  /** Writes the next bytes; `chunk` may be reused as soon as the promise is settled. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the file appear, whole and with its dates, after it was proved that what was written is what was given.
   * Throws VERIFICATION_FAILED otherwise, DESTINATION_CONFLICT if something appeared there meanwhile, and LEASE_LOST if a later
   * generation has removed what was half-written. After a throw nothing is left behind.
   */
  commit(hashes: Hashes): Promise<DestinationFile>;
  /** Leaves nothing behind. Never throws. */
  abort(): Promise<void>;
}

/** What stands at the destination after a commit. */
export interface DestinationFile {
  /** When the destination says it was modified; nanoseconds since 1970. */
  modifiedNs: bigint;
}

/**
 * A folder that files go into. Every method throws DroverError with a DESTINATION_ reason, and never touches anything
 * outside the folder it was opened on, whatever path it is given and whatever links stand at the destination.
 */
export interface Destination extends AsyncDisposable {
  /** How many uploads a thread should have open at once: 1 where waiting gains nothing. */
  readonly concurrency: number;
  /** Makes the folder and those above it, if they are not there. */
  makeFolder(path: string): Promise<void>;
  /**
   * Makes the folder if it is not there and gives it its dates; called when everything in it is written. Answers whether there
   * was anything to do.
   */
  finishFolder(path: string, times: { modifiedNs: bigint; createdNs: bigint }): Promise<boolean>;
  /** Begins a file, making its folders; or answers with what stands there instead of what was expected. */
  openUpload(options: UploadOptions): Promise<Upload | ExistingFile>;
  /** Removes what a dead process may have left half-written for `path`. Never throws. */
  removeParts(path: string, partNames: readonly string[]): Promise<void>;
}
