// Where files come from. Synchronous on purpose: a source is read inside a worker thread, where a blocking call costs a
// fraction of an asynchronous one and nobody else waits.
import type { ItemKind } from '../../gen/drover/v1/item_pb.ts';

/** Facts of a file or folder. */
export interface ItemFacts {
  kind: ItemKind;
  /** Bytes; 0 for all that is not a file. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** Nanoseconds since 1970; 0 when it is not known. */
  createdNs: bigint;
  /** Stays when the file is renamed. */
  fileId: bigint;
}

/** What Windows knows of a file or folder beside its facts. */
export interface ItemAttributes {
  isHidden: boolean;
  isSystem: boolean;
}

/** One name in a folder. */
export interface FolderEntry {
  /** The name as Unicode; where it is not valid Unicode, with `\xNN` for each byte that is not, and `validName` false. */
  name: string;
  validName: boolean;
}

/** A file that is open for reading. */
export interface SourceFile extends Disposable {
  /** What the file is at this moment; read before the first byte and after the last to see whether it changed. */
  facts(): SourceFileFacts;
  /** Reads into `buffer` from `position` on; answers with the bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): number;
}

/** What must be the same before and after a file is read. */
export interface SourceFileFacts extends ItemFacts {
  /** When the file or its attributes changed last, nanoseconds since 1970. */
  changedNs: bigint;
}

/** A folder that is migrated. Every method throws DroverError with a SOURCE_ reason (or NAME_INVALID, PATH_TOO_LONG). */
export interface Source extends Disposable {
  /**
   * Throws if the folder is missing, is no folder, or cannot be read; with `hasItems`, because items are known to be in it, also SOURCE_NOT_FOUND
   * if it is empty: then it has lost them all at once.
   */
  check(hasItems?: boolean): void;
  /** The names in a folder, sorted by their UTF-8 bytes; "" is the source itself. */
  list(path: string): FolderEntry[];
  /** Facts of one item, never following a symbolic link. */
  facts(path: string): ItemFacts;
  /** Attributes of one item; undefined where the system has none, or does not tell. Costs a call: for who needs them only. Never throws. */
  attributes(path: string): ItemAttributes | undefined;
  /** Opens a file, never following a symbolic link. */
  open(path: string): SourceFile;
}
