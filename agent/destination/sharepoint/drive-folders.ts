// The folders of a drive: each is made once, and whoever else makes it at the same time is no trouble.
import type { DroverError } from '../../../lib/error.ts';
import { StoppedError } from '../../pool/stopped-error.ts';
import type { Clock } from '../../../lib/time.ts';
import { conflictError, otherKindError } from '../destination-error.ts';
import type { FolderTimes } from '../destination.ts';
import { encodePath, fileSystemInfo, readDriveItem, type DriveItem } from './drive-item.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure, itemError } from './graph-error.ts';
import { throughRaces } from './races.ts';

export interface DriveFoldersParts {
  client: GraphClient;
  clock: Clock;
  driveId: string;
  signal: AbortSignal;
}

/** How many folders are remembered as made; beyond that they are asked for again. */
const knownMax = 50_000;

/** Which folders of a run's destination are known to be there; shared by the jobs of a thread. */
export type KnownFolders = Map<string, Promise<void>>;

export class DriveFolders {
  readonly #parts: DriveFoldersParts;
  readonly #known: KnownFolders;
  /** Ids of folders, by their paths. */
  readonly #ids = new Map<string, string>();

  constructor(parts: DriveFoldersParts, known: KnownFolders) {
    this.#parts = parts;
    this.#known = known;
  }

  /**
   * Makes the folder with this path below the drive's root, and those above it, where they are missing. `mayBeThere`: it is most likely there,
   * so that it is looked at first.
   */
  async ensure(path: string, mayBeThere = false): Promise<void> {
    for (let known = this.#known.get(path); path !== ''; known = this.#known.get(path)) {
      if (known === undefined) return await this.#ensureUnknown(path, mayBeThere);
      try {
        return await known;
      } catch (thrown) {
        // Another job of this thread was at it and was told to stop: this one goes on.
        if (!(thrown instanceof StoppedError) || this.#parts.signal.aborted) throw thrown;
        if (this.#known.get(path) === known) this.#known.delete(path);
      }
    }
  }

  async #ensureUnknown(path: string, mayBeThere: boolean): Promise<void> {
    if (this.#known.size >= knownMax) this.#known.clear();
    const making = mayBeThere ? this.#find(path) : this.#make(path);
    this.#known.set(path, making);
    try {
      await making;
    } catch (error) {
      if (this.#known.get(path) === making) this.#known.delete(path);
      throw error;
    }
  }

  /** Something turned out to be missing that was there. */
  forget(): void {
    this.#known.clear();
    this.#ids.clear();
  }

  async #find(path: string): Promise<void> {
    const item = await this.look(path);
    if (item === undefined) return await this.#make(path);
    if (!item.isFolder) throw notFolder(path, item);
  }

  async #make(path: string): Promise<void> {
    try {
      await throughRaces(() => this.#createBelow(path), this.#parts);
    } catch (thrown) {
      const isThere = thrown instanceof GraphFailure && thrown.status === 409;
      if (!isThere) throw thrown;
      const item = await this.look(path);
      if (item === undefined) throw thrown;
      if (!item.isFolder) throw notFolder(path, item);
    }
  }

  /** What is above it is most likely there, made by this agent or another one; it is made only when it is not. */
  async #createBelow(path: string): Promise<void> {
    const cut = path.lastIndexOf('/');
    const parent = path.slice(0, Math.max(cut, 0));
    const name = path.slice(cut + 1);
    // Of what is being made right now the end is awaited.
    const before = this.#known.get(parent);
    if (before !== undefined) await this.ensure(parent);
    try {
      await this.#create(parent, name);
    } catch (thrown) {
      if (parent === '' || !(thrown instanceof GraphFailure) || thrown.status === 409) throw thrown;
      // It was there and is gone, unless somebody has noticed already.
      const isGone = thrown.status === 404 && before !== undefined;
      if (isGone && this.#known.get(parent) === before) this.forget();
      if (before !== undefined && !isGone) throw thrown;
      await this.ensure(parent);
      await this.#create(parent, name);
    }
  }

  async #create(parent: string, name: string): Promise<void> {
    const { client, signal } = this.#parts;
    const body = { name, folder: {}, '@microsoft.graph.conflictBehavior': 'fail' };
    const children = parent === '' ? '/root/children' : `/root:/${encodePath(parent)}:/children`;
    await client.call(
      { method: 'POST', path: this.#drive(children), body, resourceUnits: 2 },
      signal,
    );
  }

  /** What stands at this path below the drive's root; undefined when nothing does. */
  async look(path: string, select = ''): Promise<DriveItem | undefined> {
    const { client, signal } = this.#parts;
    try {
      const address = this.#drive(`${itemPath(path)}${select}`);
      const answer = await client.call({ method: 'GET', path: address, resourceUnits: 1 }, signal);
      return readDriveItem(answer.body);
    } catch (thrown) {
      if (thrown instanceof GraphFailure && thrown.status === 404) return undefined;
      throw thrown;
    }
  }

  /** The id of a folder, which is made if it is not there. */
  async idOf(path: string): Promise<string> {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    await this.ensure(path);
    const select = '?$select=id,name,file,folder,package';
    let item = await this.look(path, select);
    if (item === undefined) {
      this.forget();
      await this.ensure(path);
      item = await this.look(path, select);
    }
    if (item === undefined) throw conflictError(path, 'is gone as soon as it is made');
    if (!item.isFolder) throw notFolder(path, item);
    if (this.#ids.size >= knownMax) this.#ids.clear();
    this.#ids.set(path, item.id);
    return item.id;
  }

  /** Whether the folder is known to be there. */
  isKnown(path: string): boolean {
    return this.#known.has(path);
  }

  /** Gives a folder its dates; one that was there and is gone is made again. */
  async dateFolder(path: string, times: FolderTimes): Promise<true> {
    try {
      await this.date(itemPath(path), times);
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure) || thrown.status !== 404) throw thrown;
      this.forget();
      await this.ensure(path);
      await this.date(itemPath(path), times);
    }
    return true;
  }

  /** Gives an item its dates; `address` is the item's, within the drive. */
  async date(address: string, times: FolderTimes): Promise<DriveItem> {
    const { client, signal } = this.#parts;
    const body = { fileSystemInfo: fileSystemInfo(times) };
    const path = this.#drive(address);
    const call = { method: 'PATCH', path, body, resourceUnits: 2 } as const;
    const answer = await throughRaces(() => client.call(call, signal), this.#parts);
    const item = readDriveItem(answer.body);
    if (item === undefined)
      throw itemError(new Error('the service answered with no item'), address);
    return item;
  }

  #drive(rest: string): string {
    return `/drives/${encodeURIComponent(this.#parts.driveId)}${rest}`;
  }
}

/** Something else stands where a folder should be. */
export function notFolder(path: string, { isFile }: DriveItem): DroverError {
  const what = isFile ? 'a file' : 'something else, such as a notebook,';
  return otherKindError(path, `is ${what} where a folder should be`);
}

/** The address of a path below a drive's root, within the drive. */
export function itemPath(path: string): string {
  return path === '' ? '/root' : `/root:/${encodePath(path)}:`;
}
