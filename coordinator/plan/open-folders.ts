// The folders that a scan is in, and how much of what is in them is migrated. A scan is depth first, so that a folder of which more may
// come is above the last item, or is it. PURE.
import { create } from '@bufbuild/protobuf';
import { OpenFoldersSchema, type OpenFolders } from '../../gen/drover/store/v1/readiness_pb.ts';

/** A folder, with what is in it as far as it is known. */
export interface CountedFolder {
  /** Empty for the source itself. */
  path: string;
  /** Items directly in it. */
  children: number;
  /** Items in it and below it, but for what is in the open folder in it. */
  items: number;
}

const slashCode = 47;

export class FolderCounter {
  readonly #folders: CountedFolder[];
  readonly #closed: (folder: CountedFolder) => void;

  /** `closed` hears of each folder when all of it is known. */
  constructor(kept: OpenFolders | undefined, closed: (folder: CountedFolder) => void) {
    this.#closed = closed;
    this.#folders = keptFolders(kept);
  }

  /** Goes on to an item; answers with the folder that it is in. */
  seek(path: string, slash: number): CountedFolder {
    let top = this.#folders[this.#folders.length - 1]!;
    while (!holds(top.path, path)) top = this.#close();
    // A folder that no page told of is one all the same.
    while (top.path.length < slash) {
      const end = path.indexOf('/', top.path === '' ? 0 : top.path.length + 1);
      top = this.enter(path.slice(0, end));
    }
    return top;
  }

  /** Goes into a folder, which is in the one that `seek` told. */
  enter(path: string): CountedFolder {
    const folder = { path, children: 0, items: 0 };
    this.#folders.push(folder);
    return folder;
  }

  /** How many names the path of what is in the last folder has. */
  get level(): number {
    return this.#folders.length;
  }

  keep(): OpenFolders {
    return create(OpenFoldersSchema, {
      path: this.#folders.at(-1)!.path,
      children: this.#folders.map(({ children }) => BigInt(children)),
      items: this.#folders.map(({ items }) => BigInt(items)),
    });
  }

  /** The scan has come to its end: nothing is open any more. */
  finish(): void {
    while (this.#folders.length > 1) this.#close();
    this.#closed(this.#folders[0]!);
  }

  #close(): CountedFolder {
    const folder = this.#folders.pop()!;
    this.#closed(folder);
    const above = this.#folders.at(-1)!;
    above.items += folder.items;
    return above;
  }
}

function keptFolders(kept: OpenFolders | undefined): CountedFolder[] {
  const parts = kept === undefined || kept.path === '' ? [] : kept.path.split('/');
  return Array.from({ length: parts.length + 1 }, (_, index) => ({
    path: parts.slice(0, index).join('/'),
    children: Number(kept?.children[index] ?? 0),
    items: Number(kept?.items[index] ?? 0),
  }));
}

function holds(folder: string, path: string): boolean {
  return folder === '' || (path.charCodeAt(folder.length) === slashCode && path.startsWith(folder));
}
