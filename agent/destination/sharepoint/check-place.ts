// Whether a place can be written to, found out without leaving anything there: an upload session is opened and cancelled.
import { randomUUID } from 'node:crypto';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { itemPath } from './drive-folders.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure, rootError } from './graph-error.ts';
import type { ResolvedPlace } from './resolve-place.ts';
import { cancelSession } from './session-calls.ts';

/** Throws DESTINATION_ACCESS_DENIED, _READ_ONLY, _FULL or _UNREACHABLE. */
export async function checkPlace(
  client: GraphClient,
  { driveId, libraryUrl }: ResolvedPlace,
  signal: AbortSignal,
): Promise<void> {
  const drive = `/drives/${encodeURIComponent(driveId)}`;
  const tried = `writing to the library ${libraryUrl}`;
  await checkQuota(client, drive, libraryUrl, signal);
  try {
    // At the root, which is always there; the name is one that nobody has.
    const path = `${drive}${itemPath(`drover-check-${randomUUID()}.tmp`)}/createUploadSession`;
    const body = { item: { '@microsoft.graph.conflictBehavior': 'fail' } };
    const call = { method: 'POST', path, body, resourceUnits: 2 } as const;
    const answer = await client.call(call, signal);
    const url = (answer.body as { uploadUrl?: unknown } | undefined)?.uploadUrl;
    if (typeof url === 'string') await cancelSession(client, url);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    if (thrown instanceof GraphFailure && thrown.status === 507) throw full(libraryUrl);
    throw rootError(thrown, tried);
  }
}

/** A quota of 0 is one that the service does not tell. */
async function checkQuota(
  client: GraphClient,
  drive: string,
  libraryUrl: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const path = `${drive}?$select=id,quota`;
    const answer = await client.call({ method: 'GET', path, resourceUnits: 1 }, signal);
    const quota = (answer.body as { quota?: { state?: unknown } } | undefined)?.quota;
    if (quota?.state === 'exceeded') throw full(libraryUrl);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw rootError(thrown, `the library ${libraryUrl}`);
  }
}

function full(libraryUrl: string): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_FULL,
    `the library ${libraryUrl} has no room left: its quota is used up`,
    { metadata: { path: libraryUrl } },
  );
}
