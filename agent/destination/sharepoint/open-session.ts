// Opening an upload session: the service keeps one at a time for each name, whoever opened it, and tells nobody where it goes on.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../../source/printable-path.ts';
import { fileSystemInfo, type DriveItem } from './drive-item.ts';
import type { FilePlace } from './file-place.ts';
import type { GraphClient } from './graph-client.ts';
import { callMetadata, GraphFailure } from './graph-error.ts';
import { throughRaces } from './races.ts';
import { cancelSession } from './session-calls.ts';

export interface OpenSessionParts {
  client: GraphClient;
  clock: Clock;
  signal: AbortSignal;
  place: FilePlace;
  times: { modifiedNs: bigint; createdNs: bigint };
  /** Makes the folder of the file; asked only when it turned out to be gone. */
  makeFolder: () => Promise<void>;
}

export type OpenedSession =
  /** `url` is a secret. */
  | { kind: 'open'; url: string; replaces: boolean }
  /** Something stands there that may not be overwritten. */
  | { kind: 'taken'; item: DriveItem };

/** An upload of somebody else to the same name ends by itself after a quarter of an hour without a byte. */
const foreignUploadMsMax = 20 * 60_000;
const foreignUploadPauseMs = 5000;
const foreignUploadPauseMsMax = 60_000;
const folderTriesMax = 3;
/** A job that stops while a session is being opened waits for its address, to cancel it. */
const openGraceMs = 10_000;

/** Opens a session, waiting for others to end. `standing` is what was found there before; undefined: nothing, or nobody looked. */
export async function openSession(
  parts: OpenSessionParts,
  standing: DriveItem | undefined,
): Promise<OpenedSession> {
  const { clock, signal, place } = parts;
  const startMs = clock.steady();
  let replaced = standing;
  for (let pauseMs = foreignUploadPauseMs; ;) {
    let refused: GraphFailure;
    try {
      const replaces = replaced !== undefined;
      return { kind: 'open', url: await createInFolder(parts, replaces), replaces };
    } catch (thrown) {
      const isTaken = thrown instanceof GraphFailure && [409, 412].includes(thrown.status);
      if (!isTaken) throw thrown;
      refused = thrown;
    }
    const item = await place.lookUp();
    if (item !== undefined && place.isConflict(item)) return { kind: 'taken', item };
    // What may be replaced has come back: no reason to wait.
    const isNews = item !== undefined && replaced === undefined;
    replaced = item;
    if (isNews) continue;
    // Nothing to be seen, or what may be replaced: somebody has an upload to this name open.
    if (clock.steady() - startMs > foreignUploadMsMax) throw foreignUpload(place.path, refused);
    await pause(clock, pauseMs, signal);
    signal.throwIfAborted();
    pauseMs = Math.min(pauseMs * 2, foreignUploadPauseMsMax);
  }
}

async function createInFolder(parts: OpenSessionParts, replaces: boolean): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      return await throughRaces(() => create(parts, replaces), parts);
    } catch (thrown) {
      const isGone = thrown instanceof GraphFailure && thrown.status === 404;
      if (!isGone || tries >= folderTriesMax) throw thrown;
      await parts.makeFolder();
    }
  }
}

async function create(parts: OpenSessionParts, replaces: boolean): Promise<string> {
  const { client, signal, place, times } = parts;
  const { path, address } = place;
  const item = {
    '@microsoft.graph.conflictBehavior': replaces ? 'replace' : 'fail',
    fileSystemInfo: fileSystemInfo(times),
  };
  // Repeated when its answer was lost: should a session be open then, it is waited for like any other.
  const call = { method: 'POST', path: `${address}/createUploadSession`, body: { item }, resourceUnits: 2, graceMs: openGraceMs } as const; // oxfmt-ignore
  const answer = await client.call(call, signal);
  const url = (answer.body as { uploadUrl?: unknown } | undefined)?.uploadUrl;
  if (typeof url === 'string') {
    if (!signal.aborted) return url;
    // Left open, it would keep whoever does the file next waiting for a quarter of an hour.
    await cancelSession(client, url);
    throw signal.reason;
  }
  throw new DroverError(
    ErrorReason.DESTINATION_WRITE_FAILED,
    `${printablePath(path)} was not written: the service opened no upload session (request ${answer.requestId})`,
    { metadata: callMetadata(path, answer) },
  );
}

function foreignUpload(path: string, refused: GraphFailure): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_LOCKED,
    `${printablePath(path)} was not written: another upload to this name stayed open, of another agent or program`,
    { cause: refused, metadata: callMetadata(path, refused) },
  );
}
