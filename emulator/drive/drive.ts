// One library: its items by id and by name, their sizes, the order of their changes, and the log that brings all of it back.
// Every change is made in one turn of the event loop, on disk, in memory and in the log, so that nobody sees half of one.
import { randomUUID } from 'node:crypto';
import { ChangeLog } from './change-log.ts';
import { ContentFolder } from './content-folder.ts';
import { DriveError } from './drive-error.ts';
import { loadRecords, openLog, type DriveRecord } from './drive-records.ts';
import { derivedGuid, driveId, itemId, itemIdTag, rootGuid } from './identifiers.ts';
import {
  fromRecord,
  isDeletedTop,
  isFolder,
  namesTo,
  toRecord,
  type Folder,
  type Identity,
  type Item,
  type ItemRecord,
} from './item.ts';
import { checkName, checkPathLength, foldName } from './name-rules.ts';
import type { RecordLog } from './record-log.ts';
import type { Site } from './site.ts';
import type { LibraryDescription, TenantDescription } from './tenant.ts';

const tebibyteBytes = 2 ** 40;
/** How long a deleted item is kept, and delta tells of it. */
export const deletedTtlMs = 93 * 24 * 3_600_000;

/** A library in memory. */
export class Drive {
  readonly site: Site;
  readonly library: LibraryDescription;
  readonly tenantId: string;
  readonly listGuid: string;
  readonly id: string;
  readonly webUrl: string;
  readonly files: ContentFolder;
  readonly changes = new ChangeLog();
  readonly now: () => number;
  /** Bytes of old versions. */
  versionBytes = 0;
  /** Bytes in the recycle bin. */
  deletedBytes = 0;
  /** Records of upload sessions that were open at the end of the last process, by GUID. */
  sessionsFound: ReadonlyMap<string, { guid: string }> = new Map();
  readonly #tag: Buffer;
  readonly #items = new Map<string, Item>();
  readonly #identities = new Map<string, Identity>();
  #root!: Folder;
  #sequence = 0;
  #log!: RecordLog;

  private constructor(
    site: Site,
    library: LibraryDescription,
    place: { tenant: TenantDescription; dataFolder: string; now: () => number },
  ) {
    const { path } = site.description;
    this.site = site;
    this.library = library;
    this.tenantId = place.tenant.id;
    this.now = place.now;
    this.listGuid = derivedGuid(place.tenant.id, 'list', path, library.urlName);
    this.id = driveId(site.siteGuid, site.webGuid, this.listGuid);
    this.#tag = itemIdTag(this.listGuid);
    this.webUrl = `${site.webUrl}/${encodeURIComponent(library.urlName)}`;
    this.files = new ContentFolder(place.dataFolder, path, library.urlName);
  }

  /** Reads what the log says. */
  static open(
    site: Site,
    library: LibraryDescription,
    place: { tenant: TenantDescription; dataFolder: string; now: () => number },
  ): Drive {
    const drive = new Drive(site, library, place);
    drive.#load();
    return drive;
  }

  get root(): Folder {
    return this.#root;
  }

  /** The sequence of the last change. */
  get sequence(): number {
    return this.#sequence;
  }

  get itemCount(): number {
    return this.#items.size;
  }

  /** All items, deleted ones as well. */
  get items(): Iterable<Item> {
    return this.#items.values();
  }

  get readOnly(): boolean {
    return this.library.readOnly === true || this.site.description.readOnly === true;
  }

  get quota(): { total: number; used: number; deleted: number; remaining: number } {
    const personal = this.site.description.owner !== undefined;
    const total = this.library.quotaBytes ?? (personal ? 1 : 25) * tebibyteBytes;
    const used = this.#root.size + this.versionBytes + this.deletedBytes;
    return { total, used, deleted: this.deletedBytes, remaining: Math.max(0, total - used) };
  }

  /** Throws when so many bytes more do not fit. */
  checkRoom(bytes: number): void {
    if (bytes > this.quota.remaining) throw new DriveError('quotaLimitReached');
  }

  /** The item of an id; ids are case-sensitive. */
  item(id: string): Item {
    const item = this.#items.get(id);
    if (item === undefined || item.deleted !== undefined) throw new DriveError('itemNotFound');
    return item;
  }

  /** The id that the item of a GUID has or will have. */
  idOf(guid: string): string {
    return itemId(this.#tag, guid);
  }

  /** The item of a GUID, deleted or not. */
  itemOfGuid(guid: string): Item | undefined {
    return this.#items.get(this.idOf(guid));
  }

  /** A deleted item that can be restored. */
  deletedItem(id: string): Item {
    const item = this.#items.get(id);
    if (item?.deleted?.recycled !== true) throw new DriveError('itemNotFound');
    return item;
  }

  /** Throws when a name cannot stand in a folder. */
  checkPlace(parent: Folder, name: string, folder: boolean): void {
    checkName(name, { folder, atRoot: parent === this.#root });
    const above = [this.site.description.path.slice(1), this.library.urlName, ...namesTo(parent)];
    const parts = above.filter((part) => part !== '');
    checkPathLength([...parts, name].join('/').length);
  }

  /** A new item, not in its folder yet. */
  create(facts: {
    guid?: string;
    name: string;
    folder: boolean;
    size: number;
    hash: string;
    by: Identity;
    fileCreatedMs?: number | undefined;
    fileModifiedMs?: number | undefined;
  }): Item {
    const nowMs = this.now();
    const guid = facts.guid ?? randomUUID();
    const record: ItemRecord = {
      guid,
      name: facts.name,
      size: facts.size,
      hash: facts.hash,
      createdMs: nowMs,
      modifiedMs: nowMs,
      fileCreatedMs: facts.fileCreatedMs ?? nowMs,
      fileModifiedMs: facts.fileModifiedMs ?? nowMs,
      createdBy: facts.by,
      modifiedBy: facts.by,
      change: 1,
      content: 1,
      version: 1,
      sequence: 0,
      changedMs: nowMs,
      ...(facts.folder ? { folder: true as const } : {}),
    };
    const item = fromRecord(record, itemId(this.#tag, guid));
    this.#items.set(item.id, item);
    return item;
  }

  /** Puts an item into a folder. */
  link(item: Item, parent: Folder): void {
    item.parent = parent;
    parent.children.set(foldName(item.name), item);
    parent.sorted = undefined;
    this.resize(parent, item.size);
  }

  /** Takes an item out of its folder. */
  unlink(item: Item): void {
    const { parent } = item;
    if (parent === undefined || !isFolder(parent)) return;
    parent.children.delete(foldName(item.name));
    parent.sorted = undefined;
    this.resize(parent, -item.size);
  }

  /** Adds to the size of a folder and all above it. */
  resize(folder: Item, bytes: number): void {
    for (let at: Item | undefined = folder; at !== undefined && bytes !== 0; at = at.parent) {
      at.size += bytes;
      if (isDeletedTop(at)) return;
    }
  }

  /** Records an item as it is now, as the drive's latest change. */
  save(item: Item): void {
    item.sequence = ++this.#sequence;
    item.changedMs = this.now();
    this.changes.add(item);
    this.append({ kind: 'item', item: toRecord(item) });
  }

  /** Writes a line that is not an item's. */
  append(record: DriveRecord): void {
    this.#log.append(record);
  }

  close(): void {
    this.#log.close();
  }

  #load(): void {
    const records = loadRecords(this.files.log);
    const { items, sessions } = records;
    this.sessionsFound = sessions;
    this.files.keepSessions((guid) => sessions.has(guid));
    this.#sequence = records.sequence;
    const oldestMs = this.now() - deletedTtlMs;
    for (const [guid, { deleted }] of items) {
      if (deleted === undefined || deleted.atMs >= oldestMs) continue;
      this.files.dropDeleted(guid);
      items.delete(guid);
    }
    this.#linkAll(items);
    this.#takeBackUnrecorded(sessions);
    this.#log = openLog(this.files.log, records);
    const root = this.itemOfGuid(rootGuid) ?? this.#createRoot();
    if (!isFolder(root)) throw new Error(`${this.files.log} has a root that is no folder`);
    this.#root = root;
  }

  /** What the last process did on the disk and died before it recorded it. */
  #takeBackUnrecorded(sessions: Map<string, { guid: string; position?: number }>): void {
    for (const guid of this.files.keptGuids()) {
      const item = this.itemOfGuid(guid);
      if (item !== undefined && item.deleted === undefined && !isFolder(item))
        this.files.takeBackKept(item);
    }
    // What had arrived was put in its place.
    for (const [guid, { position = 0 }] of sessions)
      if (position > 0 && !this.files.hasArrived(guid)) sessions.delete(guid);
  }

  #linkAll(records: Map<string, ItemRecord>): void {
    const items = [...records.values()].map((record) => this.#fromRecord(record));
    const byGuid = new Map(items.map((item) => [item.guid, item]));
    for (const item of items) item.parent = byGuid.get(records.get(item.guid)!.parent ?? '');
    for (const item of items) {
      for (const { size } of item.older ?? []) this.versionBytes += size;
      if (isDeletedTop(item) || item.parent === undefined || !isFolder(item.parent)) continue;
      item.parent.children.set(foldName(item.name), item);
      if (!isFolder(item)) this.resize(item.parent, item.size);
    }
    for (const item of items) if (item.deleted?.recycled === true) this.deletedBytes += item.size;
    for (const item of items.sort((left, right) => left.sequence - right.sequence))
      this.changes.add(item);
  }

  /** Folders get their size from what is put into them; callers are few, and each is kept once. */
  #fromRecord(record: ItemRecord): Item {
    const item = fromRecord(record, this.idOf(record.guid));
    if (isFolder(item)) item.size = 0;
    item.createdBy = this.#known(record.createdBy);
    item.modifiedBy = this.#known(record.modifiedBy);
    this.#items.set(item.id, item);
    return item;
  }

  #known(identity: Identity): Identity {
    const key = `${identity.application?.id} ${identity.user?.id}`;
    const known = this.#identities.get(key) ?? identity;
    this.#identities.set(key, known);
    return known;
  }

  #createRoot(): Item {
    const system: Identity = { user: { id: this.site.webGuid, displayName: 'System Account' } };
    const root = this.create({ guid: rootGuid, name: 'root', folder: true, size: 0, hash: '', by: system }); // oxfmt-ignore
    this.save(root);
    return root;
  }
}
