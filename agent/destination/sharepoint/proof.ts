// Whether what stands in SharePoint is what was read: by size and hash as the service says them, and where it says none, or others
// because it rewrote an Office file, by the content itself.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type { Hashes } from '../../pool/hasher.ts';
import type { SourceContent } from '../destination.ts';
import { readDriveItem, type DriveItem } from './drive-item.ts';
import type { GraphClient } from './graph-client.ts';
import type { ByteReader } from './office-proof.ts';
import { RemoteContent } from './remote-content.ts';
import { isSameWhenRewritten, mayBeRewritten } from './rewritten-content.ts';

export interface ProofParts {
  client: GraphClient;
  clock: Clock;
  signal: AbortSignal;
  driveId: string;
}

/** How it was proved and the item as it is then; undefined when it is another content. */
export interface Proof {
  item: DriveItem;
  verification: ItemVerification;
}

/** Hashes are sometimes late. */
const hashPausesMs = [500, 1000, 2000];

/** Proves; `path` is the item's own, because its extension says whether it may have been rewritten. */
export async function prove(
  parts: ProofParts,
  path: string,
  first: DriveItem,
  hashes: Hashes,
  content: SourceContent,
): Promise<Proof | undefined> {
  const item = await withHash(parts, first);
  const wanted = Buffer.from(hashes.quickXorHash).toString('base64');
  const isSameSize = item.size === content.size;
  if (isSameSize && item.quickXorHash === wanted) return { item, verification: ItemVerification.HASH }; // oxfmt-ignore
  const isHashMissing = item.quickXorHash === undefined && isSameSize;
  if (!isHashMissing && !mayBeRewritten(path)) return undefined;
  const remote = await openContent(parts, item);
  if (remote === undefined) return undefined;
  if (isHashMissing && Buffer.compare((await remote.hashes()).sha256, hashes.sha256) === 0)
    return { item, verification: ItemVerification.HASH };
  if (!mayBeRewritten(path)) return undefined;
  const isSame = await isSameWhenRewritten(path, localReader(content), remote);
  return isSame ? { item, verification: ItemVerification.REWRITTEN_BY_SHAREPOINT } : undefined;
}

async function withHash(parts: ProofParts, first: DriveItem): Promise<DriveItem> {
  let item = first;
  for (const pauseMs of hashPausesMs) {
    if (item.quickXorHash !== undefined) break;
    await pause(parts.clock, pauseMs, parts.signal);
    item = (await getItem(parts, item.id)) ?? item;
  }
  return item;
}

async function getItem(parts: ProofParts, id: string, select = ''): Promise<DriveItem | undefined> {
  const { client, driveId, signal } = parts;
  const path = `/drives/${encodeURIComponent(driveId)}/items/${id}${select}`;
  const answer = await client.call({ method: 'GET', path, resourceUnits: 1 }, signal);
  return readDriveItem(answer.body);
}

async function openContent(parts: ProofParts, item: DriveItem): Promise<RemoteContent | undefined> {
  // Only an explicit selection is certain to bring the address.
  const select = '?$select=id,name,size,file,@microsoft.graph.downloadUrl';
  const address = (await getItem(parts, item.id, select))?.downloadUrl;
  if (address === undefined) return undefined;
  return new RemoteContent(parts.client, address, item.size, parts.signal);
}

function localReader(content: SourceContent): ByteReader {
  return {
    size: content.size,
    read: async (start, end) => {
      const buffer = Buffer.alloc(end - start);
      let length = 0;
      for (let bytes = -1; bytes !== 0 && length < buffer.length; length += bytes)
        bytes = content.read(buffer.subarray(length), start + length);
      return buffer.subarray(0, length);
    },
  };
}
