// A folder of the agent's file system as a source. Nothing is ever followed: not a link that an item is, and not a link that
// somebody put in the place of a folder above it.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  opendirSync,
  readSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isInsideOn } from '../../lib/inside-path.ts';
import { readFolderNames } from './folder-names.ts';
import { printablePath } from './printable-path.ts';
import { WideFolder } from './wide-folder.ts';
import { attributeReader } from './windows-attributes.ts';
import type {
  FolderEntry,
  ItemAttributes,
  ItemFacts,
  Source,
  SourceFile,
  SourceFileFacts,
} from './source.ts';
import {
  emptySourceError,
  sourceError,
  sourceRootError,
  specialFileError,
  symbolicLinkError,
} from './source-error.ts';

/** Opens the folder with this absolute path as a source. Throws nothing yet: `check` tells whether it can be read. */
export function openFolderSource(root: string): Source {
  return new FolderSource(root);
}

/** O_NONBLOCK, because opening a pipe that nobody writes to would wait for ever. */
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** How many folders that were seen to be none but folders are remembered. */
const knownFoldersMax = 4096;

/** From so many entries on, opening a folder costs less than it saves. */
const wideFolderEntries = 8;

class FolderSource implements Source {
  readonly #root: string;
  readonly #prefix: string;
  readonly #knownFolders = new Set<string>();
  readonly #wideFolder = new WideFolder();
  readonly #attributesOf = attributeReader();

  constructor(root: string) {
    this.#root = root;
    this.#prefix = root.endsWith('/') ? root : `${root}/`;
  }

  check(hasItems = false): void {
    try {
      if (!statSync(this.#root).isDirectory())
        throw new DroverError(
          ErrorReason.SOURCE_NOT_A_FOLDER,
          `the source ${printablePath(this.#root)} is not a folder`,
          { metadata: { path: this.#root } },
        );
      const folder = opendirSync(this.#root);
      const isEmpty = hasItems && folder.readSync() === null;
      folder.closeSync();
      if (isEmpty) throw emptySourceError(this.#root);
    } catch (cause) {
      throw sourceRootError(cause, this.#root);
    }
  }

  list(path: string): FolderEntry[] {
    try {
      const folder = this.#place(path);
      const entries = readFolderNames(folder);
      if (entries.length >= wideFolderEntries)
        this.#wideFolder.open(folder, path === '' ? '' : `${path}/`);
      return entries;
    } catch (cause) {
      throw path === '' ? sourceRootError(cause, this.#root) : sourceError(cause, path);
    }
  }

  facts(path: string): ItemFacts {
    const place = this.#place(path);
    const facts = this.#wideFolder.facts(path);
    if (facts !== undefined) return facts;
    try {
      return itemFacts(lstatSync(place, { bigint: true }));
    } catch (cause) {
      throw sourceError(cause, path);
    }
  }

  attributes(path: string): ItemAttributes | undefined {
    return this.#attributesOf?.(this.#place(path));
  }

  open(path: string): SourceFile {
    try {
      const place = this.#place(path);
      this.#checkFoldersAbove(path);
      return new FolderSourceFile(openSync(place, openFlags), path);
    } catch (cause) {
      throw sourceError(cause, path);
    }
  }

  [Symbol.dispose](): void {
    this.#knownFolders.clear();
    this.#wideFolder.close();
  }

  /** The empty path is the source itself. Paths come from the coordinator, which may not have anything read that is outside the source: throws SOURCE_ACCESS_DENIED. */
  #place(path: string): string {
    if (path === '') return this.#root;
    if (isInsideOn(process.platform, path)) return this.#prefix + path;
    throw new DroverError(
      ErrorReason.SOURCE_ACCESS_DENIED,
      `the path ${printablePath(path)} does not name a place below the source; nothing was read`,
      { metadata: { path } },
    );
  }

  /** From the top down: what lies behind a link must not be remembered as a folder. */
  #checkFoldersAbove(path: string): void {
    if (this.#knownFolders.has(path.slice(0, Math.max(0, path.lastIndexOf('/'))))) return;
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) {
      const folder = path.slice(0, end);
      if (this.#knownFolders.has(folder)) continue;
      if (!lstatSync(this.#prefix + folder).isDirectory()) throw symbolicLinkError(folder);
      if (this.#knownFolders.size >= knownFoldersMax) this.#knownFolders.clear();
      this.#knownFolders.add(folder);
    }
  }
}

class FolderSourceFile implements SourceFile {
  readonly #descriptor: number;
  readonly #path: string;
  #open = true;
  /** What the file was when it was opened, until somebody asks. */
  #firstFacts: SourceFileFacts | undefined;

  /** Takes the descriptor over: it is closed even when this throws. */
  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
    try {
      this.#firstFacts = this.#readFacts();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  facts(): SourceFileFacts {
    const facts = this.#firstFacts ?? this.#readFacts();
    this.#firstFacts = undefined;
    return facts;
  }

  #readFacts(): SourceFileFacts {
    const stats = this.#guarded(() => fstatSync(this.#descriptor, { bigint: true }));
    if (stats.isFile()) return { ...itemFacts(stats), changedNs: stats.ctimeNs };
    if (!stats.isDirectory()) throw specialFileError(this.#path);
    throw new DroverError(
      ErrorReason.SOURCE_CHANGED,
      `${printablePath(this.#path)} was a file when the source was scanned, and is a folder now`,
      { metadata: { path: this.#path } },
    );
  }

  read(buffer: Uint8Array, position: number): number {
    return this.#guarded(() => readSync(this.#descriptor, buffer, 0, buffer.length, position));
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }

  #guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw sourceError(cause, this.#path);
    }
  }
}

function itemFacts(stats: BigIntStats): ItemFacts {
  const kind = itemKind(stats);
  return {
    kind,
    size: kind === ItemKind.FILE ? Number(stats.size) : 0,
    modifiedNs: stats.mtimeNs,
    createdNs: stats.birthtimeNs,
    fileId: stats.ino,
  };
}

function itemKind(stats: BigIntStats): ItemKind {
  if (stats.isFile()) return ItemKind.FILE;
  if (stats.isDirectory()) return ItemKind.FOLDER;
  if (stats.isSymbolicLink()) return ItemKind.SYMBOLIC_LINK;
  return ItemKind.SPECIAL;
}
