// Upload sessions: one at a time for each file that is to be, fragments strictly in order, and a commit that may fail while
// what has arrived is kept.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { DriveError } from './drive-error.ts';
import type { Drive } from './drive.ts';
import { finishHash, type HashState } from './fragment-hash.ts';
import { isFolder, type Folder, type Identity, type Item } from './item.ts';
import { foldName } from './name-rules.ts';
import type { ArrivedFile, ConflictBehavior, FileTimes, PlaceOptions } from './place-file.ts';
import { placeFile } from './place-file.ts';

/** What is kept of a session in the drive's log. */
export interface SessionRecord {
  guid: string;
  /** GUID of the folder. */
  parent: string;
  name: string;
  /** GUID of the item it was opened for, when that was addressed itself. */
  target?: string | undefined;
  /** GUID of the item that is made when there is none. */
  itemGuid: string;
  conflict: ConflictBehavior;
  ifMatch?: string | undefined;
  by: Identity;
  times: FileTimes;
  deferCommit: boolean;
  rewriteOffice: boolean;
  createdMs: number;
  expiresMs: number;
  /** What the client says the whole is; unknown before the first fragment. */
  total?: number | undefined;
  /** Bytes that have arrived. */
  position: number;
  hash: HashState;
}

/** An open session. */
export interface UploadSession extends SessionRecord {
  readonly drive: Drive;
  /** A fragment is arriving or the commit is under way. */
  busy: boolean;
}

/** Open sessions at a time. */
export const sessionsMax = 100_000;

/** All open sessions of a tenant. */
export class UploadSessions {
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #byGuid = new Map<string, UploadSession>();
  readonly #byPlace = new Map<string, UploadSession>();
  #sweptMs = 0;

  constructor(drives: Iterable<Drive>, options: { ttlMs: number; now: () => number }) {
    this.#ttlMs = options.ttlMs;
    this.#now = options.now;
    for (const drive of drives)
      for (const found of drive.sessionsFound.values())
        this.#keep({ ...(found as SessionRecord), drive, busy: false });
  }

  get size(): number {
    return this.#byGuid.size;
  }

  /** Opens a session. Throws DriveError when one is open for the same name. */
  open(
    drive: Drive,
    facts: Pick<SessionRecord, 'name' | 'conflict' | 'ifMatch' | 'by' | 'times' | 'deferCommit'> & {
      parent: Folder;
      target: Item | undefined;
      rewriteOffice: boolean;
    },
  ): UploadSession {
    this.#sweep();
    const { parent, target, ...rest } = facts;
    const nowMs = this.#now();
    const record: SessionRecord = {
      ...rest,
      guid: randomUUID(),
      parent: parent.guid,
      target: target?.guid,
      itemGuid: target?.guid ?? randomUUID(),
      createdMs: nowMs,
      expiresMs: nowMs + this.#ttlMs,
      position: 0,
      hash: '0',
    };
    const open = this.#byPlace.get(placeKey(drive, record));
    if (open !== undefined && this.#isLive(open)) throw new DriveError('uploadInProgress');
    if (this.#byGuid.size >= sessionsMax)
      throw new DriveError('serviceNotAvailable', 'Too many upload sessions are open.');
    const session: UploadSession = { ...record, drive, busy: false };
    this.#keep(session);
    drive.append({ kind: 'session', session: record });
    return session;
  }

  /** The open session of a GUID. */
  find(guid: string): UploadSession {
    const session = this.#byGuid.get(guid);
    if (session === undefined || !this.#isLive(session))
      throw new DriveError('uploadSessionNotFound');
    return session;
  }

  /** A fragment has arrived: the session goes on from here. Throws DriveError when it was ended meanwhile. */
  advance(session: UploadSession, bytes: number, hash: HashState): void {
    this.#needOpen(session);
    session.position += bytes;
    session.hash = hash;
    session.expiresMs = this.#now() + this.#ttlMs;
    // The last fragment is followed by the commit, which says more.
    if (session.position === session.total && !session.deferCommit) return;
    this.save(session);
  }

  /** Records a session as it is, for the next process. */
  save(session: UploadSession): void {
    if (!this.#byGuid.has(session.guid)) return;
    // JSON leaves out what is undefined.
    const record = { ...session, drive: undefined, busy: undefined };
    session.drive.append({ kind: 'session', session: record });
  }

  /** Makes the file. When it throws, what has arrived is kept until the session expires. */
  commit(session: UploadSession, arrived: ArrivedFile, more: Partial<PlaceOptions> = {}) {
    this.#needOpen(session);
    const { drive } = session;
    const target = session.target === undefined ? undefined : drive.itemOfGuid(session.target);
    const committed = placeFile(drive, arrived, {
      parent: parentOf(session),
      name: session.name,
      target,
      conflict: session.conflict,
      ifMatch: session.ifMatch,
      by: session.by,
      times: session.times,
      guid: session.target === undefined ? session.itemGuid : undefined,
      ...more,
    });
    this.#end(session);
    const received = drive.files.sessionPath(session.guid);
    if (arrived.path !== received) rmSync(received);
    return committed;
  }

  /** Ends a session, even while a fragment is arriving, and removes what has arrived of it. */
  drop(session: UploadSession): void {
    this.#end(session);
    rmSync(session.drive.files.sessionPath(session.guid), { force: true });
  }

  #needOpen(session: UploadSession): void {
    if (!this.#byGuid.has(session.guid)) throw new DriveError('uploadSessionNotFound');
  }

  #keep(session: UploadSession): void {
    this.#byGuid.set(session.guid, session);
    this.#byPlace.set(placeKey(session.drive, session), session);
  }

  #end(session: UploadSession): void {
    this.#byGuid.delete(session.guid);
    const key = placeKey(session.drive, session);
    if (this.#byPlace.get(key) === session) this.#byPlace.delete(key);
    session.drive.append({ kind: 'session-end', guid: session.guid });
  }

  #isLive(session: UploadSession): boolean {
    if (session.expiresMs > this.#now() || session.busy) return true;
    this.drop(session);
    return false;
  }

  #sweep(): void {
    if (this.#now() - this.#sweptMs < sweepEveryMs) return;
    this.#sweptMs = this.#now();
    for (const session of [...this.#byGuid.values()]) this.#isLive(session);
  }
}

const sweepEveryMs = 60_000;

/** The content of a session; throws DriveError while bytes are missing. */
export function arrivedFile(session: UploadSession): ArrivedFile {
  if (session.total === undefined || session.position < session.total)
    throw new DriveError('uploadSessionIncomplete');
  const size = session.position;
  const path = session.drive.files.sessionPath(session.guid);
  return { path, size, hash: finishHash(session.hash, size) };
}

/** The folder the file is meant for. */
export function parentOf(session: UploadSession): Folder {
  const parent = session.drive.itemOfGuid(session.parent);
  if (parent === undefined || !isFolder(parent) || parent.deleted !== undefined)
    throw new DriveError('itemNotFound', 'The folder of the upload is gone.');
  return parent;
}

function placeKey(drive: Drive, record: SessionRecord): string {
  return `${drive.id}/${record.parent}/${foldName(record.name)}`;
}
