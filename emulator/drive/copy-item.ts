// Copying a file or a folder with all below it, within a drive or into another one.
import { randomUUID } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { isVisible } from './check-writable.ts';
import type { Drive } from './drive.ts';
import { makeFolder } from './folder.ts';
import { isFolder, subtree, type Folder, type Identity, type Item } from './item.ts';
import { checkConflict, placeFile, type ConflictBehavior } from './place-file.ts';

/** What is copied where to. */
export interface CopyOptions {
  from: Drive;
  item: Item;
  to: Drive;
  parent: Folder;
  name: string;
  conflict: ConflictBehavior;
  by: Identity;
  /** Told after each file how many bytes are done. */
  onBytes: (bytes: number) => void;
}

/** Throws DriveError when the copy would not be taken. */
export function checkCopy({ to, item, parent, name, conflict, by }: CopyOptions): void {
  if (!isFolder(item)) checkConflict(to, { parent, name, conflict, by });
  else to.checkPlace(parent, name, true);
  to.checkRoom(item.size);
}

/** Copies; what had been copied when it fails stays. */
export async function copyItem(options: CopyOptions): Promise<Item> {
  const { from, item, to, parent, name, conflict, by } = options;
  if (!isFolder(item)) return copyOne(options, item, parent, name, conflict);
  // A folder that is copied into itself does not copy its copy.
  const items = [...subtree(item)].slice(1).filter((each) => isVisible(each, by));
  const copy = makeFolder(to, parent, name, conflict, by);
  const folders = new Map<Item, Folder>([[item, copy]]);
  for (const each of items) {
    const into = folders.get(each.parent!);
    if (into === undefined || each.deleted !== undefined || from.item(each.id) !== each) continue;
    if (isFolder(each)) folders.set(each, makeFolder(to, into, each.name, 'replace', by));
    else await copyOne(options, each, into, each.name, 'replace');
  }
  return copy;
}

async function copyOne(
  { from, to, by, onBytes }: CopyOptions,
  item: Item,
  parent: Folder,
  name: string,
  conflict: ConflictBehavior,
): Promise<Item> {
  const path = to.files.incomingPath(randomUUID());
  const { size, hash } = item;
  await copyFile(from.files.pathOf(item), path, constants.COPYFILE_FICLONE);
  const times = { createdMs: item.fileCreatedMs, modifiedMs: item.fileModifiedMs };
  try {
    const placed = placeFile(to, { path, size, hash }, { parent, name, conflict, by, times });
    onBytes(size);
    return placed.item;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}
