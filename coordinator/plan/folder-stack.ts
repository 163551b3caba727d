// The folders above the item that is being placed, and what each became at the destination. A scan is depth first, so one stack
// is all that has to be remembered; between two pages it fits into the two last paths. PURE.
import type { Refusal } from './destination-name.ts';
import { foldPath } from './name-twins.ts';

/** A folder that was placed. */
export interface Folder {
  /** The path below the source; empty for the source itself. */
  path: string;
  /** The path below the destination, part for part; the last part is empty when the folder cannot be there. */
  destinationPath: string;
  /** Why nothing below the folder can be migrated. */
  refusal?: Refusal;
  /** Nobody ever had the folder's name, so no name below it has been given away before this page. */
  isNew?: boolean;
  /** Nothing below the folder was ever migrated. */
  isBare?: boolean;
  /** The destination path, folded; made when it is first needed. */
  key?: string;
}

export class FolderStack {
  readonly #folders: Folder[] = [{ path: '', destinationPath: '', key: '' }];

  /** Goes on after a page that ended with `last`; of an empty part, and what is below it, nothing is known. */
  constructor(last: { path: string; destinationPath: string }) {
    if (last.path === '') return;
    const parts = last.path.split('/');
    const destinationParts = last.destinationPath.split('/');
    if (parts.length !== destinationParts.length) return;
    for (let count = 1; count <= parts.length && destinationParts[count - 1] !== ''; count += 1)
      this.#folders.push({
        path: parts.slice(0, count).join('/'),
        destinationPath: destinationParts.slice(0, count).join('/'),
      });
  }

  get top(): Folder {
    return this.#folders.at(-1)!;
  }

  /** Goes up to the folder of this path, or to the nearest above it that is known. */
  seek(path: string): Folder {
    while (!holds(this.top.path, path)) this.#folders.pop();
    return this.top;
  }

  /** Goes down into a folder, which is in the one on top. */
  push(folder: Folder): void {
    this.#folders.push(folder);
  }
}

/** A name below a folder, as a path. */
export function joinPath(folder: Folder, name: string): string {
  return folder.path === '' ? name : `${folder.destinationPath}/${name}`;
}

/** A folded name below a folder, as a folded path. */
export function joinKey(folder: Folder, foldedName: string): string {
  if (folder.path === '') return foldedName;
  folder.key ??= foldPath(folder.destinationPath);
  return `${folder.key}/${foldedName}`;
}

function holds(folder: string, path: string): boolean {
  if (folder === '' || folder === path) return true;
  return path.startsWith(folder) && path[folder.length] === '/';
}
