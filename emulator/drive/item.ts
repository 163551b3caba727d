// An item of a drive: a file or a folder, and how it is written into the drive's log.
import { foldName } from './name-rules.ts';

/** Who did something, as it stands in answers. */
export interface Identity {
  user?: { id: string; displayName: string; email?: string };
  application?: { id: string; displayName: string };
}

/** Whether two are the same caller. */
export function isSameIdentity(left: Identity, right: Identity): boolean {
  return left.user === undefined && right.user === undefined
    ? left.application?.id === right.application?.id
    : left.user?.id === right.user?.id;
}

/** A version that is not the current one; its content lies in the system folder. */
export interface OldVersion {
  number: number;
  size: number;
  hash: string;
  modifiedMs: number;
  fileModifiedMs: number;
  modifiedBy: Identity;
}

/** A grant on the item itself; inherited ones are not stored. */
export interface Permission {
  id: string;
  roles: string[];
  grantedTo: { id: string; displayName: string; email?: string };
}

/** What is kept of an item in the log: all but its place in memory. */
export interface ItemRecord {
  guid: string;
  /** GUID of the folder it is in; absent for the root. */
  parent?: string;
  name: string;
  folder?: true;
  size: number;
  /** quickXorHash, base64; empty for folders. */
  hash: string;
  createdMs: number;
  modifiedMs: number;
  /** What clients say of the file on their side. */
  fileCreatedMs: number;
  fileModifiedMs: number;
  createdBy: Identity;
  modifiedBy: Identity;
  /** Counts every change; the n of the eTag. */
  change: number;
  /** Counts changes of the content; the n of the cTag. */
  content: number;
  /** The current version is `version`.0. */
  version: number;
  /** Oldest first. */
  older?: OldVersion[];
  permissions?: Permission[];
  /** Set while it is checked out; `version` is what a discard goes back to, 0 when it was never checked in. */
  checkout?: { by: Identity; version: number };
  /** Set once it is deleted: when, whether it can be restored, and a number that all that was deleted with it shares. */
  deleted?: { atMs: number; recycled: boolean; batch: number };
  /** Position in the drive's changes. */
  sequence: number;
  changedMs: number;
}

/** An item in memory, linked into its folder. */
export interface Item extends Omit<ItemRecord, 'parent' | 'folder'> {
  readonly id: string;
  parent: Item | undefined;
  /** By folded name; undefined for files. */
  children: Map<string, Item> | undefined;
  /** The children sorted by folded name, while nothing changed since it was asked for. */
  sorted: Item[] | undefined;
  /** Set by the control endpoint. */
  locked: boolean;
}

/** A folder: an item that has children. */
export type Folder = Item & { children: Map<string, Item> };

export function isFolder(item: Item): item is Folder {
  return item.children !== undefined;
}

/** The record of an item, to be written as JSON, which leaves out what is undefined. */
export function toRecord(item: Item): ItemRecord {
  const memory = { id: undefined, children: undefined, sorted: undefined, locked: undefined };
  const folder = item.children === undefined ? undefined : true;
  return { ...item, ...memory, parent: item.parent?.guid, folder } as unknown as ItemRecord;
}

/** The item of a record, not linked yet. */
export function fromRecord(record: ItemRecord, id: string): Item {
  const children = record.folder ? new Map<string, Item>() : undefined;
  return { ...record, id, parent: undefined, children, sorted: undefined, locked: false };
}

/** The eTag, with its quotes. */
export function eTag(item: Item): string {
  return `"{${item.guid.toUpperCase()}},${item.change}"`;
}

/** The cTag, with its quotes. */
export function cTag(item: Item): string {
  return `"c:{${item.guid.toUpperCase()}},${item.content}"`;
}

/** The names from the root down to the item. */
export function namesTo(item: Item): string[] {
  const names: string[] = [];
  for (let at = item; at.parent !== undefined; at = at.parent) names.push(at.name);
  return names.reverse();
}

/** Whether an item was deleted by itself, not with the folder it was in. */
export function isDeletedTop({ deleted, parent }: Item): boolean {
  return deleted !== undefined && parent?.deleted?.batch !== deleted.batch;
}

/** Whether `item` is `folder` or lies somewhere in it. */
export function isWithin(item: Item, folder: Item): boolean {
  for (let at: Item | undefined = item; at !== undefined; at = at.parent)
    if (at === folder) return true;
  return false;
}

/** The item and all below it, parents first. */
export function* subtree(item: Item): Generator<Item> {
  yield item;
  if (item.children === undefined) return;
  for (const child of [...item.children.values()]) yield* subtree(child);
}

/** The children in the order of their names. */
export function sortedChildren(folder: Folder): Item[] {
  folder.sorted ??= [...folder.children]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, item]) => item);
  return folder.sorted;
}

/** The child of this name. */
export function childNamed(folder: Folder, name: string): Item | undefined {
  return folder.children.get(foldName(name));
}

/** What lies at the end of these names; undefined when there is nothing. */
export function itemAt(from: Item, names: readonly string[]): Item | undefined {
  let item: Item | undefined = from;
  for (const name of names) item = item && isFolder(item) ? childNamed(item, name) : undefined;
  return item;
}
