// Where a library's bytes lie on this machine: current contents as plain files under their own names, which a person can open,
// and everything else (old versions, deleted items, what is still arriving) in the system folder beside them.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'; // oxfmt-ignore
import path from 'node:path';
import { makeFolders } from '../../lib/make-folders.ts';
import { namesTo, type Item } from './item.ts';

/** Below the content folder, the folder of a library; `sitePath` is empty for the root site. */
export function libraryPlace(sitePath: string, urlName: string): string {
  return path.join(...libraryNames(sitePath, urlName));
}

function libraryNames(sitePath: string, urlName: string): string[] {
  const place = [...sitePath.split('/').filter((part) => part !== ''), urlName];
  return (sitePath === '' ? ['root', urlName] : place).map(localName);
}

/** The two folders of one library. */
export class ContentFolder {
  readonly content: string;
  readonly system: string;

  constructor(dataFolder: string, sitePath: string, urlName: string) {
    const names = libraryNames(sitePath, urlName);
    this.content = path.join(dataFolder, 'content', ...names);
    this.system = path.join(dataFolder, 'system', ...names);
    for (const folder of ['versions', 'deleted', 'sessions', 'incoming'])
      makeFolders(path.join(this.system, folder));
    makeFolders(this.content);
    // What was still arriving by a single request when the process ended is lost to its sender, too.
    rmSync(path.join(this.system, 'incoming'), { recursive: true });
    makeFolders(path.join(this.system, 'incoming'));
  }

  get log(): string {
    return path.join(this.system, 'items.jsonl');
  }

  /** A live item's file or folder. */
  pathOf(item: Item): string {
    const names = namesTo(item);
    let place = this.content;
    for (const name of names) place += path.sep + localName(name);
    return place;
  }

  /** Where an item of this name lies in a folder. */
  pathIn(folder: Item, name: string): string {
    return this.pathOf(folder) + path.sep + localName(name);
  }

  /** The content of an old version. */
  versionPath(item: Item, number: number): string {
    return path.join(this.system, 'versions', item.guid, `${number}.0`);
  }

  /** A deleted item. */
  deletedPath(item: Item): string {
    return path.join(this.system, 'deleted', item.guid);
  }

  /** What has arrived of an upload session. */
  sessionPath(guid: string): string {
    return path.join(this.system, 'sessions', guid);
  }

  /** Whether anything has. */
  hasArrived(guid: string): boolean {
    return existsSync(this.sessionPath(guid));
  }

  /** What has arrived of a single request. */
  incomingPath(guid: string): string {
    return path.join(this.system, 'incoming', guid);
  }

  /** Removes what is left of upload sessions that are no longer open. */
  keepSessions(isOpen: (guid: string) => boolean): void {
    for (const name of readdirSync(path.join(this.system, 'sessions')))
      if (!isOpen(name)) rmSync(this.sessionPath(name));
  }

  /** Keeps the current content as a version, and leaves it where it is when `keep` says so. */
  keepVersion(item: Item, number: number, keep: 'move' | 'link'): void {
    const kept = this.versionPath(item, number);
    makeFolders(path.dirname(kept));
    if (keep === 'move') renameSync(this.pathOf(item), kept);
    else linkOrCopy(this.pathOf(item), kept);
  }

  /** GUIDs of items of which content was kept. */
  keptGuids(): string[] {
    return readdirSync(path.join(this.system, 'versions'));
  }

  /**
   * Takes back that the current content was kept as a version, when it was: the process died before it recorded what took its place, and nobody was
   * told of that.
   */
  takeBackKept(item: Item): void {
    const kept = this.versionPath(item, item.version);
    const place = this.pathOf(item);
    if (!existsSync(kept)) return;
    // Two names of the same bytes: renaming one to the other would do nothing.
    if (statSync(place, { throwIfNoEntry: false })?.ino === statSync(kept).ino) rmSync(kept);
    else renameSync(kept, place);
  }

  /** Removes all that is left of a deleted item. */
  dropDeleted(guid: string): void {
    for (const folder of ['deleted', 'versions'])
      rmSync(path.join(this.system, folder, guid), { recursive: true, force: true });
  }

  /** Forgets a version, or all of them. */
  dropVersion(item: Item, number?: number): void {
    const kept = number === undefined ? path.join(this.system, 'versions', item.guid) : undefined;
    rmSync(kept ?? this.versionPath(item, number!), { recursive: true, force: true });
  }
}

/** A second name for the same bytes: nothing ever writes into a file that has its name. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // File systems without hard links.
    copyFileSync(from, to);
  }
}

const localBytesMax = 240;
const escapedName = /~[0-9a-f]{16}$/;

/** The name under which the local file system can hold it: 255 characters may be more than the 255 bytes it has room for. */
export function localName(name: string): string {
  // A character is at most three bytes.
  if (name.length * 3 <= localBytesMax && !escapedName.test(name)) return name;
  if (Buffer.byteLength(name) <= localBytesMax && !escapedName.test(name)) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, 60).toWellFormed()}~${digest}`;
}
