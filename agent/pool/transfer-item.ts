// What a transfer is told about one file, and what it answers.
import type { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { Destination, DestinationFile, OpenUpload, UploadOptions } from '../destination/destination.ts'; // oxfmt-ignore
import type { Write } from './conflict.ts';
import type { Source, SourceFile, SourceFileFacts } from '../source/source.ts';
import type { Hashes } from './hasher.ts';

/** What is to be transferred. */
export interface TransferItem {
  /** Below the source. */
  path: string;
  /** Below the destination. */
  destinationPath: string;
  expected: UploadOptions['expected'];
  /**
   * What agents may have written of it and not reported, because they died or were stopped. A file that stands there with the size and
   * the date of one of them is ours, although the source may be another one by now.
   */
  unreported: readonly Write[];
  partName: string;
  stalePartNames: readonly string[];
  /** What was left open of it, by an earlier attempt or an earlier process of this agent. */
  open: OpenSourceUpload | undefined;
  /** Remembers what is open beyond the death of the process; undefined: nothing is open any more. */
  remember: (open: OpenSourceUpload | undefined) => Promise<void>;
  /** Called with what the file is before it, or its date, appears at the destination. */
  beforeWrite: (facts: SourceFileFacts) => Promise<void>;
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

/** An item whose file at the source is open. */
export interface OpenItem {
  item: TransferItem;
  file: SourceFile;
  /** What the file was when it was opened. */
  facts: SourceFileFacts;
}

/** What all transfers of a job share. */
export interface TransferOptions {
  source: Source;
  destination: Destination;
  /** Counts bytes as they are written; a negative count takes back what was written in vain. */
  countBytes: (bytes: number) => void;
  /** Whether the job was told to stop; asked before each chunk of a file that has several. */
  isStopped: () => boolean;
  /** Whether it was told to stop at once; asked before a file that is read as a whole. */
  isCutOff: () => boolean;
  /** What to do when the place of a file is taken by another content. */
  conflictPolicy: ConflictPolicy;
}
