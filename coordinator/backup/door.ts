// Where a running coordinator is asked for a backup. It alone can make one, because LevelDB is open in one process at a time. The request
// names a folder on this machine, so that it is not part of the API: the door is a socket in the data folder, which only those can reach
// who can read the store as well, and it wants the administrator's token besides.
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Backup } from './create-backup.ts';

/** A socket's path can be no longer on any system that we know. */
const socketPathBytesMax = 103;
/** A request holds a path, and no more. */
const requestBytesMax = 16 * 1024;

/** What is asked. */
export interface BackupRequest {
  to: string;
}

/** What is answered. */
export type BackupAnswer = { backup: Backup } | { reason: string; message: string };

/** Where the door of a coordinator with this data folder is; undefined where there can be none. */
export function doorOf(dataFolder: string): string | undefined {
  const socket = path.join(dataFolder, 'backup.sock');
  const fits = Buffer.byteLength(socket) <= socketPathBytesMax;
  return fits && process.platform !== 'win32' ? socket : undefined;
}

export interface DoorParts {
  dataFolder: string;
  isAdminToken: (token: string) => boolean;
  /** Makes a backup. The signal aborts when whoever asked has left, and when the door closes. */
  createBackup: (to: string, signal: AbortSignal) => Promise<Backup>;
  log: Logger;
}

/** Opens the door; the caller has the store open, so that a socket which is there already is nobody's. */
export async function openDoor(parts: DoorParts): Promise<BackupDoor> {
  const socket = doorOf(parts.dataFolder);
  const door = new BackupDoor(parts, socket);
  if (socket === undefined)
    parts.log.warn('no backup can be made while this coordinator runs: the path of its data folder is too long for a socket, or this is Windows'); // oxfmt-ignore
  else await door.open(socket);
  return door;
}

export class BackupDoor {
  readonly #parts: DoorParts;
  readonly #socket: string | undefined;
  readonly #server: Server;
  readonly #closing = new AbortController();
  #current: Promise<unknown> | undefined;

  /** Use `openDoor`. */
  constructor(parts: DoorParts, socket: string | undefined) {
    this.#parts = parts;
    this.#socket = socket;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async open(socket: string): Promise<void> {
    rmSync(socket, { force: true });
    this.#server.listen(socket);
    await once(this.#server, 'listening');
    chmodSync(socket, 0o600);
  }

  /** Ends a backup that is being made; nothing of it is left. */
  async close(): Promise<void> {
    this.#closing.abort(new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping'));
    await this.#current?.catch(() => undefined);
    if (this.#socket === undefined) return;
    this.#server.close();
    this.#server.closeIdleConnections();
    rmSync(this.#socket, { force: true });
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { log } = this.#parts;
    const left = new AbortController();
    response.on('close', () => left.abort());
    try {
      const backup = await this.#take(
        request,
        AbortSignal.any([left.signal, this.#closing.signal]),
      );
      log.info({ backup: backup.folder, rows: backup.rows, bytes: backup.bytes }, 'backup made');
      send(response, { backup });
    } catch (thrown) {
      const error = DroverError.from(thrown);
      const refusal = { reason: reasonName(error.reason), message: error.message };
      if (!left.signal.aborted) log.warn(refusal, 'no backup was made');
      send(response, refusal);
    }
  }

  async #take(request: IncomingMessage, signal: AbortSignal): Promise<Backup> {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined || !this.#parts.isAdminToken(token))
      throw new DroverError(ErrorReason.UNAUTHENTICATED, "the administrator's token is not the right one"); // oxfmt-ignore
    const { to } = await readRequest(request);
    if (this.#current !== undefined)
      throw new DroverError(ErrorReason.WRONG_STATE, 'another backup is being made just now');
    this.#current = this.#parts.createBackup(to, signal);
    try {
      return (await this.#current) as Backup;
    } finally {
      this.#current = undefined;
    }
  }
}

async function readRequest(request: IncomingMessage): Promise<BackupRequest> {
  if (Number(request.headers['content-length'] ?? Number.NaN) <= requestBytesMax)
    try {
      const { to } = JSON.parse(await text(request)) as Partial<BackupRequest>;
      if (typeof to === 'string') return { to };
    } catch {
      // Said below.
    }
  throw DroverError.invalid('to', 'is missing');
}

function send(response: ServerResponse, answer: BackupAnswer): void {
  const isBackup = 'backup' in answer;
  response.writeHead(isBackup ? 200 : 400, { 'content-type': 'application/json', connection: 'close' }); // oxfmt-ignore
  response.end(JSON.stringify(answer));
}
