// Items and places by name, below the item an address begins with.
import { isVisible } from '../drive/check-writable.ts';
import { DriveError } from '../drive/drive-error.ts';
import { makeFolder } from '../drive/folder.ts';
import { childNamed, isFolder, itemAt, type Folder, type Item } from '../drive/item.ts';
import type { Call } from './call.ts';
import type { ItemTarget } from './resolve.ts';

/** The item of an address. Throws DriveError when there is none, or none that the caller sees. */
export function findItem(call: Call, { base, names }: ItemTarget): Item {
  const item = itemAt(base, names);
  if (item === undefined || !isVisible(item, call.by)) throw new DriveError('itemNotFound');
  return item;
}

/** The folder of an address. */
export function findFolder(call: Call, target: ItemTarget): Folder {
  const item = findItem(call, target);
  if (!isFolder(item)) throw new DriveError('invalidRequest', 'The item is not a folder.');
  return item;
}

/** Where a file goes that is written to an address. */
export interface FilePlace {
  parent: Folder;
  name: string;
  /** The file itself, when it was addressed by its id. */
  target: Item | undefined;
}

/** Where a file goes. Folders that are missing on the way are made, as the service does. */
export function placeOf(call: Call, { drive, base, names }: ItemTarget): FilePlace {
  const name = names.at(-1);
  if (name === undefined) {
    if (isFolder(base) || base.parent === undefined)
      throw new DriveError('invalidRequest', 'File name not provided in url.');
    return { parent: base.parent as Folder, name: base.name, target: findItem(call, { drive, base, names }) }; // oxfmt-ignore
  }
  let parent = base;
  for (const above of names.slice(0, -1)) {
    if (!isFolder(parent)) throw new DriveError('itemNotFound');
    parent = childNamed(parent, above) ?? makeFolder(drive, parent, above, 'fail', call.by);
  }
  if (!isFolder(parent)) throw new DriveError('itemNotFound');
  return { parent, name, target: undefined };
}
